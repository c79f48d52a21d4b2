"""Indicators computed in SQL, against the textbook's formulas written out in Python."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from statistics import fmean, pstdev
from typing import Any

import psycopg
import pytest

from infra.connections import Platform
from seed import indicators, market
from seed.candles import samples
from seed.report import SeedReport
from tests.support.postgres_server import ScratchServer

SYMBOL = "FB"  # the shortest series, and the formulas are the same for all
SAMPLES = [candle for candle in samples() if candle.symbol == SYMBOL]
CLOSES = [float(candle.close) for candle in SAMPLES]


def ema(values: list[float], span: int) -> list[float | None]:
    return smoothed(values, span, 2 / (span + 1))


def smoothed(values: list[float], span: int, weight: float) -> list[float | None]:
    found: list[float | None] = [None] * (span - 1)
    mean = fmean(values[:span])
    found.append(mean)
    for value in values[span:]:
        mean = (1 - weight) * mean + weight * value
        found.append(mean)
    return found


def rsi() -> list[float | None]:
    moves = [after - before for before, after in pairwise(CLOSES)]
    found: list[float | None] = [None] * 14
    gain, loss = (fmean(max(sign * move, 0) for move in moves[:14]) for sign in (1, -1))
    for place in range(14, len(moves) + 1):
        found.append(100 - 100 / (1 + gain / loss))
        if place < len(moves):
            gain, loss = ((mean * 13 + max(sign * moves[place], 0)) / 14 for mean, sign in ((gain, 1), (loss, -1)))
    return found


def macd() -> list[float]:
    return [fast - slow for fast, slow in zip(ema(CLOSES, 12), ema(CLOSES, 26), strict=True) if fast is not None and slow is not None]


def windows(span: int) -> list[list[float]]:
    return [CLOSES[end - span : end] for end in range(span, len(CLOSES) + 1)]


@pytest.fixture(scope="module")
def computed(migrated_server: ScratchServer) -> tuple[Platform, SeedReport]:
    platform = migrated_server.platform
    market.load_samples(platform)
    return platform, indicators.load(platform, symbols=[SYMBOL])


def kept(platform: Platform, kind: str, **settings: int) -> list[tuple[Any, ...]]:
    from psycopg.types.json import Jsonb

    with psycopg.connect(platform.postgres_url("analyst")) as connection:
        return connection.execute(
            "select timestamp, value from technical_indicators "
            "where symbol = %s and indicator_type = %s and parameters = %s order by timestamp",
            (SYMBOL, kind, Jsonb({**settings, "interval": "1d"})),
        ).fetchall()


def defined(values: list[float | None]) -> list[float]:
    return [value for value in values if value is not None]


SIGNAL = defined(ema(macd(), 9))


@pytest.mark.parametrize(
    ("kind", "settings", "expected"),
    [
        ("sma", {"period": 20}, [fmean(window) for window in windows(20)]),
        ("sma", {"period": 50}, [fmean(window) for window in windows(50)]),
        ("ema", {"period": 12}, defined(ema(CLOSES, 12))),
        ("ema", {"period": 26}, defined(ema(CLOSES, 26))),
        ("rsi", {"period": 14}, defined(rsi())),
        ("macd", {"fast": 12, "slow": 26}, macd()),
        ("macd_signal", {"fast": 12, "slow": 26, "signal": 9}, SIGNAL),
        ("macd_histogram", {"fast": 12, "slow": 26, "signal": 9}, [a - b for a, b in zip(macd()[8:], SIGNAL, strict=True)]),
        ("bollinger_upper", {"period": 20, "deviations": 2}, [fmean(window) + 2 * pstdev(window) for window in windows(20)]),
        ("bollinger_lower", {"period": 20, "deviations": 2}, [fmean(window) - 2 * pstdev(window) for window in windows(20)]),
    ],
)
def test_each_indicator_is_the_textbooks(
    computed: tuple[Platform, SeedReport], kind: str, settings: dict[str, int], expected: list[float]
) -> None:
    found = kept(computed[0], kind, **settings)
    assert [moment for moment, _ in found] == [candle.timestamp for candle in SAMPLES[-len(expected) :]]
    assert [float(value) for _, value in found] == pytest.approx(expected, abs=1e-6)


def test_run_twice_changes_nothing(computed: tuple[Platform, SeedReport]) -> None:
    platform, first = computed
    assert first.inserted > 1500
    again = indicators.load(platform, symbols=[SYMBOL])
    assert (again.changed, again.unchanged) == (0, first.inserted)


def test_a_corrected_candle_corrects_what_comes_after_it(computed: tuple[Platform, SeedReport]) -> None:
    platform, _ = computed
    last = SAMPLES[-1]
    with psycopg.connect(platform.postgres_url("ingest")) as connection:
        connection.execute("update market_data set close = low where symbol = %s and timestamp = %s", (SYMBOL, last.timestamp))
    report = indicators.load(platform, symbols=[SYMBOL])
    assert (report.inserted, report.updated) == (0, 10)
    moment, value = kept(platform, "sma", period=20)[-1]
    expected = fmean([*CLOSES[-20:-1], float(last.low)])
    assert (moment, value) == (last.timestamp, pytest.approx(Decimal(expected), abs=Decimal("0.000001")))


@pytest.mark.parametrize("chunks", [1, 7, 10_000])
def test_every_symbol_is_found_without_naming_any(
    computed: tuple[Platform, SeedReport], monkeypatch: pytest.MonkeyPatch, chunks: int
) -> None:
    monkeypatch.setattr(indicators, "CHUNKS_AT_ONCE", chunks)
    with psycopg.connect(computed[0].postgres_url("ingest")) as connection:
        assert indicators.symbols_with_candles(connection) == {"AAPL", "FB", "GOOG", "IBM", "MSFT"}
