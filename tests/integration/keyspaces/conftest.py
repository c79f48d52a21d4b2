"""The Redis server of the process, emptied before each test."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest
import redis

from christmas import pools
from christmas.blueprint.keyspace_model import ValueType
from christmas.blueprint.keyspaces_and_ttls import KEYSPACES, MARKET_LATEST, keyspace_of
from christmas.values import fault
from infra import clients
from infra.connections import Endpoint, Platform
from tests.support.redis_outage import Relay, relay
from tests.support.waiting import PATIENCE, wait_for

_GONE = -2  # PTTL's answer


@pytest.fixture
def redis_platform(redis_server: Platform) -> Platform:
    with clients.redis_client(redis_server, "admin") as client:
        client.flushall()
    return redis_server


class Both:
    """Runs a sync accessor's methods, or an async one's as if they were sync."""

    def __init__(self, accessor: Any, loop: asyncio.AbstractEventLoop | None) -> None:
        self._accessor, self._loop = accessor, loop

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._accessor, name)
        if self._loop is None:
            return method  # type: ignore[no-any-return]
        loop = self._loop
        return lambda *args, **options: loop.run_until_complete(method(*args, **options))


@pytest.fixture(params=[pytest.param("sync", marks=pytest.mark.exhaustive), "async"])
def make(request: pytest.FixtureRequest, redis_platform: Platform) -> Iterator[Callable[..., Both]]:
    """make(Sync, Async, account, *rest) gives an accessor of the kind under test."""
    loop = asyncio.new_event_loop() if request.param == "async" else None
    made: list[Any] = []

    def build(kind: type, async_kind: type, *rest: Any, account: str = "api", platform: Platform = redis_platform, **options: Any) -> Both:
        if loop is None:
            client: Any = pools.connect(platform.redis_url(account), timeout=PATIENCE)
        else:
            client = pools.connect_async(platform.redis_url(account), timeout=PATIENCE)
        made.append(client)
        return Both((async_kind if loop else kind)(client, *rest, **options), loop)

    yield build
    for client in made:
        if loop is None:
            client.close()
            client.connection_pool.disconnect()
        else:
            loop.run_until_complete(client.aclose(close_connection_pool=True))
    if loop:
        loop.run_until_complete(asyncio.sleep(0.05))
        loop.close()


@pytest.fixture
def admin(redis_platform: Platform) -> Iterator[redis.Redis]:
    client = pools.connect(redis_platform.redis_url("admin"))
    yield client
    client.close()
    client.connection_pool.disconnect()


@pytest.fixture
def outage(redis_platform: Platform) -> Iterator[tuple[Platform, Relay]]:
    """A Platform that reaches Redis through a relay that can be cut. Loopback stays loopback, so the certificate holds."""
    with relay(*redis_platform.endpoints["redis"].address()) as made:
        yield dataclasses.replace(redis_platform, endpoints={"redis": Endpoint("127.0.0.1", made.port, "redis", 6379)}), made


def everything_is_sound(admin: redis.Redis) -> bool:
    for key in admin.scan_iter():
        keyspace = keyspace_of(key)
        assert keyspace in KEYSPACES, key
        raw: Any = admin.hgetall(key) if keyspace.value_type is ValueType.HASH else admin.get(key)
        left = int(admin.pttl(key))
        if left != _GONE:  # its time was over while it was looked at
            assert fault(keyspace, raw) is None
            assert 0 < left <= keyspace.ttl.total_seconds() * 1000
    return True


_Seen = TypeVar("_Seen")


def in_time(platform: Platform, written_and_seen: Callable[[], _Seen]) -> _Seen:
    """What was seen of entries before the first of them could expire: candles live for seconds, and a machine may stand still as long."""

    def looked() -> tuple[_Seen] | None:
        with clients.redis_client(platform, "admin") as client:
            client.flushall()
        began = time.monotonic()
        seen = written_and_seen()
        return (seen,) if time.monotonic() - began < MARKET_LATEST.ttl.total_seconds() else None

    return wait_for(looked, "entries were written and looked at before they expired")[0]
