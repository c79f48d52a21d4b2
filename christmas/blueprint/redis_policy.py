"""How the Redis server keeps its memory, its files and its clients in bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisPolicy:
    """Settings of the server, each under the name that the server gives it.

    `fixed` are settings as redis.conf takes them. `where_possible` are those that some builds refuse: a server that takes them
    has them. Of the container's memory `memory_share` holds data; the rest is for copies on write while a snapshot runs, client
    buffers and fragmentation. An alarm is given from `warn_from` and `critical_from` of that share on.
    """

    memory_share: float
    warn_from: float
    critical_from: float
    fixed: Mapping[str, str] = field(hash=False)
    where_possible: Mapping[str, str] = field(hash=False)

    def maxmemory(self, memory_mib: int) -> int:
        """MiB of data that a server with so much memory holds."""
        return int(memory_mib * self.memory_share)


REDIS_POLICY = RedisPolicy(
    memory_share=2 / 3,
    warn_from=0.75,
    critical_from=0.9,
    fixed={
        # Only keys with a TTL are ever evicted, those that would expire soonest first: caches go before sessions.
        "maxmemory-policy": "volatile-ttl",
        "maxmemory-clients": "10%",
        # Memory is given back by a thread beside the one that answers.
        "lazyfree-lazy-eviction": "yes",
        "lazyfree-lazy-expire": "yes",
        "lazyfree-lazy-server-del": "yes",
        "lazyfree-lazy-user-del": "yes",
        "lazyfree-lazy-user-flush": "yes",
        # A second of writes may be lost with the machine; a snapshot is the second way back.
        "appendonly": "yes",
        "appendfsync": "everysec",
        "aof-timestamp-enabled": "yes",
        "aof-use-rdb-preamble": "yes",
        "save": "3600 1 300 100 60 10000",
        "rdbchecksum": "yes",
        "stop-writes-on-bgsave-error": "yes",
        # A client that doesn't read its answers, sends without an end or has gone silent is parted with.
        "client-output-buffer-limit": "normal 64mb 16mb 60 replica 256mb 64mb 60 pubsub 16mb 4mb 60",
        "client-query-buffer-limit": "8mb",
        # The least that the server takes: no single value may be larger (docs/adr/0611).
        "proto-max-bulk-len": "1mb",
        "maxclients": "1000",
        "timeout": "600",
        "tcp-keepalive": "60",
        # Commands over ten milliseconds, and events over fifty, are kept to be looked at.
        "slowlog-log-slower-than": "10000",
        "slowlog-max-len": "256",
        "latency-monitor-threshold": "50",
    },
    where_possible={"activedefrag": "yes"},
)
