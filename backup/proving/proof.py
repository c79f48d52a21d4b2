"""The form of a proof: a function of restored stores that returns its finding or raises Disproved."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from backup.sets.model import Manifest
from core.words import shortened
from infra.connections import Platform

READER = "backup"
_SHOWN = 5


class Disproved(Exception):  # noqa: N818 - a finding, no error of the program
    """The restored state is wrong; the message says how."""


@dataclass(frozen=True, slots=True)
class RestoredPlatform:
    """A restored platform, and the manifest to compare it with. Redis' keys, and those that expire, were counted before one could.

    The secrets of the accounts in `rotated` are newer than the set, so it can't know them.
    """

    platform: Platform
    manifest: Manifest
    redis_keys: int | None = None
    redis_expires: int | None = None
    rotated: frozenset[str] = frozenset()


Proof = Callable[[RestoredPlatform], str]


def insist(condition: object, message: str) -> None:
    """Raise Disproved with the message unless the condition holds."""
    if not condition:
        raise Disproved(message)


def shown(things: Iterable[object]) -> str:
    """The first few items, and how many more there are."""
    return shortened(things, _SHOWN, ",")
