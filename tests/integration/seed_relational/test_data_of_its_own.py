"""Which databases have data of their own: one row that the seed doesn't write is enough, and no part of a seed is one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from infra.connections import Platform
from seed import demo, indicators, market
from seed.own_data import own_rows, seeds_own
from seed.statements import load as statement
from tests.support.postgres_server import ScratchServer

pytestmark = pytest.mark.exhaustive  # samples, indicators and demo are loaded first

_CANDLE = "insert into market_data (symbol, timestamp, open, high, low, close, volume) values ('{}', '{}', 1, 1, 1, 1, 1)"
_ORDER = (
    "insert into orders (user_id, symbol, order_type, side, quantity, status, external_id)"
    " select id, 'AAPL', 'market', 'buy', 1, 'pending', {} from users where username = 'minji.kim'"
)
_USER = (
    "insert into users (username, email, password_hash)"
    " values ('own', 'own@example.org', '$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQxMjM0$aGFzaGhhc2hoYXNoaGFzaA')"
)


@pytest.fixture
def change(migrated_server: ScratchServer) -> Iterator[Callable[[str], None]]:
    """Run a statement as the schema's owner; undone after the test by its own `delete`."""
    undo: list[str] = []

    def run(made_by: str, undone_by: str = "") -> None:
        with psycopg.connect(migrated_server.platform.postgres_url("migrator")) as connection:
            assert connection.execute(made_by.encode()).rowcount > 0
        undo.append(undone_by)

    yield run
    for undone_by in reversed(undo):
        if undone_by:
            with psycopg.connect(migrated_server.platform.postgres_url("migrator")) as connection:
                connection.execute(undone_by.encode())


@pytest.fixture(scope="module")
def seeded(migrated_server: ScratchServer) -> Platform:
    """Seeded in parts, as a run that is interrupted leaves it: no part is taken for data of its own."""
    platform = migrated_server.platform
    assert own_rows(platform) is None
    for loader in (market.load_samples, indicators.load, demo.load):
        loader(platform)
        assert own_rows(platform) is None
    return platform


@pytest.mark.parametrize(
    ("row", "undone_by", "told"),
    [
        (_CANDLE.format("005930", "2010-01-04"), "delete from market_data where symbol = '005930'", "candles of 005930"),
        (_CANDLE.format("ZZZ", "2010-01-04"), "delete from market_data where symbol = 'ZZZ'", "candles of ZZZ"),
        (
            _CANDLE.format("AAPL", "2026-11-02"),
            "delete from market_data where timestamp > '2026-01-01'",
            "candles of AAPL after the samples' last",
        ),
        (
            _CANDLE.format("AAPL", "1990-11-02"),
            "delete from market_data where timestamp < '1991-01-01'",
            "candles of AAPL before the samples' first",
        ),
        (
            _CANDLE.format("AAPL", "2010-01-04 15:00+00"),
            "delete from market_data where timestamp = '2010-01-04 15:00+00'",
            "candles of AAPL within a day",
        ),
        (_USER, "delete from users where username = 'own'", "user own"),
        (_ORDER.format("null"), "delete from orders where external_id is null", "an order of user minji.kim"),
        (_ORDER.format("'mine-1'"), "delete from orders where external_id = 'mine-1'", "an order of user minji.kim"),
    ],
    ids=["candles before", "candles behind", "newer", "older", "intraday", "user", "order without number", "order"],
)
def test_one_row_of_its_own_is_found(seeded: Platform, change: Callable[[str, str], None], row: str, undone_by: str, told: str) -> None:
    change(row, undone_by)
    assert own_rows(seeded) == told


def test_what_was_undone_leaves_nothing(seeded: Platform, change: Callable[[str], None]) -> None:
    """A profile or a password that somebody changed is kept by the seed, so it needs no telling; a deleted order comes back."""
    change("update users set email = 'new@example.com' where username = 'minji.kim'")
    assert own_rows(seeded) is None


def test_many_candles_are_not_read(seeded: Platform, change: Callable[[str, str], None]) -> None:
    """Daily candles in the samples' own years: the one case in which nothing but their symbols tells them from samples."""
    change(
        "insert into market_data (symbol, timestamp, open, high, low, close, volume)"
        " select 'T' || s, timestamptz '2005-01-03 00:00+00' + d * interval '1 day', 1, 1, 1, 1, 1"
        " from generate_series(1, 50) as s, generate_series(1, 1000) as d",
        "delete from market_data where symbol like 'T%'",
    )
    assert own_rows(seeded) == "candles of T1"
    with psycopg.connect(seeded.postgres_url("api")) as connection:
        explained = connection.execute("explain (analyze, format json) " + statement("own_data"), seeds_own()).fetchone()
    assert explained is not None
    assert rows_read(explained[0][0]["Plan"]) < 5000  # of 62,154


def rows_read(node: dict[str, Any]) -> float:
    """Rows that a plan's scans gave and threw away."""
    own = (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"] if "Relation Name" in node else 0
    return own + sum(rows_read(child) for child in node.get("Plans", []))
