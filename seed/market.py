"""Loads candles into `market_data`, as the account `ingest`."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from core.progress import Progress, SilentProgress
from seed.candle_files.writing import ACCOUNT, stage
from seed.candles import Candle, samples
from seed.report import SeedReport
from seed.statements import load

if TYPE_CHECKING:
    import psycopg

    from infra.connections import Platform

_TYPES = ("text", "timestamptz", "numeric", "numeric", "numeric", "numeric", "numeric")
_TELL_EVERY = 1000


def load_samples(platform: Platform, progress: Progress | None = None) -> SeedReport:
    """Load the bundled daily candles; a second run changes nothing.

    All or nothing: one transaction. Raises PlatformError if the samples are missing.
    """
    from infra.clients import postgres

    progress = progress or SilentProgress()
    started = time.monotonic()
    progress.status("sample candles")
    candles = list(samples())
    with postgres(platform, ACCOUNT) as connection:
        inserted, updated = merge(connection, candles, progress)
    return SeedReport("market", inserted, updated, len(candles) - inserted - updated, time.monotonic() - started)


def merge(connection: psycopg.Connection, candles: Iterable[Candle], progress: Progress) -> tuple[int, int]:
    """Write candles, without repeated (symbol, time), inside the caller's transaction.

    Returns the numbers of new and of changed rows.
    Raises PlatformError if the account may not make temporary tables.
    """
    stage(connection)
    columns = ", ".join(Candle._fields)
    with connection.cursor() as cursor:
        with cursor.copy(f"copy staged_candles ({columns}) from stdin (format binary)".encode()) as copy:
            copy.set_types(_TYPES)
            for number, candle in enumerate(candles, 1):
                copy.write_row(candle)
                if number % _TELL_EVERY == 0:
                    progress.count(number, 0, "candles")
        # Without statistics the planner expects a small temporary table and loops over the chunks.
        cursor.execute("analyze staged_candles")
        cursor.execute(load("merge_candles"))
        row = cursor.fetchone()
    inserted, updated = row if row else (0, 0)
    return inserted, updated
