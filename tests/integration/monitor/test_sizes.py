"""What the hourly record of growth measures, on real stores."""

from __future__ import annotations

import dataclasses

import pytest

from infra.clients import postgres, redis_client
from infra.connections import Endpoint, Platform
from monitor.growth.sizes import measure, unit_of
from tests.support.scratch_platform import ScratchPlatform


@pytest.fixture
def platform(scratch_platform: ScratchPlatform) -> Platform:
    return scratch_platform.platform


def test_every_table_keyspace_and_collection_has_a_size_that_grows_with_it(platform: Platform) -> None:
    before = measure(platform)
    assert {unit_of(name) for name in before} >= {"bytes"}
    assert {"table users", "table market_data", "backups all sets"} <= set(before)
    with postgres(platform, "migrator") as connection:
        connection.execute("create table grows as select repeat('x', 1000) as filling from generate_series(1, 5000)")
    with redis_client(platform, "api") as client:
        client.set("rate_limit:192.0.2.99", 1, ex=60)
    try:
        after = measure(platform)
    finally:
        with postgres(platform, "migrator") as connection, redis_client(platform, "api") as client:
            connection.execute("drop table grows")
            client.delete("rate_limit:192.0.2.99")
    assert after["table grows"] > 4_000_000
    assert after["keyspace rate_limit"] >= 1
    assert unit_of("keyspace rate_limit") == "keys"


def test_a_store_that_does_not_answer_hides_no_other(platform: Platform) -> None:
    nobody = Endpoint("127.0.0.1", 9, "redis", 9)
    broken = dataclasses.replace(platform, endpoints={**platform.endpoints, "redis": nobody})
    sizes = measure(broken)
    assert "table users" in sizes
    assert not any(name.startswith("keyspace") for name in sizes)
