"""Verdicts about a row, and about a whole file."""

from __future__ import annotations

from core.errors import PlatformError


class BadRow(ValueError):  # noqa: N818 - a verdict, not a failure
    """Why a row can't be loaded."""


def unclear(what: str, where: str, line: int, next_step: str) -> PlatformError:
    """The refusal of an ambiguous file: nothing of it is loaded."""
    return PlatformError(what, where=f"{where}, line {line}", next_step=f"{next_step}; nothing of this file was loaded")


def printable(text: str, limit: int = 300) -> str:
    """Text from a file, safe for a terminal: unprintable characters become `?`."""
    return "".join(character if character.isprintable() else "?" for character in text[:limit])
