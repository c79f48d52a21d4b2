"""Chunks against the room for locks: which table, how many, and what to do."""

import pytest

from christmas.blueprint.relational import TABLES
from christmas.blueprint.services import LOCKS_TO_READ_A_CHUNK, MOST_CHUNKS, POSTGRES_MAX_CONNECTIONS, POSTGRES_MAX_LOCKS, TIMESCALEDB
from infra.components.timescaledb_container import postgresql_conf
from monitor.locks import judge

ROOM = POSTGRES_MAX_LOCKS * POSTGRES_MAX_CONNECTIONS


@pytest.mark.parametrize(
    ("chunks", "room", "status", "told"),
    [
        (390, ROOM, "ok", "market_data's: 390 chunks"),
        (MOST_CHUNKS, ROOM, "warning", f"near the bound of {MOST_CHUNKS} chunks: market_data {MOST_CHUNKS}"),
        (3 * MOST_CHUNKS, ROOM, "warning", "takes much of the locks: market_data 15000 chunks"),
        (4 * MOST_CHUNKS, ROOM, "critical", "may run out of shared memory: market_data 20000 chunks"),
        (3_926, 64 * POSTGRES_MAX_CONNECTIONS, "critical", "market_data 3926 chunks, 19630 of 9600 locks"),
    ],
)
def test_the_table_with_too_many_chunks_is_named(chunks: int, room: int, status: str, told: str) -> None:
    finding = judge([("market_data", chunks, chunks * LOCKS_TO_READ_A_CHUNK, room), ("candles_1d", 3, 9, room)])
    assert finding.status == status
    assert told in finding.message
    assert status == "ok" or "invoke migrate.upkeep" in finding.next_step


def test_a_server_without_hypertables_is_well() -> None:
    assert judge([]).status == "ok"


def test_the_server_gets_room_for_the_chunks_that_are_allowed() -> None:
    assert f"max_locks_per_transaction = {POSTGRES_MAX_LOCKS}\n" in postgresql_conf(TIMESCALEDB.limits)
    for table in TABLES:
        if table.hypertable is not None:
            # The table, its primary key and its indexes.
            assert 1 + 1 + len(table.indexes) <= LOCKS_TO_READ_A_CHUNK, table.name
