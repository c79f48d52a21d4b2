"""Proofs about a restored Redis: as many keys as there were, in each keyspace, of its type, with its TTL."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from backup.proof import READER, Restored, insist, shown
from backup.redis_keys import keyspace_of
from infra.clients import redis_client

if TYPE_CHECKING:
    import redis

_PAGE = 1000
_SLACK_MS = 1000
OTHER = "other"


def keys(restored: Restored) -> str:
    """Redis has as many keys as it had when its log was copied."""
    part = restored.manifest.redis
    insist(part and restored.redis_keys == part.aof_keys, f"{restored.redis_keys} keys, not {part.aof_keys if part else 'any'}")
    return f"{restored.redis_keys} keys"


def keyspaces(restored: Restored) -> str:
    """Each keyspace has the keys it had, but for those that expired since; each is of its type and expires no later than declared."""
    part = restored.manifest.redis
    live: dict[str, int] = {}
    wrong = []
    with redis_client(restored.platform, READER) as client:
        for key, kind, left in _live(client):
            space = keyspace_of(key)
            live[space.name if space else OTHER] = live.get(space.name if space else OTHER, 0) + 1
            if space is None:
                wrong.append(f"{key[:60]!r} is of no keyspace")
            elif kind != space.value_type:
                wrong.append(f"{key[:60]!r} is of type {kind}")
            elif left == -1 or left > space.ttl.total_seconds() * 1000 + _SLACK_MS:
                wrong.append(f"{key[:60]!r} expires {'never' if left == -1 else f'in {left} ms'}")
    insist(not wrong, shown(wrong))
    recorded = part.keyspaces if part else {}
    wrong = count_faults(recorded, live, part.aof_keys if part else 0, restored.redis_keys or 0)
    insist(not wrong, shown(wrong))
    told = ", ".join(f"{name} {count}" for name, count in sorted(live.items())) or "none"
    return f"live keys: {told}; {sum(recorded.values()) - sum(live.values())} expired since the backup; each with its TTL"


def count_faults(recorded: dict[str, int], live: dict[str, int], copied: int, loaded: int) -> list[str]:
    """What the counts of keyspaces can't be explained by.

    `recorded` was counted by the backup, right after the log was copied with `copied` keys; `loaded` counts all that the restored
    server read, before any expired. So keys that came or went while the backup counted are allowed for, and nothing else.
    """
    drift = abs(sum(recorded.values()) - copied)
    found = [
        f"{name} has {count} keys, recorded were {recorded.get(name, 0)}"
        for name, count in live.items()
        if count > recorded.get(name, 0) + drift
    ]
    missing = sum(recorded.values()) - sum(live.values())
    expired = loaded - sum(live.values())
    if missing > expired + drift:
        found.append(f"{missing} of the recorded keys are not there, and only {expired} of them expired")
    return found


def _live(client: redis.Redis) -> Iterator[tuple[str, str, int]]:
    """Each key with its type and its milliseconds left. A scan may show a key twice: it is told once."""
    seen: set[int] = set()
    for page in batched_keys(client):
        fresh = [key for key in page if hash(key) not in seen]
        seen.update(hash(key) for key in fresh)
        pipeline = client.pipeline(transaction=False)
        for key in fresh:
            pipeline.type(key)
            pipeline.pttl(key)
        answers = pipeline.execute()
        for key, kind, left in zip(fresh, answers[::2], answers[1::2], strict=True):
            if left != -2:
                yield key, str(kind), int(left)


def batched_keys(client: redis.Redis) -> Iterator[tuple[str, ...]]:
    """All keys, a page at a time."""
    every: Iterator[str] = client.scan_iter(count=_PAGE)
    while page := tuple(islice(every, _PAGE)):
        yield page
