"""Whether every Redis key belongs to a keyspace and will expire in time. Looks at a bounded number of keys."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from backup.redis_keys import keyspace_of
from infra import clients
from infra.connections import Platform
from monitor.result import Finding, critical, ok, warning

if TYPE_CHECKING:
    import redis

ACCOUNT = "monitor"
MAX_KEYS = 20_000
MAX_SECONDS = 2.0
_PAGE = 500
# Between reading and judging a key a moment passes; and Redis rounds.
_SLACK_MS = 1_000


def judge(key: str, kind: str, ttl_ms: int) -> str | None:
    """What is wrong with a key, or None. `ttl_ms` as PTTL tells it: -1 is "never expires", -2 "is gone"."""
    if ttl_ms == -2 or kind == "none":
        return None
    space = keyspace_of(key)
    if space is None:
        return "of no keyspace"
    if ttl_ms == -1:
        return "without a TTL"
    if ttl_ms > space.ttl.total_seconds() * 1000 + _SLACK_MS:
        return "with a longer TTL than declared"
    return None if kind == space.value_type else f"of type {kind} where {space.name} has {space.value_type}"


def expiry(platform: Platform) -> Finding:
    """Keys belong to a declared keyspace, have its type, and expire no later than it says."""
    found: dict[str, list[str]] = {}
    with clients.redis_client(platform, ACCOUNT) as client:
        total = int(client.dbsize())
        seen = _look(client, found)
    if not found:
        return ok(f"{seen} of {total} keys looked at; all expire as declared", seen, "keys")
    told = "; ".join(f"{len(keys)} {problem} (such as {keys[0][:60]!r})" for problem, keys in found.items())
    judged = critical if "without a TTL" in found else warning
    return judged(
        f"of {seen} keys looked at: {told}", "find out who writes them; docs/checks.md says how", sum(map(len, found.values())), "keys"
    )


def _look(client: redis.Redis, found: dict[str, list[str]]) -> int:
    """Go through keys until the bound; returns how many were seen."""
    deadline, cursor, seen = time.monotonic() + MAX_SECONDS, 0, 0
    while True:
        cursor, keys = client.scan(cursor, count=_PAGE)
        pipeline = client.pipeline(transaction=False)
        for key in keys:
            pipeline.type(key)
            pipeline.pttl(key)
        answers = pipeline.execute()
        for key, kind, ttl in zip(keys, answers[::2], answers[1::2], strict=True):
            if problem := judge(str(key), kind, ttl):
                found.setdefault(problem, []).append(str(key))
        seen += len(keys)
        if cursor == 0 or seen >= MAX_KEYS or time.monotonic() > deadline:
            return seen
