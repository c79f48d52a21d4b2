"""From when on the state of the servers, and of the machine that they run on, is worth a word."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

_MIB = 2**20
_GIB = 2**30

COUNTED = timedelta(hours=1)
"""What servers count since their start is judged by how much came in so long: longer than the time between two checks of the schedule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresAlarms:
    """Shares are of what the server has; sizes in bytes; `checkpoints`, `temporary_bytes` and `deadlocks` count within `COUNTED`.

    `connections` are those that accounts may have, `account_connections` of one account's own bound. `wraparound` is a share of the two
    thousand million transactions after which the server would stop writing, `sequences` of the numbers that a column can hold.
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
    # A backup set asks for two; a server that is asked every five minutes writes its pages again and again.
    checkpoints_warn: int = 12
    temporary_bytes_warn: int = 4 * _GIB
    deadlocks_warn: int = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisAlarms:
    """`fragmentation` is memory taken for each byte in use, and counts from `fragmentation_bytes` lost by it on.

    `clients` is a share of maxclients; `evictions`, `rejected` and `delayed` count within `COUNTED`; a delayed flush of the append-only
    file makes every client wait. `latency` is of the longest event that the server kept within that time.
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
    # The policy saves within the hour where anything was written.
    snapshot_warn: timedelta = timedelta(hours=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class WeaviateAlarms:
    """`queue` is how many vectors wait to be indexed: a search does not find them by then."""

    queue_warn: int = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class HostAlarms:
    """Shares of a disk that are free, of memory that is available, of a container's memory that is in use; `load` is for each core.

    `days` is how long a disk lasts at the speed at which it filled within a day; `clock` how far two clocks may be apart.
    """

    disk_warn: float = 0.1
    disk_critical: float = 0.03
    days_warn: float = 7.0
    days_critical: float = 1.0
    memory_warn: float = 0.1
    memory_critical: float = 0.03
    container_memory_warn: float = 0.9
    container_memory_critical: float = 0.98
    oom_critical: int = 1
    clock_warn: timedelta = timedelta(seconds=2)
    clock_critical: timedelta = timedelta(seconds=30)
    load_warn: float = 4.0
    engine_warn: timedelta = timedelta(seconds=2)


POSTGRES_ALARMS = PostgresAlarms()
REDIS_ALARMS = RedisAlarms()
WEAVIATE_ALARMS = WeaviateAlarms()
HOST_ALARMS = HostAlarms()
