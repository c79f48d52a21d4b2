"""Writes batches: straight into the table where nothing was before, else through staging and a merge."""

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
    """What became of a batch's rows: `loaded` are new or changed, `skipped` were there already with the same values."""

    loaded: int
    skipped: int


class Writer:
    """One connection that writes batches, each in a transaction of its own unless the caller opened one around them."""

    def __init__(self, connection: psycopg.Connection, highest: int, refuse: Callable[[Reject], None]) -> None:
        """Take a connection in autocommit, and the highest row number from before the load (0 for an empty table).

        `refuse` hears of rows that only the server finds bad.
        """
        self._connection = connection
        self._highest = highest
        self._refuse = refuse
        self._timezone = ""
        # TimescaleDB takes a COPY into a hypertable past pgaudit's beginning and into its middle, and the server crashes
        # (timescaledb issue 7667). The account is exempt from auditing for that reason; where it is not, rows are staged.
        row = connection.execute("select coalesce(current_setting('pgaudit.log', true), '')").fetchone()
        self._may_copy = row is not None and row[0] in {"", "none"}

    def write(self, batch: Batch) -> Written:
        """Write one batch. A row that the server refuses is put aside, and the rest of the batch is written."""
        import psycopg

        if not batch.binary and batch.timezone != self._timezone:
            self._connection.execute("select set_config('TimeZone', %s, false)", (batch.timezone,))
            self._timezone = batch.timezone
        try:
            return self._write_whole(batch)
        except psycopg.errors.OutOfMemory as error:  # of the table of locks
            raise _too_many_chunks(batch, f"the server says {error.diag.message_primary}") from error
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            if batch.binary:
                # As text its rows can be told apart by their lines.
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
            # Somebody else loads the same candles at this moment: then it is a merge after all.
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
            # Not left to the end of the transaction: in a strict load many batches share one.
            self._connection.execute("drop table staged_candles")
            self._bound_chunks(batch)
        loaded = sum(row) if row else 0
        return Written(loaded, batch.rows - loaded)

    def _bound_chunks(self, batch: Batch) -> None:
        """Undo the batch where its candles would lie in more chunks than the server's locks are meant for."""
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
        f"candles are spread over too many chunks of {days} days, and every statement without bounds in time locks them all: {why}",
        where=f"{batch.file}, lines {batch.lines[0]} to {batch.lines[-1]}, {moment(batch.first):%Y-%m-%d} to {moment(batch.last):%Y-%m-%d}",
        next_step="look whether these are the right years (--date-format, --epoch); then leave out the oldest rows, or raise MOST_CHUNKS "
        "in christmas/blueprint/services.py and bring the server up with it: invoke up",
    )


def stage(connection: psycopg.Connection) -> None:
    """Make the temporary table that a merge starts from.

    Raises PlatformError where the account may not make temporary tables.
    """
    import psycopg

    try:
        connection.execute(load("stage_candles"))
    except psycopg.errors.InsufficientPrivilege as error:
        raise PlatformError(
            f"candles can't be staged: {str(error).strip()}",
            where=f"account {ACCOUNT}",
            next_step="give the account its declared privileges back: invoke up --refresh",
        ) from error


@contextmanager
def connected(platform: Platform) -> Iterator[psycopg.Connection]:
    """A connection of the loading account, in autocommit."""
    from infra.clients import postgres

    # What is acknowledged one batch too early is loaded again by the next run: not worth a disk's turn for every batch.
    with postgres(platform, ACCOUNT, autocommit=True, options="-c synchronous_commit=off") as connection:
        yield connection


def highest_number(connection: psycopg.Connection) -> int:
    """The highest row number in the table; 0 where it is empty."""
    row = connection.execute("select max(id) from market_data").fetchone()
    return int(row[0]) if row and row[0] is not None else 0
