"""Servers that the folders share: a process starts each once, when the first of its tests asks for it.

Who uses one leaves it as it was: with a database made afresh, an emptied Redis, a platform put right. Tests that can't do that, or that
change what belongs to a whole server, start one of their own.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infra.connections import Platform
from tests.support.postgres_fixtures import empty_platform, migrated_platform, migrated_server, scratch_server
from tests.support.redis_server import run_scratch_redis
from tests.support.scratch_platform import ScratchPlatform, fill, run_scratch_platform

__all__ = ["empty_platform", "migrated_platform", "migrated_server", "scratch_server"]


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Platform]:
    """A Redis server. Empty it before use."""
    with run_scratch_redis() as (platform, _container):
        yield platform


@pytest.fixture(scope="session")
def scratch_platform() -> Iterator[ScratchPlatform]:
    """The three stores, with candles, users, sessions and documents in them."""
    with run_scratch_platform() as running:
        fill(running.platform)
        yield running
