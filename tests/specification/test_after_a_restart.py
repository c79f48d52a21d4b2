"""A server of PostgreSQL that was started again has ended the connections that applications keep: none of them meets a request."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping

import pytest

import christmas
from core.container_commands import execute
from infra.connections import Platform

KEPT = 3
END = "select pg_terminate_backend(pid, 5000) from pg_stat_activity where usename = 'app'"


def end_connections(platform: Platform) -> int:
    """What a restart does to them, without the time that it takes."""
    told = execute(platform.containers["timescaledb"], ["psql", "-X", "-A", "-t", "-U", "postgres", "-c", END], user="postgres")
    return told.stdout.decode().split().count("t")


@pytest.mark.exhaustive
def test_no_thread_is_given_an_ended_connection(platform: Platform, settings: Mapping[str, str]) -> None:
    def used(stores: christmas.Stores) -> list[object]:
        with contextlib.ExitStack() as held:
            connections = [held.enter_context(stores.postgres.connection()) for _ in range(KEPT)]
            return [connection.execute("select 1").fetchone() for connection in connections]

    with christmas.connect(settings) as stores:
        assert used(stores) == [(1,)] * KEPT
        assert end_connections(platform) == KEPT
        assert used(stores) == [(1,)] * KEPT


def test_no_task_is_given_an_ended_connection(platform: Platform, settings: Mapping[str, str]) -> None:
    async def used(stores: christmas.AsyncStores) -> list[object]:
        async with contextlib.AsyncExitStack() as held:
            pool = await stores.postgres()
            connections = [await held.enter_async_context(pool.connection()) for _ in range(KEPT)]
            return [await (await connection.execute("select 1")).fetchone() for connection in connections]

    async def twice() -> tuple[list[object], int, list[object]]:
        async with christmas.connect_async(settings) as stores:
            return await used(stores), end_connections(platform), await used(stores)

    assert asyncio.run(twice()) == ([(1,)] * KEPT, KEPT, [(1,)] * KEPT)
