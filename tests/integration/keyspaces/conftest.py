"""One scratch Redis for all tests of a session, emptied before each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infra import clients
from infra.connections import Platform
from tests.support.redis_server import run_scratch_redis


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Platform]:
    with run_scratch_redis() as (platform, _container):
        yield platform


@pytest.fixture
def redis_platform(redis_server: Platform) -> Platform:
    with clients.redis_client(redis_server, "admin") as client:
        client.flushall()
    return redis_server
