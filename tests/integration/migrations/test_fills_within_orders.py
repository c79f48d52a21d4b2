"""Trades are fills of their order, and never more than it is for: in one statement, at the same time, and from behind."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import psycopg
import pytest

from infra.connections import Platform
from tests.support.waiting import PATIENCE, wait_for

ORDERED = 10
FILL = "insert into trades (order_id, user_id, symbol, side, quantity, price, timestamp) values {}"


def fill(order: int, quantity: float, user: int = 1, symbol: str = "IBM", side: str = "buy") -> str:
    return f"({order}, {user}, '{symbol}', '{side}', {quantity}, 10, '2013-01-02')"


@pytest.fixture
def api(migrated_platform: Platform) -> Callable[..., psycopg.Connection]:
    """Connections of the account that records trades, to a database with two users and two orders for ten each."""
    url = migrated_platform.postgres_url("api")
    with psycopg.connect(url) as connection:
        connection.execute(
            "insert into users (id, username, email, password_hash) "
            "values (1, 'a', 'a@example.com', '$argon2id$x'), (2, 'b', 'b@example.com', '$argon2id$x')"
        )
        connection.execute(
            "insert into orders (id, user_id, symbol, order_type, side, quantity, status) "
            "select n, 1, 'IBM', 'market', 'buy', %s, 'open' from generate_series(1, 2) as n",
            (ORDERED,),
        )
    return lambda **options: psycopg.connect(url, **options)


@pytest.mark.parametrize(
    ("rows", "rule"),
    [
        ([fill(1, 10_000)], "ck_trades_within_order"),
        ([fill(1, 10.0001)], "ck_trades_within_order"),
        ([fill(1, 6), fill(2, 10), fill(1, 5)], "ck_trades_within_order"),
        ([fill(1, 1, user=2)], "ck_trades_of_their_order"),
        ([fill(1, 1, symbol="AAPL")], "ck_trades_of_their_order"),
        ([fill(1, 1, side="sell")], "ck_trades_of_their_order"),
    ],
    ids=["a thousand times", "a little", "in one statement", "another user", "another symbol", "another side"],
)
def test_what_is_not_a_fill_of_its_order_is_refused(api: Callable[..., psycopg.Connection], rows: list[str], rule: str) -> None:
    with api() as connection, pytest.raises(psycopg.errors.CheckViolation) as caught:
        connection.execute(FILL.format(", ".join(rows)).encode())
    assert caught.value.diag.constraint_name == rule
    assert "order 1" in str(caught.value)


def test_an_order_is_filled_to_its_last_share_and_then_stays_what_it_is(api: Callable[..., psycopg.Connection]) -> None:
    with api(autocommit=True) as connection:
        before = connection.execute("select updated_at from orders where id = 1").fetchone()
        connection.execute(FILL.format(", ".join([fill(1, 4), fill(1, 5.9999), fill(2, 10)])).encode())
        connection.execute(FILL.format(fill(1, 0.0001)).encode())
        assert connection.execute("select updated_at from orders where id = 1").fetchone() == before
        for change, rule in (
            ("update trades set quantity = 5 where order_id = 1 and quantity = 4", "ck_trades_within_order"),
            ("update trades set order_id = 2 where order_id = 1 and quantity = 4", "ck_trades_within_order"),
            ("update orders set quantity = 9.9999 where id = 1", "ck_orders_above_trades"),
            ("update orders set symbol = 'AAPL' where id = 1", "ck_orders_of_their_trades"),
            ("update orders set side = 'sell' where id = 1", "ck_orders_of_their_trades"),
            ("update orders set user_id = 2 where id = 1", "ck_orders_of_their_trades"),
        ):
            with pytest.raises(psycopg.errors.CheckViolation) as caught:
                connection.execute(change.encode())
            assert caught.value.diag.constraint_name == rule, change
        connection.execute("update orders set quantity = 11, status = 'partially_filled' where id = 1")
        connection.execute(FILL.format(fill(1, 1)).encode())


@pytest.mark.parametrize("isolation", list(psycopg.IsolationLevel), ids=lambda level: level.name)
def test_two_that_fill_at_the_same_time_fill_no_more_than_one_could(
    api: Callable[..., psycopg.Connection], migrated_platform: Platform, isolation: psycopg.IsolationLevel
) -> None:
    """Each fill alone would fit. The second one began to look before the first was there for others to see."""
    with api() as first, api() as second, ThreadPoolExecutor(1) as pool:
        second.isolation_level = isolation
        second.execute("select count(*) from trades")
        first.execute(FILL.format(fill(1, 6)).encode())
        waiting: Future[object] = pool.submit(second.execute, FILL.format(fill(1, 6)).encode())
        with psycopg.connect(migrated_platform.postgres_url("migrator"), autocommit=True) as watcher:
            blocked = "select 1 from pg_locks where not granted"
            wait_for(lambda: watcher.execute(blocked).fetchone() or waiting.done(), "the second one waits", pause=0.01)
        assert not waiting.done()
        first.commit()
        with pytest.raises((psycopg.errors.CheckViolation, psycopg.errors.SerializationFailure)):
            waiting.result(PATIENCE)
        second.rollback()
    with api() as connection:
        assert connection.execute("select sum(quantity) from trades").fetchone() == (6,)


def test_an_order_does_not_shrink_below_a_fill_that_is_not_committed_yet(api: Callable[..., psycopg.Connection]) -> None:
    with api() as first, api(options="-c lock_timeout=200ms") as second:
        first.execute(FILL.format(fill(1, 6)).encode())
        with pytest.raises(psycopg.errors.LockNotAvailable):
            second.execute("update orders set quantity = 5 where id = 1")


@pytest.mark.parametrize("table", ["orders", "trades"])
def test_records_of_account_are_not_deleted_by_the_accounts_that_write_them(api: Callable[..., psycopg.Connection], table: str) -> None:
    with api() as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(f"delete from {table}".encode())
