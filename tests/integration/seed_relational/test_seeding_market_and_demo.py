"""The sample candles and the demo data, loaded as their accounts into a real database."""

from __future__ import annotations

import threading
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from argon2 import extract_parameters

from core.errors import PlatformError
from infra.connections import Platform
from seed import demo, market
from seed.candles import samples
from seed.report import SeedReport
from tests.support.postgres_server import ScratchServer

CANDLES = 12_154


def ask(platform: Platform, query: str, account: str = "migrator") -> list[tuple[Any, ...]]:
    with psycopg.connect(platform.postgres_url(account)) as connection:
        return connection.execute(query.encode()).fetchall()


@pytest.fixture(scope="module")
def seeded(migrated_server: ScratchServer) -> tuple[Platform, SeedReport, SeedReport]:
    platform = migrated_server.platform
    return platform, market.load_samples(platform), demo.load(platform)


def everything(platform: Platform) -> list[Any]:
    tables = ("users", "user_profiles", "market_data", "orders", "trades", "backtest_runs", "backtest_results")
    return [ask(platform, f"select md5(string_agg(t::text, '|' order by t::text)) from {name} as t") for name in tables]


def test_candles_arrive_as_they_are_in_the_file(seeded: tuple[Platform, SeedReport, SeedReport]) -> None:
    platform, report, _ = seeded
    assert (report.inserted, report.updated, report.unchanged) == (CANDLES, 0, 0)
    found = ask(platform, "select symbol, timestamp, open, high, low, close, volume from market_data order by symbol, timestamp")
    assert found == sorted(tuple(candle) for candle in samples())


@pytest.mark.exhaustive
def test_run_twice_changes_nothing(seeded: tuple[Platform, SeedReport, SeedReport]) -> None:
    platform, _, first = seeded
    before = everything(platform)
    again = market.load_samples(platform), demo.load(platform)
    assert [report.changed for report in again] == [0, 0]
    assert again[0].unchanged == CANDLES
    assert again[1].unchanged == first.inserted > 400
    assert everything(platform) == before


def test_a_candle_changed_by_hand_is_put_right_and_counted(seeded: tuple[Platform, SeedReport, SeedReport]) -> None:
    platform, *_ = seeded
    with psycopg.connect(platform.postgres_url("migrator")) as connection:
        connection.execute("update market_data set volume = volume + 1 where symbol = 'IBM' and timestamp = '2010-06-01'")
        connection.execute("delete from market_data where symbol = 'IBM' and timestamp = '2010-06-02'")
    report = market.load_samples(platform)
    assert (report.inserted, report.updated, report.unchanged) == (1, 1, CANDLES - 2)


def test_passwords_are_argon2id_hashes_and_nobodys_is_anothers(seeded: tuple[Platform, SeedReport, SeedReport]) -> None:
    hashes = [row[0] for row in ask(seeded[0], "select password_hash from users")]
    assert len(set(hashes)) == len(hashes) == 6
    for hash_ in hashes:
        assert hash_.startswith("$argon2id$")
        assert extract_parameters(hash_).memory_cost >= 19_456  # OWASP's least for argon2id, in KiB


def test_every_user_has_a_profile_with_preferences(seeded: tuple[Platform, SeedReport, SeedReport]) -> None:
    ((users, profiles),) = ask(
        seeded[0],
        "select count(*), count(p.user_id) from users left join user_profiles as p on p.user_id = users.id and p.preferences ? 'theme'",
    )
    assert users == profiles == 6


def test_trades_fit_their_orders_and_their_days(seeded: tuple[Platform, SeedReport, SeedReport]) -> None:
    odd = ask(
        seeded[0],
        """
        select t.id from trades as t
        join orders as o on o.id = t.order_id
        left join market_data as m on m.symbol = t.symbol and m.timestamp = date_trunc('day', t.timestamp, 'UTC')
        where (t.user_id, t.symbol, t.side) is distinct from (o.user_id, o.symbol, o.side)
            or t.price not between m.low and m.high or m.symbol is null or t.timestamp < o.created_at
        """,
    )
    assert odd == []
    assert ask(seeded[0], "select count(*) > 200 from trades") == [(True,)]


