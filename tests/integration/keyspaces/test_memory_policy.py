"""What the platform's own redis.conf does when memory runs out: only what ends is evicted, and sessions go last."""

from __future__ import annotations

import pytest
import redis

from christmas import pools
from christmas.blueprint.keyspaces_and_ttls import SESSION
from christmas.sessions import Sessions
from infra.components.redis_start_command import start_command
from monitor import redis_health, redis_settings
from tests.support.inside import printed_alone
from tests.support.redis_server import run_scratch_redis
from tests.support.scratch import image
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.exhaustive

LIMIT_MIB = 24


def _fill(admin: redis.Redis) -> None:
    for number in range(20_000):
        admin.set(f"endless:{number}", "x" * 8000)


def test_filling_memory_evicts_caches_and_leaves_sessions() -> None:
    with run_scratch_redis(f"maxmemory {LIMIT_MIB}mb") as (platform, _container):
        api, admin = (
            pools.connect(platform.redis_url("api"), timeout=PATIENCE),
            pools.connect(platform.redis_url("admin"), timeout=PATIENCE),
        )
        sessions = Sessions(api)
        alive = [sessions.create(number, "x" * 50) for number in range(300)]
        admin.set("endless", "not for eviction: it has no end")
        written, alarms = 0, list[tuple[str, int]]()
        while int(admin.info("stats")["evicted_keys"]) < 500:
            alarms.append((str(redis_health.memory(platform).status), int(admin.info("stats")["evicted_keys"])))
            pipeline = api.pipeline(transaction=False)
            for number in range(written, written + 200):
                pipeline.set(f"user:{number}:preferences", '{"theme":"' + "d" * 8000 + '"}', px=3_600_000)
            pipeline.execute()
            written += 200
            assert written < 50_000, "memory never ran out"
        assert int(admin.info("memory")["used_memory"]) < (LIMIT_MIB + 8) * 2**20
        # Whoever watched was told while nothing had been lost yet.
        assert alarms[0] == ("ok", 0)
        assert ("warning", 0) in alarms
        assert ("critical", 0) in alarms
        assert redis_settings.policy(platform).status == "ok"
        assert all(sessions.read(str(each.token)) for each in alive)
        assert admin.exists("endless") == 1
        assert len(list(api.scan_iter(match="user:*:preferences", count=1000))) < written
        for client in (api, admin):
            client.close()
            client.connection_pool.disconnect()


def test_with_nothing_left_to_evict_writes_fail_and_reads_go_on() -> None:
    with run_scratch_redis(f"maxmemory {LIMIT_MIB}mb") as (platform, _container):
        admin = pools.connect(platform.redis_url("admin"), timeout=PATIENCE)
        api = pools.connect(platform.redis_url("api"), timeout=PATIENCE)
        created = Sessions(api).create(1, "x")
        admin.persist(SESSION.key(created.id))
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            _fill(admin)
        assert Sessions(api).read(str(created.token)) is not None
        for client in (api, admin):
            client.close()
            client.connection_pool.disconnect()


def test_a_build_is_asked_what_it_can_do_before_the_server_starts() -> None:
    """This project's build refuses active defragmentation and starts without it; what it takes, it is started with."""
    started = start_command()
    script = started[2].replace("/run/christmas/redis.conf", "--port 0 --unixsocket /tmp/redis.sock")
    for name, there in (("activedefrag", False), ("jemalloc-bg-thread", True)):
        run = script.replace("activedefrag", name).replace("exec redis-server", "echo")
        said = printed_alone(image("redis"), "sh", "-c", run, "redis-server", network_mode="none")
        assert (f"--{name} yes" in said) is there
