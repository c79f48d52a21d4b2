"""Bounds from which the checks of the servers report a problem. Those of their machine: machine_alarms.py."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

_MIB = 2**20
_GIB = 2**30

COUNTED = timedelta(hours=1)
"""The window in which increases of server counters are judged: longer than the pause between two checks of the schedule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresAlarms:
    """Shares are of what the server has; sizes in bytes; `checkpoints`, `temporary_bytes` and `deadlocks` count within `COUNTED`.

    `connections` is of all connections for accounts, `account_connections` of one account's limit. `wraparound` is of the 2^31
    transactions after which the server stops writing, `sequences` of the numbers that a column can hold. `commit` is how long the
    log's writes to the disk take on average since the last look: of `commits_needed`, or of fewer that took as long as so many may.
    """

    connections_warn: float = 0.75
    connections_critical: float = 0.9
    account_connections_warn: float = 0.9
    lock_wait_warn: timedelta = timedelta(seconds=10)
    lock_wait_critical: timedelta = timedelta(minutes=1)
    slot_bytes_critical: int = 2 * _GIB
    wraparound_warn: float = 0.25
    wraparound_critical: float = 0.5
    sequences_warn: float = 0.75
    sequences_critical: float = 0.9
    # A backup set requests two. One every five minutes rewrites the same pages too often.
    checkpoints_warn: int = 12
    # As for Redis. A disk that turns takes 10 to 20 ms.
    commit_warn: timedelta = timedelta(milliseconds=250)
    commit_critical: timedelta = timedelta(seconds=2)
    commits_needed: int = 5
    temporary_bytes_warn: int = 4 * _GIB
    deadlocks_warn: int = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisAlarms:
    """`fragmentation` is the ratio of resident to used memory; it matters from `fragmentation_bytes` of waste on.

    `clients` is a share of maxclients; `evictions`, `rejected` and `delayed` count within `COUNTED`; a delayed fsync of the append-only
    file blocks every client. `latency` is of the longest latency event within that time.
    """

    fragmentation_warn: float = 1.5
    fragmentation_bytes: int = 100 * _MIB
    clients_warn: float = 0.75
    clients_critical: float = 0.9
    rejected_critical: int = 1
    blocked_warn: int = 20
    evictions_warn: int = 1
    evictions_critical: int = 10_000
    delayed_warn: int = 1
    latency_warn: timedelta = timedelta(milliseconds=250)
    latency_critical: timedelta = timedelta(seconds=2)
    # The policy saves every hour after a change.
    snapshot_warn: timedelta = timedelta(hours=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class WeaviateAlarms:
    """`queue` is the number of vectors not indexed yet: searches do not find them.

    `clients` is a share of the connections that the network may have; `rejected` counts within `COUNTED`.
    """

    queue_warn: int = 10_000
    clients_warn: float = 0.75
    clients_critical: float = 0.9
    rejected_critical: int = 1


POSTGRES_ALARMS = PostgresAlarms()
REDIS_ALARMS = RedisAlarms()
WEAVIATE_ALARMS = WeaviateAlarms()
