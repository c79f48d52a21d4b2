"""Whether the live stores are empty, so that a restore loses nothing. New stores, as after a loss, are empty."""

from __future__ import annotations

from backup.queries import query
from backup.sets.model import Store
from core.errors import PlatformError
from infra.connections import Platform

_ACCOUNT = "backup"


def empty(platform: Platform, stores: tuple[Store, ...]) -> bool:
    """Whether each of these stores is certainly empty: no table of ours, no key, no collection.

    A store that can't be asked does not count as empty.
    """
    return all(_STORES[store](platform) for store in stores)


def _postgres(platform: Platform) -> bool:
    import psycopg

    from infra.clients import postgres

    try:
        with postgres(platform, _ACCOUNT) as connection:
            row = connection.execute(query("user_tables")).fetchone()
    except psycopg.Error:
        return False
    return row is not None and row[0] == 0


def _redis(platform: Platform) -> bool:
    import redis

    from infra.clients import redis_client

    try:
        with redis_client(platform, "monitor") as client:
            # Lists only databases with keys.
            return not client.info("keyspace")
    except (redis.RedisError, OSError):
        return False


def _weaviate(platform: Platform) -> bool:
    from infra.provider.weaviate_api import WeaviateApi

    try:
        api = WeaviateApi(platform.weaviate_url(), platform.ca_file.read_text(encoding="utf-8"), platform.secret(_ACCOUNT, "weaviate"))
        return not (api.get("schema") or {}).get("classes")
    except (PlatformError, OSError):
        return False


_STORES = {"postgres": _postgres, "redis": _redis, "weaviate": _weaviate}
