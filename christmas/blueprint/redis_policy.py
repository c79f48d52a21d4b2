"""Settings that bound the Redis server's memory, files and clients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisPolicy:
    """Settings of the server, by the server's own names.

    `fixed` are settings for redis.conf. `where_possible` are those that some builds refuse: a server that supports them uses
    them. `memory_share` is the part of the container's memory for data; the rest is for copy-on-write during a snapshot, client
    buffers and fragmentation. Checks warn from `warn_from` and `critical_from` of that share on.
    """

    memory_share: float
    warn_from: float
    critical_from: float
    fixed: Mapping[str, str] = field(hash=False)
    where_possible: Mapping[str, str] = field(hash=False)

    def maxmemory(self, memory_mib: int) -> int:
        """MiB of data for a container with that much memory."""
        return int(memory_mib * self.memory_share)


REDIS_POLICY = RedisPolicy(
    memory_share=2 / 3,
    warn_from=0.75,
    critical_from=0.9,
    fixed={
        # Only keys with a TTL are evicted, those that expire soonest first: caches before sessions.
        "maxmemory-policy": "volatile-ttl",
        "maxmemory-clients": "10%",
        # A background thread frees memory, beside the main thread.
        "lazyfree-lazy-eviction": "yes",
        "lazyfree-lazy-expire": "yes",
        "lazyfree-lazy-server-del": "yes",
        "lazyfree-lazy-user-del": "yes",
        "lazyfree-lazy-user-flush": "yes",
        # A crash of the machine may lose a second of writes; a snapshot is the second way to recover.
        "appendonly": "yes",
        "appendfsync": "everysec",
        "aof-timestamp-enabled": "yes",
        "aof-use-rdb-preamble": "yes",
        "save": "3600 1 300 100 60 10000",
        "rdbchecksum": "yes",
        "stop-writes-on-bgsave-error": "yes",
        # Disconnect a client that doesn't read its answers, sends without end, or has gone silent.
        "client-output-buffer-limit": "normal 64mb 16mb 60 replica 256mb 64mb 60 pubsub 16mb 4mb 60",
        "client-query-buffer-limit": "8mb",
        # The lowest limit that the server accepts: no single value may be larger (docs/adr/0611).
        "proto-max-bulk-len": "1mb",
        "maxclients": "1000",
        "timeout": "600",
        "tcp-keepalive": "60",
        # Log commands over ten milliseconds and events over fifty.
        "slowlog-log-slower-than": "10000",
        "slowlog-max-len": "256",
        "latency-monitor-threshold": "50",
    },
    where_possible={"activedefrag": "yes"},
)
