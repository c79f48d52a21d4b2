"""Which keyspace of the blueprint a Redis key belongs to."""

from __future__ import annotations

import re

from blueprint.keyspaces import KEYSPACES
from blueprint.model import Keyspace

_PATTERNS = {space.name: re.compile(re.escape(space.glob).replace(r"\*", "(.+)"), re.DOTALL) for space in KEYSPACES}
_BY_PATTERN = [(_PATTERNS[space.name], space) for space in KEYSPACES]


def keyspace_of(key: str) -> Keyspace | None:
    """The keyspace that a key belongs to."""
    return next((space for pattern, space in _BY_PATTERN if pattern.fullmatch(key)), None)


def part_of(space: Keyspace, key: str) -> str | None:
    """The variable part of a key of that keyspace; None for a key of another."""
    match = _PATTERNS[space.name].fullmatch(key)
    return match[1] if match else None
