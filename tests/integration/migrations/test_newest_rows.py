"""The specification's hypertables have an index on time alone: the newest rows are read, and nothing is sorted."""

from __future__ import annotations

import json

import psycopg
import pytest

from tests.support.postgres_server import ScratchServer

CHUNKS = 40


@pytest.mark.parametrize(("table", "more"), [("market_data", ""), ("technical_indicators", ", indicator_type")])
def test_the_newest_five_rows_come_from_one_chunk_without_a_sort(migrated_server: ScratchServer, table: str, more: str) -> None:
    value = ", 'sma'" if more else ""
    with psycopg.connect(migrated_server.platform.postgres_url("migrator")) as connection:
        connection.execute(
            f"insert into {table} (symbol, timestamp{more}) select 'S' || s, '2010-01-01'::timestamptz + d * interval '7 days'{value} "
            f"from generate_series(1, 20) as s, generate_series(1, {4 * CHUNKS}) as d".encode()
        )
        connection.execute(f"analyze {table}".encode())
        newest = f"select * from {table} order by timestamp desc limit 5"
        row = connection.execute(f"explain (analyze, format json) {newest}".encode()).fetchone()
        connection.rollback()
    assert row is not None
    plan = json.dumps(row[0])
    assert '"Sort"' not in plan
    assert f"{table}_timestamp_idx" in plan
    nodes, read = [row[0][0]["Plan"]], []
    while nodes:
        node = nodes.pop()
        nodes += node.get("Plans", [])
        if node.get("Relation Name", table) != table:
            read.append(node["Actual Loops"])
    assert len(read) >= CHUNKS
    assert sum(1 for loops in read if loops) == 1
