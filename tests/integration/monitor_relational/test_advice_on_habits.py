"""Each piece of advice on the relational store, provoked on a real server; and none where all is well."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import timedelta

import psycopg
import pytest

from christmas.blueprint import relational_alarms
from christmas.blueprint.queries import LATEST_CANDLE, OPEN_ORDERS, QUERIES
from infra.connections import Platform
from monitor import advice
from monitor.checks import run
from monitor.result import CheckResult
from tests.support.postgres_server import ScratchServer

pytestmark = pytest.mark.exhaustive

ROWS = 3000
FILL = f"""
insert into users (username, email, password_hash) values ('u', 'u@example.com', '$argon2id$x');
insert into orders (user_id, symbol, order_type, side, quantity, price, status)
    select (select max(id) from users), 'S' || n % 10, 'limit', 'buy', 1, 10, 'open' from generate_series(1, {ROWS}) as n;
insert into market_data (symbol, timestamp, open) select 'IBM', '2013-03-01'::timestamptz + n * interval '1 minute', 1
    from generate_series(1, {ROWS}) as n;
"""


@pytest.fixture
def platform(migrated_platform: Platform, scratch_server: ScratchServer, monkeypatch: pytest.MonkeyPatch) -> Platform:
    """A few thousand rows, which count as many; nothing is vacuumed or analyzed but by the tests."""
    bounds = dataclasses.replace(relational_alarms.RELATIONAL_ALARMS, rows=1000, scans=10, calls=5, unused_after=timedelta(0))
    monkeypatch.setattr(relational_alarms, "RELATIONAL_ALARMS", bounds)
    admin(
        scratch_server,
        "alter table orders set (autovacuum_enabled = off)",
        "alter table market_data set (autovacuum_enabled = off)",
        FILL,
        # What a session wrote is counted late: it has to be before the analyze, or it counts as changed since.
        "select pg_stat_force_next_flush()",
        "analyze",
        "select pg_stat_statements_reset()",
    )
    return migrated_platform


def admin(server: ScratchServer, *statements: str) -> None:
    with server.admin() as connection:
        for statement in statements:
            connection.execute(statement.encode())


def only(platform: Platform, name: str) -> CheckResult:
    (found,) = run(platform, [name])
    return found


def ask(platform: Platform, account: str, sql: str, times: int, parameters: dict[str, object]) -> None:
    with psycopg.connect(platform.postgres_url(account)) as connection:
        for _ in range(times):
            connection.execute(sql.encode(), parameters).fetchall()


def test_all_is_well(platform: Platform) -> None:
    names = ["postgres.queries", "postgres.indexes", "postgres.bloat", "postgres.statistics"]
    results = run(platform, names)
    assert [(result.name, result.status) for result in results] == [(name, "ok") for name in names], results


@pytest.mark.parametrize(
    ("check", "by_hand", "said"),
    [
        ("indexes", ("create index idx_again on orders (symbol)",), "is the same as"),
        ("indexes", ("create unique index uq_again on market_data (symbol, timestamp)",), "is the same as"),
        ("indexes", ("create index idx_idle on orders (price)",), "idx_idle on orders was not read"),
        ("indexes", ("create index idx_idle on market_data (close)",), "idx_idle on market_data was not read"),
        ("bloat", (f"delete from orders where id > {ROWS // 2}", "select pg_stat_force_next_flush()"), "dead rows"),
        ("bloat", ("update market_data set close = 1", "select pg_stat_force_next_flush()"), "market_data has"),
        ("statistics", ("update orders set price = 11", "select pg_stat_force_next_flush()"), f"{ROWS:,} rows of orders changed"),
        ("statistics", ("update market_data set close = 1", "select pg_stat_force_next_flush()"), "rows of market_data changed"),
    ],
)
def test_what_is_wrong_is_advised_on(
    platform: Platform, scratch_server: ScratchServer, check: str, by_hand: tuple[str, ...], said: str
) -> None:
    admin(scratch_server, *by_hand)
    result = only(platform, f"postgres.{check}")
    assert result.status == "warning"
    assert said in result.message
    assert result.next_step


def test_an_index_that_is_read_is_not_called_unused(platform: Platform, scratch_server: ScratchServer) -> None:
    admin(
        scratch_server,
        "create index idx_busy on market_data (close)",
        "set enable_seqscan = off; select count(*) from market_data where close = 3; select pg_stat_force_next_flush()",
    )
    result = only(platform, "postgres.indexes")
    assert (result.status, "idx_busy" in result.message) == ("ok", False)


def test_a_big_table_that_is_read_whole_again_and_again_misses_an_index(platform: Platform, scratch_server: ScratchServer) -> None:
    admin(scratch_server, "drop index idx_orders_symbol", *["select count(*) from orders where price = 12"] * 12)
    result = only(platform, "postgres.indexes")
    assert result.status == "warning"
    assert "orders was read whole" in result.message


def test_a_declared_query_that_lost_its_index_is_named(platform: Platform, scratch_server: ScratchServer) -> None:
    ask(platform, "api", LATEST_CANDLE.sql, 8, {"symbol": "IBM"})
    well = only(platform, "postgres.queries")
    assert (well.status, well.value) == ("ok", 1)
    admin(
        scratch_server,
        "alter table market_data drop constraint uq_market_data_symbol_timestamp",
        "drop index idx_market_data_symbol",
        # One symbol alone is served by time, too.
        "drop index market_data_timestamp_idx",
        "select pg_stat_statements_reset()",
    )
    ask(platform, "api", LATEST_CANDLE.sql, 8, {"symbol": "IBM"})
    result = only(platform, "postgres.queries")
    assert result.status == "warning"
    assert "latest_candle reads" in result.message
    assert "uq_market_data_symbol_timestamp should serve it" in result.message


def test_every_declared_query_is_recognized_in_the_servers_record(platform: Platform, scratch_server: ScratchServer) -> None:
    parameters = {
        "symbol": "IBM", "symbols": ["IBM"], "start": "2013-03-01", "end": "2013-03-02", "indicator_type": "sma", "parameters": "{}",
        "user_id": 1, "entries": [b"x"],
    }  # fmt: skip
    for query in QUERIES:
        ask(platform, query.account, query.sql, 1, parameters)
    assert only(platform, "postgres.queries").value == len(QUERIES)
    assert advice.shape(OPEN_ORDERS.sql) != advice.shape(LATEST_CANDLE.sql)


@pytest.mark.parametrize("judge", [advice.missing, advice.bloated, advice.stale])
def test_small_tables_never_matter(judge: Callable[[list[advice.TableUse]], list[str]]) -> None:
    rows = relational_alarms.RELATIONAL_ALARMS.rows
    small = advice.TableUse("t", rows // 4, rows // 4, rows // 4, 10_000, 10_000 * rows, 0)
    assert judge([small]) == []
    assert judge([small._replace(live=rows, dead=rows, changed=rows)]) != []
