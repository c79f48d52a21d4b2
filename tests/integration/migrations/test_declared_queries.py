"""The declared queries on five million candles: what serves them, how many chunks and how many pages they touch."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from christmas.blueprint.queries import QUERIES, Query
from christmas.blueprint.relational import TABLES
from infra.connections import Platform
from tests.support.postgres_server import ScratchServer

pytestmark = pytest.mark.exhaustive

SYMBOLS = 100
DAYS = 129  # sessions of 390 minutes: five million candles over four and a half months
START = datetime(2024, 1, 1, 14, 30, tzinfo=UTC)
BIG_PAGES = 100

# What a sealed value looks like to the database.
SEALED = "'\\xc101'::bytea || decode(repeat('00', 62), 'hex')"

FILL = (
    # Triggers off: what they note is not the matter here. The rules of the tables stay on.
    "set session_replication_role = replica",
    f"""insert into market_data (symbol, timestamp, open, high, low, close, volume)
        select 'S' || s, '{START.isoformat()}'::timestamptz + d * interval '1 day' + m * interval '1 minute', 10, 12, 9, 11, m
        from generate_series(0, {DAYS - 1}) as d, generate_series(0, 389) as m, generate_series(1, {SYMBOLS}) as s""",
    f"""insert into technical_indicators (symbol, timestamp, indicator_type, value, parameters)
        select 'S' || s, '{START.isoformat()}'::timestamptz + d * interval '1 day' + h * interval '1 hour', i, 1, '{{"period": 20}}'
        from generate_series(0, {DAYS - 1}) as d, generate_series(0, 6) as h, generate_series(1, {SYMBOLS}) as s,
            unnest(array['sma', 'ema', 'rsi']) as i""",
    """insert into users (username, email, password_hash)
        select 'u' || n, n || '@example.com', '$argon2id$x' from generate_series(1, 500) as n""",
    f"""insert into user_profiles (user_id, phone, phone_index)
        select n, {SEALED}, decode(lpad(to_hex(n), 76, '0'), 'hex') from generate_series(1, 500) as n""",
    """insert into orders (user_id, symbol, order_type, side, quantity, price, status, created_at)
        select 1 + n % 500, 'S' || 1 + n % 100, 'limit', 'buy', 1, 10, case when n % 97 = 0 then 'open' else 'filled' end,
            '2024-01-01'::timestamptz + n * interval '2 minutes'
        from generate_series(1, 100000) as n""",
    """insert into trades (order_id, user_id, symbol, side, quantity, price, timestamp, fee)
        select n, 1 + n % 500, 'S' || 1 + n % 100, case when n % 2 = 0 then 'buy' else 'sell' end, 1, 10,
            '2024-01-01'::timestamptz + n * interval '2 minutes', 0.1
        from generate_series(1, 100000) as n""",
    """insert into backtest_runs (user_id, strategy_name, start_date, end_date, symbols, status)
        select 1 + n % 500, 'cross', '2023-01-01', '2024-01-01', array['S1'], 'completed' from generate_series(1, 20000) as n""",
    """insert into backtest_results (backtest_id, total_trades, total_return)
        select n, 1, (n * 7919) % 20011 from generate_series(1, 20000) as n""",
    "reset session_replication_role",
    "vacuum (analyze) market_data, technical_indicators, users, user_profiles, orders, trades, backtest_runs, backtest_results",
)
DAY = START + timedelta(days=60)
PARAMETERS: dict[str, Any] = {
    "symbol": "S42",
    "symbols": [f"S{number}" for number in range(1, SYMBOLS + 1)],
    "start": DAY,
    "end": DAY + timedelta(days=1),
    "indicator_type": "ema",
    "parameters": Jsonb({"period": 20}),
    "user_id": 7,
    "entries": [number.to_bytes(38) for number in (7, 1000)],
}
OWN: dict[str, dict[str, Any]] = {
    "candles_of_symbols": {"symbols": ["S1", "S2", "S3", "S50", "S99"]},
    "indicator_series": {"end": DAY + timedelta(days=30)},
}
KNOWN_INDEXES = {index.name for table in TABLES for index in table.indexes}


@pytest.fixture(scope="module")
def filled(migrated_server: ScratchServer) -> Iterator[Platform]:
    with migrated_server.admin() as connection:
        for statement in FILL:
            connection.execute(statement.encode())
        assert connection.execute("select count(*) >= 5000000 from market_data").fetchone() == (True,)
        yield migrated_server.platform
        connection.execute("truncate market_data, technical_indicators, users cascade")


def explain(platform: Platform, query: Query) -> dict[str, Any]:
    """The plan of the second run: the first one fills the caches of the session."""
    with psycopg.connect(platform.postgres_url(query.account), autocommit=True) as connection:
        statement = f"explain (analyze, buffers, format json) {query.sql}".encode()
        for _ in range(2):
            row = connection.execute(statement, {**PARAMETERS, **OWN.get(query.name, {})}).fetchone()
    assert row is not None
    plan: dict[str, Any] = row[0][0]["Plan"]
    return plan


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


@pytest.fixture(scope="module", params=QUERIES, ids=lambda query: query.name)
def planned(request: pytest.FixtureRequest, filled: Platform) -> tuple[Query, dict[str, Any], Platform]:
    return request.param, explain(filled, request.param), filled


def test_no_big_table_is_read_from_end_to_end(planned: tuple[Query, dict[str, Any], Platform]) -> None:
    _, plan, platform = planned
    scanned = [
        node["Relation Name"] for node in nodes(plan) if node["Node Type"] in {"Seq Scan", "Parallel Seq Scan"} and node["Actual Loops"]
    ]
    with psycopg.connect(platform.postgres_url("migrator")) as connection:
        big = connection.execute("select relname from pg_class where relname = any(%s) and relpages > %s", (scanned, BIG_PAGES)).fetchall()
    assert big == []


def test_only_declared_indexes_serve_it(planned: tuple[Query, dict[str, Any], Platform]) -> None:
    query, plan, _ = planned
    used = [node["Index Name"] for node in nodes(plan) if "Index Name" in node and node["Actual Loops"]]
    assert used
    assert set(query.served_by) <= KNOWN_INDEXES
    primary = tuple(f"pk_{table.name}" for table in TABLES if not table.hypertable)
    # A chunk's copy of an index carries the chunk's number before its name.
    odd = [name for name in used if not name.endswith(query.served_by) and name not in primary]
    assert odd == []
    assert any(name.endswith(query.served_by) for name in used)


def test_chunks_that_hold_nothing_of_it_are_left_alone(planned: tuple[Query, dict[str, Any], Platform]) -> None:
    query, plan, _ = planned
    read = {node["Relation Name"] for node in nodes(plan) if "chunk" in node.get("Relation Name", "") and node["Actual Loops"]}
    assert len(read) <= query.max_chunks
    assert bool(read) == bool(query.max_chunks)


def test_it_touches_no_more_pages_than_declared(planned: tuple[Query, dict[str, Any], Platform]) -> None:
    query, plan, _ = planned
    touched = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    assert 0 < touched <= query.max_buffers
    # A bound that lets through five times what is needed would notice nothing.
    assert touched * 5 > query.max_buffers


def test_the_check_notices_a_missing_index(filled: Platform, migrated_server: ScratchServer) -> None:
    """The same measure on a query that no index serves: it has to read a table from end to end."""
    bad = Query(name="bad", account="api", purpose="None", sql="select count(*) from trades where price = 11", served_by=(), max_buffers=1)
    plan = explain(filled, bad)
    assert any(node["Node Type"] == "Seq Scan" and node["Relation Name"] == "trades" for node in nodes(plan))
