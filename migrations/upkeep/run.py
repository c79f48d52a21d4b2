"""Applies the blueprint's rules on rollups and data retention if no job of the server does."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from christmas.blueprint.relational import ROLLUPS, TABLES
from core.errors import PlatformError
from core.progress import Progress, SilentProgress
from core.statements import Statements
from migrations.edition import Edition, form
from migrations.queries import scalar

if TYPE_CHECKING:
    import psycopg

    from infra.connections import Platform

ACCOUNT = "migrator"
_load = Statements(__file__)
# Days of one symbol per transaction: about 0.4 million one-minute candles, some seconds of work.
BATCH = 1000
# Chunks dropped per transaction: each takes some ten locks, which are held to its end.
CHUNKS = 200
# One upkeep at a time: two would compute the same days and violate each other's keys.
_LOCK = 0x75706B656570


@dataclass(frozen=True, slots=True)
class UpkeepReport:
    """The result: `refreshed` counts days of a symbol, `dropped` chunks by table. `seconds` is wall-clock time."""

    edition: Edition
    refreshed: int
    dropped: dict[str, int] = field(hash=False)
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """The report for `--json`."""
        return asdict(self)

    def __str__(self) -> str:
        chunks = ", ".join(f"{count} of {name}" for name, count in self.dropped.items() if count) or "none"
        what = f"{self.refreshed} days refreshed" if self.edition is Edition.APACHE else "continuous aggregates refreshed"
        return f"upkeep ({self.edition}): {what}, chunks dropped: {chunks} ({self.seconds:.1f} s)"


def maintain(platform: Platform, progress: Progress | None = None, *, now: datetime | None = None) -> UpkeepReport:
    """Refresh every rollup and drop expired chunks.

    Refreshing an hour's data takes about a second; run it every few minutes. If the server has its own jobs, this runs
    in addition, without waiting for their next turn. Raises PlatformError if the schema has no rollups yet.
    """
    from infra.clients import postgres

    progress = progress or SilentProgress()
    started = time.monotonic()
    with postgres(platform, ACCOUNT, autocommit=True) as connection:
        edition, refreshed = _refresh(platform, connection, progress)
        progress.status("data retention")
        dropped = drop_old(connection, now or datetime.now(UTC))
    return UpkeepReport(edition, refreshed, dropped, time.monotonic() - started)


def refresh_rollups(platform: Platform, progress: Progress | None = None) -> int:
    """Bring every rollup up to date without dropping chunks, for loaders. Returns the number of changed days.

    Raises PlatformError if the schema has no rollups yet.
    """
    from infra.clients import postgres

    with postgres(platform, ACCOUNT, autocommit=True) as connection:
        return _refresh(platform, connection, progress or SilentProgress())[1]


def _refresh(platform: Platform, connection: psycopg.Connection, progress: Progress) -> tuple[Edition, int]:
    connection.execute("select pg_advisory_lock(%s)", (_LOCK,))
    edition = form(connection)
    if edition is None:
        raise PlatformError("there are no rollups to keep", where=f"stack {platform.stack}, timescaledb", next_step="invoke migrate")
    progress.status("rollups")
    return edition, refresh(connection, progress) if edition is Edition.APACHE else _refresh_aggregates(connection, progress)


def pending(connection: psycopg.Connection) -> int:
    """The number of days of a symbol that wait for a refresh, for the owner of a schema of the Apache edition."""
    return int(scalar(connection, "select count(distinct (symbol, day)) from public.candle_changes"))


def refresh(connection: psycopg.Connection, progress: Progress, batch: int = BATCH) -> int:
    """Compute the noted days again, one batch per transaction; returns the number of days.

    Each batch is removed from the list and computed in one transaction: an interrupted run loses and repeats nothing.
    Changes made meanwhile are noted again.
    """
    total = pending(connection)
    done = 0
    while True:
        with connection.transaction():
            taken = connection.execute(_load("take_changes"), {"limit": batch}).fetchall()
            if not taken:
                return done
            days = [day for _, day in taken]
            parameters = {
                "symbols": [symbol for symbol, _ in taken],
                "days": days,
                "first": min(days),
                "end": max(days) + timedelta(days=1),
            }
            for rollup in ROLLUPS:
                connection.execute(_load(f"clear_{rollup.name}"), parameters)
                connection.execute(_load(f"fill_{rollup.name}"), parameters)
        done += len(taken)
        progress.count(done, max(total, done), "days")


def drop_old(connection: psycopg.Connection, now: datetime, chunks: int = CHUNKS) -> dict[str, int]:
    """Drop the chunks that the blueprint's rules no longer keep at `now`, `chunks` per transaction; returns the number per table."""
    dropped = {}
    for table in TABLES:
        if table.retention is not None:
            before = now - table.retention.keep
            dropped[table.name] = _drop_before(connection, table.name, before, chunks)
    return dropped


def _drop_before(connection: psycopg.Connection, table: str, before: datetime, chunks: int) -> int:
    dropped = 0
    while until := scalar(connection, _load("old_chunks"), {"name": table, "before": before, "limit": chunks}):
        gone = int(scalar(connection, _load("drop_old_chunks"), {"name": table, "before": until}))
        if not gone:
            break  # another session's upkeep, or a job of the server's, was faster
        dropped += gone
    return dropped


def _refresh_aggregates(connection: psycopg.Connection, progress: Progress) -> int:
    from psycopg import sql

    for rollup in ROLLUPS:
        progress.status(rollup.name)
        # A literal: with parameters the server would see a prepared statement, but this call must run alone.
        connection.execute(sql.SQL("call public.refresh_continuous_aggregate({}, null, null)").format(sql.Literal(rollup.name)))
    return 0