def test_filled_orders_are_filled_whole(seeded: tuple[Platform, SeedReport, SeedReport]) -> None:
    found = ask(
        seeded[0],
        """
        select o.status, o.quantity, coalesce(sum(t.quantity), 0) from orders as o left join trades as t on t.order_id = o.id
        group by o.id
        """,
    )
    assert {status for status, *_ in found} == {"filled", "partially_filled", "open", "cancelled"}
    for status, quantity, filled in found:
        assert {"filled": filled == quantity, "partially_filled": 0 < filled < quantity}.get(status, filled == 0)


def test_backtests_have_results_that_follow_from_their_trips(seeded: tuple[Platform, SeedReport, SeedReport]) -> None:
    found = ask(
        seeded[0],
        """
        select r.status, b.total_trades, b.winning_trades, b.losing_trades, b.win_rate, b.total_return, b.results_data
        from backtest_runs as r left join backtest_results as b on b.backtest_id = r.id
        """,
    )
    assert {status for status, *_ in found} == {"completed", "failed", "queued"}
    for status, total, winning, losing, win_rate, total_return, data in found:
        assert (total is not None) == (status == "completed")
        if total is None:
            continue
        gains = [Decimal(trip["gain"]) for trip in data["round_trips"]]
        assert (total, winning, losing) == (len(gains), sum(gain > 0 for gain in gains), sum(gain < 0 for gain in gains))
        assert win_rate == (Decimal(100 * winning) / total).quantize(Decimal("0.01"))
        assert total_return == (sum(gains) / Decimal(data["capital"]) * 100).quantize(Decimal("0.0001"))


def test_trips_of_backtests_traded_at_real_opens(seeded: tuple[Platform, SeedReport, SeedReport]) -> None:
    odd = ask(
        seeded[0],
        """
        select trip from backtest_results, jsonb_array_elements(results_data -> 'round_trips') as trip
        left join market_data as m on m.symbol = trip ->> 'symbol' and m.timestamp = (trip ->> 'opened')::timestamptz
        where m.open is distinct from (trip ->> 'bought_at')::numeric
        """,
    )
    assert odd == []


@pytest.mark.parametrize("account", ["api", "backtest", "analyst", "monitor"])
def test_no_account_but_ingest_can_write_candles(seeded: tuple[Platform, SeedReport, SeedReport], account: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask(seeded[0], "insert into market_data (symbol, timestamp) values ('X', now()) returning id", account)


def test_without_temporary_tables_the_loader_says_what_is_missing(migrated_server: ScratchServer) -> None:
    with migrated_server.admin() as connection:
        connection.execute("revoke temporary on database christmas_db from ingest")
        try:
            with pytest.raises(PlatformError, match="can't be staged"):
                market.load_samples(migrated_server.platform)
        finally:
            connection.execute("grant temporary on database christmas_db to ingest")


# From here on each test has a database of its own, which replaces the one above.


def test_the_demo_without_candles_says_what_to_load_first(migrated_platform: Platform) -> None:
    with pytest.raises(PlatformError, match="don't fit the candles") as caught:
        demo.load(migrated_platform)
    assert "seed.market" in caught.value.next_step
    assert ask(migrated_platform, "select count(*) from users") == [(0,)]


@pytest.mark.exhaustive
def test_two_loads_at_once_take_turns(migrated_platform: Platform) -> None:
    market.load_samples(migrated_platform)
    reports: list[SeedReport] = []
    threads = [threading.Thread(target=lambda: reports.append(demo.load(migrated_platform))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(report.inserted for report in reports)[0] == 0
    assert ask(migrated_platform, "select count(*), min(id), max(id) from users") == [(6, 1, 6)]


@pytest.mark.exhaustive
def test_a_demo_user_that_was_changed_stays_changed(migrated_platform: Platform) -> None:
    market.load_samples(migrated_platform)
    demo.load(migrated_platform)
    with psycopg.connect(migrated_platform.postgres_url("api")) as connection:
        connection.execute("update users set email = 'elsewhere@example.com' where username = 'minji.kim'")
        connection.execute("delete from user_profiles where user_id = 2")
    report = demo.load(migrated_platform)
    assert (report.inserted, report.updated) == (1, 0)
    assert ask(migrated_platform, "select email from users where username = 'minji.kim'") == [("elsewhere@example.com",)]
