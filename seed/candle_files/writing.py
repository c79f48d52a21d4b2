"""Writes batches: directly into an empty part of the table, else through staging and a merge."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from christmas.blueprint.relational import CHUNK_INTERVAL
from christmas.blueprint.services import MOST_CHUNKS
from core.errors import PlatformError
from seed.candle_files.batches import Batch, moment
from seed.candle_files.rejects import Reject
from seed.candles import Candle
from seed.statements import load

if TYPE_CHECKING:
    import psycopg

    from infra.connections import Platform

ACCOUNT = "ingest"


@dataclass(frozen=True, slots=True)
class Written:
    """The result for a batch: `loaded` rows are new or changed, `skipped` existed with the same values."""

    loaded: int
    skipped: int


class Writer:
    """One connection that writes batches, each in its own transaction unless the caller opened one."""

    def __init__(self, connection: psycopg.Connection, highest: int, refuse: Callable[[Reject], None]) -> None:
        """Needs a connection in autocommit, and the highest row number from before the load (0 for an empty table).

        `refuse` gets the rows that only the server refuses.
        """
        self._connection = connection
        self._highest = highest
        self._refuse = refuse
        self._timezone = ""
        # A COPY into a hypertable skips the start of pgaudit and enters its middle, which crashes the server
        # (timescaledb issue 7667). So the account is exempt from auditing; if it is not, stage the rows.
        row = connection.execute(
            "select coalesce(current_setting('pgaudit.log', true), ''), coalesce(current_setting('pgaudit.role', true), '')"
        ).fetchone()
        self._may_copy = row is not None and row[0] in {"", "none"} and not row[1]

    def write(self, batch: Batch) -> Written:
        """Write one batch. A row that the server refuses is put aside, the others are written."""
        import psycopg

        if not batch.binary and batch.timezone != self._timezone:
            self._connection.execute("select set_config('TimeZone', %s, false)", (batch.timezone,))
            self._timezone = batch.timezone
        try:
            return self._write_whole(batch)
        except psycopg.errors.OutOfMemory as error:  # of the lock table
            raise _too_many_chunks(batch, f"the server says {error.diag.message_primary}") from error
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            if batch.binary:
                # In text form its rows can be separated by line.
                return self.write(replace(batch, binary=b""))
            if batch.rows == 1:
                reason = f"refused by the server: {error.diag.message_primary}"
                self._refuse(Reject(batch.file, batch.lines[0], reason, batch.payload.decode("utf-8", errors="replace").rstrip()))
                return Written(0, 0)
        first, second = (self.write(half) for half in batch.halves())
        return Written(first.loaded + second.loaded, first.skipped + second.skipped)

    def _write_whole(self, batch: Batch) -> Written:
        import psycopg

        if not self._may_copy or not self._is_empty(batch):
            return self._merge(batch)
        try:
            with self._connection.transaction():
                self._copy(batch, "market_data")
                self._bound_chunks(batch)
        except psycopg.errors.UniqueViolation:
            # Another session loads the same candles now: merge instead.
            return self._merge(batch)
        return Written(batch.rows, 0)

    def _is_empty(self, batch: Batch) -> bool:
        if self._highest == 0:
            return True
        row = self._connection.execute(
            load("pre_existing_candles"),
            {"symbols": list(batch.symbols), "first": moment(batch.first), "last": moment(batch.last), "highest": self._highest},
        ).fetchone()
        return row is not None and not row[0]

    def _merge(self, batch: Batch) -> Written:
        with self._connection.transaction():
            self._connection.execute("drop table if exists staged_candles")
            stage(self._connection)
            self._copy(batch, "staged_candles")
            self._connection.execute("analyze staged_candles")
            row = self._connection.execute(load("merge_candles")).fetchone()
            # Don't wait for the end of the transaction: in a strict load many batches share it.
            self._connection.execute("drop table staged_candles")
            self._bound_chunks(batch)
        loaded = sum(row) if row else 0
        return Written(loaded, batch.rows - loaded)

    def _bound_chunks(self, batch: Batch) -> None:
        """Undo the batch if its candles would be in more chunks than the server's lock table allows."""
        row = self._connection.execute(load("chunks_of_candles")).fetchone()
        if row and row[0] > MOST_CHUNKS:
            raise _too_many_chunks(batch, f"at most {MOST_CHUNKS} are allowed, and there would be {row[0]}")

    def _copy(self, batch: Batch, table: str) -> None:
        columns, form = (Candle._fields, "binary") if batch.binary else (batch.columns, f"csv, delimiter '{batch.delimiter}'")
        statement = f"copy {table} ({', '.join(columns)}) from stdin (format {form})"
        with self._connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
            copy.write(batch.binary or batch.payload)


def _too_many_chunks(batch: Batch, why: str) -> PlatformError:
    days = CHUNK_INTERVAL.days
    return PlatformError(
        f"candles would need too many chunks of {days} days, and every statement without a time range locks them all: {why}",
        where=f"{batch.file}, lines {batch.lines[0]} to {batch.lines[-1]}, {moment(batch.first):%Y-%m-%d} to {moment(batch.last):%Y-%m-%d}",
        next_step="check whether these are the right years (--date-format, --epoch); then leave out the oldest rows, or raise MOST_CHUNKS "
        "in christmas/blueprint/services.py and bring the server up with it: invoke up",
    )


def stage(connection: psycopg.Connection) -> None:
    """Make the temporary table for a merge.

    Raises PlatformError if the account may not make temporary tables.
    """
    import psycopg

    try:
        connection.execute(load("stage_candles"))
    except psycopg.errors.InsufficientPrivilege as error:
        raise PlatformError(
            f"candles can't be staged: {str(error).strip()}",
            where=f"account {ACCOUNT}",
            next_step="restore the account's declared privileges: invoke up --refresh",
        ) from error


@contextmanager
def connected(platform: Platform) -> Iterator[psycopg.Connection]:
    """A connection of the loading account, in autocommit."""
    from infra.clients import postgres

    # An unsynced batch that a crash loses is loaded again by the next run: don't wait for the disk at every batch.
    with postgres(platform, ACCOUNT, autocommit=True, options="-c synchronous_commit=off") as connection:
        yield connection


def highest_number(connection: psycopg.Connection) -> int:
    """The highest row number in the table; 0 if it is empty."""
    row = connection.execute("select max(id) from market_data").fetchone()
    return int(row[0]) if row and row[0] is not None else 0
