"""Whether clients write to the live stores. A restore would throw their writes away."""

from __future__ import annotations

import contextlib
import time

from backup.queries import query
from backup.sets.model import Store
from infra.clients import postgres, redis_client
from infra.connections import Platform

ACCOUNT = "monitor"
_WATCHED_SECONDS = 1.5


def writing(platform: Platform, stores: tuple[Store, ...]) -> list[str]:
    """Connected writers and stores that are being written to, in words; empty if all is quiet.

    Watches for a moment. A store that can't be reached can't be written to either. Weaviate doesn't report its writers.
    """
    import psycopg
    import redis

    writers: list[str] = []
    if "postgres" in stores:
        with contextlib.suppress(psycopg.OperationalError):
            writers += _postgres(platform)
    if "redis" in stores:
        with contextlib.suppress(redis.RedisError, OSError):
            writers += _redis(platform)
    return writers


def _postgres(platform: Platform) -> list[str]:
    with postgres(platform, ACCOUNT, autocommit=True) as connection:
        sessions = connection.execute(query("writers")).fetchall()
    return [f"PostgreSQL: {count} sessions of account {account}" for account, count in sessions]


def _redis(platform: Platform) -> list[str]:
    with redis_client(platform, ACCOUNT) as client:
        before = int(client.info("replication")["master_repl_offset"]), int(client.info("persistence")["rdb_changes_since_last_save"])
        time.sleep(_WATCHED_SECONDS)
        after = int(client.info("replication")["master_repl_offset"]), int(client.info("persistence")["rdb_changes_since_last_save"])
    return [f"Redis: {after[1] - before[1]} changes within {_WATCHED_SECONDS:g} s"] if after[1] > before[1] or after[0] > before[0] else []
