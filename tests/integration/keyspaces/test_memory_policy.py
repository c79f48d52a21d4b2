"""What the platform's own redis.conf does when memory runs out: only what ends is evicted, and sessions go last."""

from __future__ import annotations

import pytest
import redis

from access import pools
from access.sessions import Sessions
from blueprint.keyspaces import SESSION
from blueprint.services import REDIS
from infra.components.redis_config import redis_conf
from tests.support.redis_server import run_scratch_redis

_WANTED = (
    "maxmemory-policy",
    "maxmemory-clients",
    "lazyfree-",
    "client-output-buffer-limit",
    "timeout",
    "appendonly",
    "appendfsync",
    "save ",
)
LIMIT_MIB = 24


def _policy() -> list[str]:
    """The policy lines of the configuration as it is provisioned, with a small memory instead of its own."""
    lines = [line for line in redis_conf(REDIS.limits).splitlines() if line.startswith(_WANTED)]
    assert any(line.startswith("maxmemory-policy") for line in lines)
    return [*lines, f"maxmemory {LIMIT_MIB}mb"]


def _fill(admin: redis.Redis) -> None:
    for number in range(20_000):
        admin.set(f"endless:{number}", "x" * 8000)


def test_filling_memory_evicts_caches_and_leaves_sessions() -> None:
    with run_scratch_redis(*_policy()) as (platform, _container):
        api, admin = pools.connect(platform.redis_url("api"), timeout=20), pools.connect(platform.redis_url("admin"), timeout=20)
        sessions = Sessions(api)
        alive = [sessions.create(number, "x" * 50) for number in range(300)]
        admin.set("endless", "not for eviction: it has no end")
        written = 0
        while int(admin.info("stats")["evicted_keys"]) < 500:
            pipeline = api.pipeline(transaction=False)
            for number in range(written, written + 500):
                pipeline.set(f"user:{number}:preferences", '{"theme":"' + "d" * 8000 + '"}', px=3_600_000)
            pipeline.execute()
            written += 500
            assert written < 50_000, "memory never ran out"
        assert int(admin.info("memory")["used_memory"]) < (LIMIT_MIB + 8) * 2**20
        assert all(sessions.read(each.id) for each in alive)
        assert admin.exists("endless") == 1
        assert len(list(api.scan_iter(match="user:*:preferences", count=1000))) < written
        for client in (api, admin):
            client.close()
            client.connection_pool.disconnect()


def test_with_nothing_left_to_evict_writes_fail_and_reads_go_on() -> None:
    with run_scratch_redis(*_policy()) as (platform, _container):
        admin = pools.connect(platform.redis_url("admin"), timeout=20)
        api = pools.connect(platform.redis_url("api"), timeout=20)
        made = Sessions(api).create(1, "x")
        admin.persist(SESSION.key(made.id))
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            _fill(admin)
        assert Sessions(api).read(made.id) is not None
        for client in (api, admin):
            client.close()
            client.connection_pool.disconnect()
