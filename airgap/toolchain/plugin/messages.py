"""What a message to the user through the engine may hold, and how grave it is. Without gRPC: the checks load this with every run."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

_MASK = "[secret]"
_SHORTEST = 4
"""Shorter secrets are not masked: that would hide half of every message and protect nothing."""


class Severity(StrEnum):
    """Severities of the engine's log."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"


def redacted(text: str, secrets: Iterable[str]) -> str:
    """Return the text with every secret masked, even if only one line of it is quoted."""
    pieces = {piece for secret in secrets for piece in (secret, secret.partition("=")[2], *secret.splitlines()) if len(piece) >= _SHORTEST}
    for piece in sorted(pieces, key=len, reverse=True):
        text = text.replace(piece, _MASK)
    return text
