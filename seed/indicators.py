"""Computes technical indicators from the candles in the database, in SQL, as the account `ingest`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from core.errors import PlatformError
from core.progress import Progress, SilentProgress
from seed.candle_files.writing import ACCOUNT
from seed.report import SeedReport
from seed.statements import load as statement
from seed.statistics import renew

if TYPE_CHECKING:
    import psycopg

    from infra.connections import Platform

INTERVALS = {"5m": timedelta(minutes=5), "1h": timedelta(hours=1), "1d": timedelta(days=1)}
CHUNKS_AT_ONCE = 200
"""The most chunks that a search for symbols opens in one statement: with thousands it needs more memory than a process may have."""


def load(platform: Platform, progress: Progress | None = None, *, symbols: Sequence[str] | None = None, interval: str = "1d") -> SeedReport:
    """Compute ten indicators on the closes of every symbol's `interval` ("5m", "1h" or "1d"), and write the differences.

    SMA 20 and 50, EMA 12 and 26, RSI 14, MACD 12/26/9 with signal and histogram, Bollinger bands 20/2. Each starts at its
    first defined value. One transaction per symbol. Raises PlatformError for another interval, and
    for symbols without candles.
    """
    from infra.clients import postgres

    progress = progress or SilentProgress()
    started = time.monotonic()
    if interval not in INTERVALS:
        raise PlatformError(f"there are no candles of {interval!r}", where="--interval", next_step=f"use one of: {', '.join(INTERVALS)}")
    width = INTERVALS[interval]
    inserted = updated = total = 0
    with postgres(platform, ACCOUNT, autocommit=True) as connection:
        known = symbols_with_candles(connection)
        chosen = sorted(known) if symbols is None else list(symbols)
        if unknown := sorted(set(chosen) - known):
            raise PlatformError(
                f"there are no candles of {', '.join(unknown[:5])}",
                where="market_data",
                next_step="load them first: invoke seed.market FILE…",
            )
        for done, symbol in enumerate(chosen, 1):
            row = connection.execute(statement("merge_indicators"), {"symbols": [symbol], "width": width, "interval": interval}).fetchone()
            inserted, updated, total = (before + now for before, now in zip((inserted, updated, total), row or (0, 0, 0), strict=True))
            progress.count(done, len(chosen), "symbols")
    progress.status("statistics")
    renew(platform, ["technical_indicators"])
    return SeedReport("indicators", inserted, updated, total - inserted - updated, time.monotonic() - started)


def symbols_with_candles(connection: psycopg.Connection) -> set[str]:
    """The symbols that have at least one candle."""
    spans = connection.execute(statement("spans_of_candles"), {"chunks": CHUNKS_AT_ONCE}).fetchall()
    searches = (connection.execute(statement("symbols_with_candles"), {"start": start, "end": end}) for start, end in spans)
    return {symbol for rows in searches for (symbol,) in rows}
