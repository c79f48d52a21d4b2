"""Candles of odd files and odd symbols, from the file to rollups, indicators and the cache, in real servers."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from christmas.blueprint.keyspaces_and_ttls import MARKET_LATEST
from christmas.market import MarketCache
from core.progress import SilentProgress
from infra import clients
from infra.connections import Credentials, Platform
from migrations.upkeep.run import maintain
from seed import cache, indicators
from seed.candle_files.load import LoadReport, load_files
from seed.candle_files.options import LoadOptions
from tests.support.postgres_server import ScratchServer
from tests.support.redis_server import run_scratch_redis
from tests.support.waiting import wait_for

DATA = Path(__file__).parents[2] / "data" / "candle_files"


@pytest.fixture
def platform(migrated_server: ScratchServer) -> Iterator[Platform]:
    yield migrated_server.platform
    with psycopg.connect(migrated_server.platform.postgres_url("migrator")) as connection:
        connection.execute("truncate market_data")


def load(platform: Platform, folder: Path, path: Path, **options: Any) -> LoadReport:
    return load_files(platform, [path], LoadOptions(rejects_file=folder / "rejects.csv", **options))


def asked(platform: Platform, question: str, account: str = "migrator") -> list[tuple[Any, ...]]:
    with psycopg.connect(platform.postgres_url(account)) as connection:
        return connection.execute(question.encode()).fetchall()


def test_what_the_files_say_is_what_the_table_holds(platform: Platform, tmp_path: Path) -> None:
    report = load(platform, tmp_path, DATA / "binance-futures-ms.csv", symbol="BTCUSDT")
    assert (report.loaded, report.rejected, report.rounded) == (30, 0, 30)
    assert "epoch ms" in str(report.as_dict()["read_as"])
    assert "30 rounded to 4 decimals" in str(report)
    start = datetime(2017, 12, 1, tzinfo=UTC)
    kept = asked(platform, "select timestamp, open, volume from market_data order by 1")
    assert [row[0] for row in kept] == [start + timedelta(minutes=number) for number in range(30)]
    assert kept[0][1:] == (Decimal("9899.1000"), Decimal("3.0170"))
    again = load(platform, tmp_path, DATA / "binance-futures-ms.csv", symbol="BTCUSDT")
    assert (again.loaded, again.skipped) == (0, 30)
    shib = load(platform, tmp_path, DATA / "shib-1d.csv")
    assert (shib.loaded, shib.rejected) == (0, 30)
    german = {"timestamp": "Datum", "open": "Erster", "high": "Hoch", "low": "Tief", "close": "Schlusskurs", "volume": "Stuecke"}
    assert load(platform, tmp_path, DATA / "dax.csv", symbol="DAX", mapping=german).loaded == 4
    assert asked(platform, "select open, volume from market_data where symbol = 'DAX' and timestamp = '2024-01-03Z'") == [(1355, 12345)]
    assert load(platform, tmp_path, DATA / "mt5-two-columns-utf16.csv", symbol="EURUSD").loaded == 15


@pytest.mark.exhaustive
def test_a_day_of_seoul_is_that_day_among_the_daily_candles(platform: Platform, tmp_path: Path) -> None:
    path = tmp_path / "seoul.csv"
    path.write_text("date,open,high,low,close,volume\n2024-01-02,1,2,1,2,3\n2024-01-03,1,2,1,2,3\n")
    load(platform, tmp_path, path, symbol="005930.KS", timezone="Asia/Seoul")
    path.write_text("time,open,high,low,close,volume\n" + "".join(f"2024-01-04 {hour:02d}:00,1,2,1,2,3\n" for hour in range(9, 16)))
    load(platform, tmp_path, path, symbol="005930.KS", timezone="Asia/Seoul")
    maintain(platform, SilentProgress())
    days = asked(platform, "select bucket, volume from candles_1d order by 1")
    assert days == [(datetime(2024, 1, 2, tzinfo=UTC), 3), (datetime(2024, 1, 3, tzinfo=UTC), 3), (datetime(2024, 1, 4, tzinfo=UTC), 21)]


@pytest.mark.exhaustive
def test_symbols_of_all_kinds_pass_every_step_after_loading(platform: Platform, tmp_path: Path) -> None:
    path = tmp_path / "symbols.csv"
    longest = "삼" * 20
    text = (DATA / "odd-symbols.csv").read_text(encoding="utf-8")
    path.write_text(f"{text.rstrip()}\n{longest},2024-01-02,10,11,9,10.5,100\n\U0001f680/\U0001f680 %*?[x],2024-01-02,10,11,9,10.5,100\n")
    assert load(platform, tmp_path, path).loaded == 14
    symbols = {symbol for (symbol,) in asked(platform, "select symbol from market_data where timestamp = '2024-01-02Z'")}
    assert {"NA", "NULL", "TRUE", "BTC/USDT:USDT", "BRK B", longest} < symbols
    maintain(platform, SilentProgress())
    assert len(asked(platform, "select symbol from candles_1d")) == 14
    indicators.load(platform, symbols=sorted(symbols))
    with run_scratch_redis() as (redis, _container):
        authorities = tmp_path / "ca.crt"
        authorities.write_bytes(platform.ca_file.read_bytes() + redis.ca_file.read_bytes())
        both = dataclasses.replace(
            platform,
            endpoints={**platform.endpoints, **redis.endpoints},
            accounts={
                name: Credentials(postgres=each.postgres, redis=redis.accounts[name].redis if name in redis.accounts else None)
                for name, each in platform.accounts.items()
            },
            ca_file=authorities,
        )
        cache.load(both, SilentProgress())
        with clients.redis_client(both, "api") as client:
            keys = list(client.scan_iter(match=MARKET_LATEST.glob))
            assert {MARKET_LATEST.part(key) for key in keys} == symbols
            assert set(MarketCache(client).read(symbols)) == symbols
            # A newest candle of which a part is missing is no latest price, and keeps no other out of the cache.
            unfinished = min(symbols)
            with clients.postgres(both, "ingest", autocommit=True) as connection:
                connection.execute("insert into market_data (symbol, timestamp, open) values (%s, now(), 1)", (unfinished,))
            wait_for(lambda: not client.exists(*keys), "the entries have expired")
            cache.load(both, SilentProgress())
            assert set(MarketCache(client).read(symbols)) == symbols - {unfinished}
