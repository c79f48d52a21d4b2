"""Longer candles and data retention on the Apache edition: right after every change, and cheap when there was none."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from christmas.blueprint.relational import KEEP_MARKET_DATA, ROLLUPS, SYMBOLS
from core.errors import PlatformError
from core.progress import SilentProgress
from infra.connections import Platform
from migrations import run
from migrations.upkeep.run import _LOCK, maintain, pending, refresh
from tests.support.waiting import wait_for

START = datetime(2024, 3, 4, tzinfo=UTC)

# Straight from the candles, by another way than the rollups go: no first(), no last(), no rollup of a rollup.
DIRECT = """
select distinct m.symbol, date_bin(%(width)s, m.timestamp, '2000-01-01Z') as bucket,
    first_value(m.open) over w, max(m.high) over w, min(m.low) over w, last_value(m.close) over w, sum(m.volume) over w
from market_data as m
window w as (partition by m.symbol, date_bin(%(width)s, m.timestamp, '2000-01-01Z') order by m.timestamp
    rows between unbounded preceding and unbounded following)
order by 1, 2
"""


def connect(platform: Platform, account: str = "migrator") -> psycopg.Connection:
    return psycopg.connect(platform.postgres_url(account), autocommit=True)


def rollups_are_right(platform: Platform) -> None:
    with connect(platform) as connection:
        for rollup in ROLLUPS:
            kept = connection.execute(f"select * from {rollup.name} order by symbol, bucket".encode()).fetchall()
            direct = connection.execute(DIRECT, {"width": rollup.bucket}).fetchall()
            assert kept == direct, rollup.name


def rows(days: int, symbols: int = 3, seed: int = 1) -> list[tuple[Any, ...]]:
    dice = random.Random(seed)  # noqa: S311
    found = []
    for symbol in range(symbols):
        for day in range(days):
            for minute in range(0, 390, 7):
                prices = sorted(round(dice.uniform(90, 110), 4) for _ in range(4))
                moment = START + timedelta(days=day, hours=14, minutes=30 + minute)
                found.append((f"S{symbol}", moment, prices[1], prices[3], prices[0], prices[2], dice.randint(1, 999)))
    return found


def write(platform: Platform, candles: list[tuple[Any, ...]]) -> None:
    with connect(platform, "ingest") as connection, connection.cursor() as cursor:
        cursor.executemany(
            "insert into market_data (symbol, timestamp, open, high, low, close, volume) values (%s, %s, %s, %s, %s, %s, %s) "
            "on conflict (symbol, timestamp) do update set open = excluded.open, high = excluded.high, low = excluded.low, "
            "close = excluded.close, volume = excluded.volume",
            candles,
        )


def test_rollups_follow_inserts_updates_deletions_and_moves(migrated_platform: Platform) -> None:
    write(migrated_platform, rows(4))
    report = maintain(migrated_platform)
    assert report.refreshed == 12
    rollups_are_right(migrated_platform)
    write(migrated_platform, rows(2, symbols=1, seed=2))
    with connect(migrated_platform) as connection:
        connection.execute("delete from market_data where symbol = 'S1' and timestamp < %s", (START + timedelta(days=1),))
        connection.execute(
            "update market_data set timestamp = timestamp + interval '5 days' where symbol = 'S2' and timestamp < %s",
            (START + timedelta(days=1),),
        )
    assert maintain(migrated_platform).refreshed == 2 + 1 + 2
    rollups_are_right(migrated_platform)


@pytest.mark.exhaustive
def test_nothing_changed_is_nothing_done(migrated_platform: Platform) -> None:
    write(migrated_platform, rows(1))
    maintain(migrated_platform)
    assert maintain(migrated_platform).refreshed == 0


@pytest.mark.exhaustive
def test_candles_from_before_the_rollups_are_taken_in(empty_platform: Platform) -> None:
    run.upgrade(empty_platform, "0005")
    write(empty_platform, rows(2))
    run.upgrade(empty_platform)
    assert maintain(empty_platform).refreshed == 6
    rollups_are_right(empty_platform)


@pytest.mark.exhaustive
def test_emptying_the_candles_empties_the_rollups(migrated_platform: Platform) -> None:
    write(migrated_platform, rows(1))
    maintain(migrated_platform)
    with connect(migrated_platform) as connection:
        connection.execute("truncate market_data")
    rollups_are_right(migrated_platform)


def test_an_interrupted_refresh_goes_on_where_it_was(migrated_platform: Platform) -> None:
    write(migrated_platform, rows(4))

    class Stop(SilentProgress):
        def count(self, *_: object) -> None:
            raise KeyboardInterrupt

    with connect(migrated_platform) as connection:
        with pytest.raises(KeyboardInterrupt):
            refresh(connection, Stop(), batch=5)
        assert pending(connection) == 7
        assert refresh(connection, SilentProgress(), batch=5) == 7
    rollups_are_right(migrated_platform)


@pytest.mark.exhaustive
def test_what_is_written_during_a_refresh_is_not_lost(migrated_platform: Platform) -> None:
    write(migrated_platform, rows(10, symbols=4))
    during = 0
    with ThreadPoolExecutor() as pool, connect(migrated_platform) as connection:
        writers = [pool.submit(write, migrated_platform, rows(10, symbols=4, seed=seed)) for seed in (3, 4)]
        while not all(writer.done() for writer in writers):
            during += refresh(connection, SilentProgress(), batch=3)
        for writer in writers:
            writer.result()
    assert during > 0
    maintain(migrated_platform)
    rollups_are_right(migrated_platform)


def test_two_upkeeps_at_once_take_turns(migrated_platform: Platform) -> None:
    write(migrated_platform, rows(6))
    waiting = """
        select count(*) from pg_locks
        where locktype = 'advisory' and not granted and database = (select oid from pg_database where datname = current_database())
    """
    with ThreadPoolExecutor() as pool, connect(migrated_platform) as another, connect(migrated_platform) as watcher:
        another.execute("select pg_advisory_lock(%s)", (_LOCK,))
        upkeeps = [pool.submit(maintain, migrated_platform) for _ in range(2)]
        # While another one is at work neither begins; then one does it all, and the other finds nothing left.
        wait_for(lambda: watcher.execute(waiting).fetchone() == (2,), "both wait for their turn")
        assert pending(watcher) == 18
        another.execute("select pg_advisory_unlock(%s)", (_LOCK,))
        assert sorted(upkeep.result().refreshed for upkeep in upkeeps) == [0, 18]
    rollups_are_right(migrated_platform)


@pytest.mark.exhaustive
def test_chunks_past_their_time_are_dropped_and_only_those(migrated_platform: Platform) -> None:
    now = START + KEEP_MARKET_DATA + timedelta(days=60)
    write(migrated_platform, rows(1))
    kept = [("S0", START + timedelta(days=100), 1, 1, 1, 1, 1)]
    write(migrated_platform, kept)
    assert maintain(migrated_platform).dropped == {"market_data": 0, "technical_indicators": 0}
    assert maintain(migrated_platform, now=now).dropped == {"market_data": 1, "technical_indicators": 0}
    with connect(migrated_platform) as connection:
        assert connection.execute("select count(*) from market_data").fetchone() == (1,)
        # What was made of dropped candles stays.
        assert connection.execute("select count(*) > 1 from candles_1d").fetchone() == (True,)
    assert maintain(migrated_platform, now=now).refreshed == 0


def test_writers_of_candles_cannot_touch_the_list_of_changes(migrated_platform: Platform) -> None:
    with connect(migrated_platform, "ingest") as connection:
        for statement in ("select * from candle_changes", "delete from candle_changes", "insert into candle_changes values ('X', now())"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())


@pytest.mark.parametrize("account", ["api", "backtest", "analyst"])
def test_readers_of_candles_read_the_rollups(migrated_platform: Platform, account: str) -> None:
    with connect(migrated_platform, account) as connection:
        for rollup in ROLLUPS:
            assert connection.execute(f"select count(*) from {rollup.name}".encode()).fetchone() == (0,)


@pytest.mark.exhaustive
def test_five_minutes_of_every_symbol_are_one_refresh_of_each(migrated_platform: Platform) -> None:
    """The declared rate: a candle of 500 symbols each minute, five of them between two refreshes."""
    moment = START + timedelta(hours=15)
    for minute in range(5):
        write(migrated_platform, [(f"S{number}", moment + timedelta(minutes=minute), 1, 1, 1, 1, 1) for number in range(SYMBOLS)])
    assert maintain(migrated_platform).refreshed == SYMBOLS
    rollups_are_right(migrated_platform)


def test_without_rollups_the_message_says_to_migrate(empty_platform: Platform) -> None:
    with pytest.raises(PlatformError, match="no rollups"):
        maintain(empty_platform)
