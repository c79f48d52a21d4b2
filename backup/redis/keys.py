"""Counts Redis' keys: the blueprint keyspace of each, and keys that differ from their keyspace's declaration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from christmas.blueprint.keyspace_model import Keyspace
from christmas.blueprint.keyspaces_and_ttls import keyspace_covering, shown_key

if TYPE_CHECKING:
    import redis

OTHER = "other"
OF_NONE = "of no keyspace"
NAMELESS = ""
"""The key without a name fits no pattern of an account's rights, so only one with all keys may ask about it."""
_UNKNOWN = "unknown type"
_PAGE = 1000
_SLACK_MS = 1000
_EXAMPLES = 3


def oddity(space: Keyspace | None, kind: str, left: int) -> tuple[str, str] | None:
    """How a key with this type and milliseconds left (-1: no expiry) differs from its keyspace: a label to count by, and words for people.

    None for a key as declared.
    """
    if space is None:
        return OF_NONE, f"is {OF_NONE} ({kind})"
    if kind != space.value_type:
        return f"{space.name} of type {kind}", f"is of type {kind}"
    if left == -1:
        return f"{space.name} without an expiry", "expires never"
    if left > space.ttl.total_seconds() * 1000 + _SLACK_MS:
        return f"{space.name} with too late an expiry", f"expires in {left} ms"
    return None


@dataclass(slots=True)
class Census:
    """Keys by keyspace, those of no keyspace under `other`; odd ones by label, with a few examples of each in words."""

    keyspaces: dict[str, int] = field(default_factory=dict)
    odd: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def take(self, key: str, kind: str, left: int) -> None:
        """Count one key."""
        space = keyspace_covering(key)
        name = space.name if space else OTHER
        self.keyspaces[name] = self.keyspaces.get(name, 0) + 1
        if odd := oddity(space, kind, left):
            label, words = odd
            self.odd[label] = self.odd.get(label, 0) + 1
            some = self.examples.setdefault(label, [])
            if len(some) < _EXAMPLES:
                some.append(f"{shown_key(key)} {words}")


def census(client: redis.Redis) -> Census:
    """Count all keys by name, type and expiry; values are not read."""
    counted = Census()
    for key, kind, left in _live(client):
        counted.take(key, kind, left)
    return counted


def _live(client: redis.Redis) -> Iterator[tuple[str, str, int]]:
    """Each key with its type and milliseconds left. A scan may return a key twice: it is yielded once."""
    seen: set[int] = set()
    for page in _pages(client):
        fresh = [key for key in page if hash(key) not in seen]
        seen.update(hash(key) for key in fresh)
        if NAMELESS in fresh:
            fresh.remove(NAMELESS)
            yield NAMELESS, _UNKNOWN, -1
        pipeline = client.pipeline(transaction=False)
        for key in fresh:
            pipeline.type(key)
            pipeline.pttl(key)
        answers = pipeline.execute()
        for key, kind, left in zip(fresh, answers[::2], answers[1::2], strict=True):
            if left != -2:
                yield key, str(kind), int(left)


def _pages(client: redis.Redis) -> Iterator[tuple[str, ...]]:
    every: Iterator[str] = client.scan_iter(count=_PAGE)
    while page := tuple(islice(every, _PAGE)):
        yield page
