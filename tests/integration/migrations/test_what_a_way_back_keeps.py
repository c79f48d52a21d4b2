"""Down and up again on a filled database: what docs/data-model.md says is kept is the same afterwards, row by row."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from infra.connections import Platform
from migrations import run
from migrations.upkeep.run import maintain
from seed import demo, indicators, market

pytestmark = pytest.mark.exhaustive

CANDLES = ("market_data", "technical_indicators")
PEOPLE = ("users", "orders", "trades")
ROLLUPS = ("candles_5m", "candles_1h", "candles_1d")
BACKTESTS = ("backtest_runs", "backtest_results")
# Names and numbers of a profile are sealed anew each time, so their bytes differ; that they open to the same is security's own test.
PROFILE = "(select user_id, preferences, created_at from user_profiles)"

# How far down, and what is the same when back at head. Tables of the steps that were undone come back empty.
KEPT: dict[str, tuple[str, ...]] = {
    "0010": (*CANDLES, *PEOPLE, *BACKTESTS, *ROLLUPS, "user_profiles"),
    "0009": (*CANDLES, *PEOPLE, *BACKTESTS, *ROLLUPS, "user_profiles"),
    "0008": (*CANDLES, *PEOPLE, *BACKTESTS, *ROLLUPS, "user_profiles"),
    "0007": (*CANDLES, *PEOPLE, *BACKTESTS, *ROLLUPS, PROFILE),
    "0006": (*CANDLES, *PEOPLE, *BACKTESTS, *ROLLUPS, PROFILE),
    "0005": (*CANDLES, *PEOPLE, *BACKTESTS, *ROLLUPS, PROFILE),
    "0004": (*CANDLES, *PEOPLE, *ROLLUPS, PROFILE),
    "0003": (*CANDLES, "users", *ROLLUPS, PROFILE),
    "0002": ("market_data", "users", *ROLLUPS, PROFILE),
    "0001": ("users", PROFILE),
}


def digest(platform: Platform, name: str) -> Any:
    # Without the order of columns: a column that came back stands last.
    query = f"select count(*), md5(string_agg(to_jsonb(t)::text, '|' order by to_jsonb(t)::text)) from {name} as t"
    with psycopg.connect(platform.postgres_url("migrator")) as connection:
        return connection.execute(query.encode()).fetchone()


def fill(platform: Platform) -> None:
    market.load_samples(platform)
    indicators.load(platform, symbols=["FB"])
    demo.load(platform)
    maintain(platform)


def test_every_way_back_and_up_again_keeps_what_it_says(migrated_platform: Platform) -> None:
    fill(migrated_platform)
    for revision, kept in KEPT.items():
        before = {name: digest(migrated_platform, name) for name in kept}
        assert all(count for count, _ in before.values()), revision
        run.downgrade(migrated_platform, revision)
        run.upgrade(migrated_platform)
        maintain(migrated_platform)
        assert {name: digest(migrated_platform, name) for name in kept} == before, revision


def test_from_base_all_comes_back_by_seeding_or_a_backup_alone(migrated_platform: Platform) -> None:
    fill(migrated_platform)
    before = {name: digest(migrated_platform, f"(select symbol, timestamp, close from {name})") for name in ("market_data",)}
    run.downgrade(migrated_platform, "base")
    with psycopg.connect(migrated_platform.postgres_url("migrator")) as connection:
        left = connection.execute("select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'").fetchall()
    assert left == [("alembic_version",)]
    run.upgrade(migrated_platform)
    fill(migrated_platform)
    assert {name: digest(migrated_platform, f"(select symbol, timestamp, close from {name})") for name in before} == before


def test_the_table_has_every_revision() -> None:
    from alembic.script import ScriptDirectory

    known = [script.revision for script in ScriptDirectory.from_config(run.configuration()).walk_revisions()]
    assert list(KEPT) == known[1:], "say in KEPT what going back past the newest revision keeps"
