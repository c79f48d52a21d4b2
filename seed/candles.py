"""Candles for loaders, and the real daily candles in the project's dependencies."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from core.errors import PlatformError


class Candle(NamedTuple):
    """One row of `market_data`: prices in the symbol's currency, `timestamp` with a zone, the start of the interval."""

    symbol: str
    timestamp: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


def sample_file() -> Path:
    """The path of `bokeh_sampledata`'s daily candles: found without importing it, which would load pandas.

    Raises PlatformError if the package or its file is missing.
    """
    spec = find_spec("bokeh_sampledata")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    for folder in folders:
        path = Path(folder) / "_data" / "stocks.csv.gz"
        if path.is_file():
            return path
    raise PlatformError(
        "the sample candles are missing", where="package bokeh_sampledata", next_step="install the locked dependencies again: make up"
    )


def samples() -> Iterator[Candle]:
    """12,154 real daily candles of AAPL, FB, GOOG, IBM and MSFT, 2000-03-01 to 2013-03-01, not adjusted for splits.

    A day has no time of day there; it becomes midnight UTC, so that a day's candle and a day's bucket are the same.
    """
    with gzip.open(sample_file(), "rt", encoding="utf-8", newline="") as text:
        for row in csv.DictReader(text):
            day = date.fromisoformat(row["Date"])
            yield Candle(
                row["Ticker"],
                datetime(day.year, day.month, day.day, tzinfo=UTC),
                Decimal(row["Open"]),
                Decimal(row["High"]),
                Decimal(row["Low"]),
                Decimal(row["Close"]),
                Decimal(row["Volume"]),
            )
