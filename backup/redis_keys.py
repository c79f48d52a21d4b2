"""Which keyspace of the blueprint a Redis key belongs to."""

from __future__ import annotations

import functools
import re

from blueprint.keyspaces import KEYSPACES
from blueprint.model import Keyspace


@functools.cache
def _pattern(glob: str) -> re.Pattern[str]:
    return re.compile(re.escape(glob).replace(r"\*", "(.+)"), re.DOTALL)


def keyspace_of(key: str) -> Keyspace | None:
    """The keyspace that a key belongs to."""
    return next((space for space in KEYSPACES if part_of(space, key) is not None), None)


def part_of(space: Keyspace, key: str) -> str | None:
    """The variable part of a key of that keyspace; None for a key of another."""
    match = _pattern(space.glob).fullmatch(key)
    return match[1] if match else None
