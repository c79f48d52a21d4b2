"""Each check of Redis on a real server: ok before, not ok during the real fault, ok after."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import redis

from christmas.blueprint.server_alarms import REDIS_ALARMS
from core.container_commands import execute
from infra.clients import redis_client
from infra.connections import Platform
from monitor import redis_health
from tests.support.checking import only, turned
from tests.support.scratch_platform import ScratchPlatform
from tests.support.waiting import wait_for


@pytest.fixture
def platform(scratch_platform: ScratchPlatform) -> Platform:
    return scratch_platform.platform


@contextlib.contextmanager
def setting(platform: Platform, name: str, value: object) -> Iterator[redis.Redis]:
    with redis_client(platform, "admin") as admin:
        before = str(admin.config_get(name)[name])
        admin.config_set(name, str(value))
        try:
            yield admin
        finally:
            admin.config_set(name, before)


def test_a_snapshot_that_can_not_be_written(platform: Platform) -> None:
    assert only(platform, "redis.persistence").status == "ok"
    container = platform.containers["redis"]
    with redis_client(platform, "admin") as admin:

        def begun() -> bool:
            try:
                return bool(admin.bgsave())
            except redis.exceptions.ResponseError:
                return False  # the server writes one by itself, or its log anew

        def save() -> str:
            wait_for(begun, "a snapshot of this test's own begins")
            wait_for(lambda: not admin.info("persistence")["rdb_bgsave_in_progress"], "it has ended")
            return str(admin.info("persistence")["rdb_last_bgsave_status"])

        execute(container, ["chmod", "500", "/data"])
        try:
            assert save() == "err"
            found = only(platform, "redis.persistence")
        finally:
            execute(container, ["chmod", "700", "/data"])
            assert save() == "ok"
    assert found.status == "critical"
    assert found.message.startswith("the last snapshot failed")
    assert only(platform, "redis.persistence").status == "ok"


def test_clients_that_are_turned_away(platform: Platform) -> None:
    assert only(platform, "redis.clients").status == "ok"

    def connected() -> int:
        with redis_client(platform, "monitor") as client:
            return int(client.info("clients")["connected_clients"])

    # Those of the check end a moment later than it does.
    wait_for(lambda: connected() == 1, "nobody else is connected")
    with setting(platform, "maxclients", 2), contextlib.ExitStack() as opened:
        tight = only(platform, "redis.clients")
        refused = [opened.enter_context(redis_client(platform, "monitor")) for _ in range(8)]
        with pytest.raises((redis.exceptions.ConnectionError, redis.exceptions.ResponseError)):
            any(each.ping() is None for each in refused)
    found = only(platform, "redis.clients")
    assert tight.status in {"warning", "critical"}
    assert (found.status, "were rejected" in found.message) == ("critical", True)


@pytest.mark.exhaustive
def test_clients_that_wait_for_a_key(platform: Platform) -> None:
    eager = replace(REDIS_ALARMS, blocked_warn=1)
    assert redis_health.blocked(platform, eager).status == "ok"
    with redis_client(platform, "admin") as admin:
        waiting = threading.Thread(target=lambda: admin.blpop(["nobody:fills:this"], timeout=20), daemon=True)
        waiting.start()
        found = turned(lambda: redis_health.blocked(platform, eager), "warning", "it waits")
        with redis_client(platform, "admin") as other:
            other.client_unblock(int(next(each["id"] for each in other.client_list() if "b" in each["flags"])))
        waiting.join()
    assert found.message == "1 clients are blocked in a command"


def test_keys_that_are_evicted(platform: Platform) -> None:
    only(platform, "redis.evictions")
    names = [f"rate_limit:192.0.2.{number}" for number in range(3000)]
    with redis_client(platform, "api") as client:
        with client.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.set(name, "1", ex=30)
            pipe.execute()
        used = int(_info(platform, "memory")["used_memory"])
        with setting(platform, "maxmemory", used - 100_000):
            # Those that would expire soonest go first, so it is these.
            client.set(names[0], "1", ex=30)
            found = only(platform, "redis.evictions")
        client.delete(*names)
    assert found.status == "warning"
    assert "keys were evicted" in found.message


@pytest.mark.exhaustive
def test_memory_that_is_lost_between(platform: Platform) -> None:
    assert only(platform, "redis.fragmentation").status == "ok"
    eager = replace(REDIS_ALARMS, fragmentation_warn=0.01, fragmentation_bytes=-(2**40))
    found = redis_health.fragmentation(platform, eager)
    assert found.status == "warning"
    assert "fragmentation ratio" in found.message


@pytest.mark.exhaustive
def test_an_event_that_held_everybody_up(platform: Platform) -> None:
    with setting(platform, "latency-monitor-threshold", 1) as admin:
        admin.execute_command("LATENCY", "RESET")
        assert only(platform, "redis.latency").status == "ok"
        names = [f"rate_limit:198.51.100.{number}" for number in range(20_000)]
        with redis_client(platform, "api") as client, client.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.set(name, "1", ex=60)
            pipe.execute()
        eager = replace(REDIS_ALARMS, latency_warn=_seconds(0.001), latency_critical=_seconds(3600))

        def slow() -> bool:
            admin.execute_command("KEYS", "*")
            return redis_health.latency(platform, eager).status == "warning"

        wait_for(slow, "a command took longer than a millisecond")
        found = redis_health.latency(platform, eager)
        with redis_client(platform, "api") as client:
            client.delete(*names)
        admin.execute_command("LATENCY", "RESET")
    assert "command" in found.message


def _seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def _info(platform: Platform, section: str) -> dict[str, Any]:
    with redis_client(platform, "monitor") as client:
        found: dict[str, Any] = client.info(section)
        return found
