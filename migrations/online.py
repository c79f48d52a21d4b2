"""Steps that must not block writers, and therefore can't be one transaction: indexes on tables with rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.errors import PlatformError
from migrations import sqltext
from migrations.queries import scalar
from migrations.statements import driver, load, timeouts

if TYPE_CHECKING:
    import psycopg

    from migrations.sqltext import NewIndex

# A build waits for older transactions without blocking anybody: a long timeout is harmless.
LOCK_TIMEOUT = "10min"


def build_index(name: str) -> None:
    """Inside a revision: build the one index in the named SQL without blocking writers.

    The file has `create index concurrently …`, or on a hypertable, which refuses that, `create index … with
    (timescaledb.transaction_per_chunk)`. The revision may do nothing else. An interrupted build's remains are removed
    first, and a complete index is left alone, so the revision can be repeated.

    Raises PlatformError if the file has anything else or the index is invalid after the build.
    """
    from alembic import op
    from psycopg import sql

    text = load(name)
    index = _only_index(name, text)
    with op.get_context().autocommit_block():
        connection = driver()
        settings = {**timeouts(text), "lock_timeout": LOCK_TIMEOUT}
        for setting, value in settings.items():
            connection.execute("select set_config(%s, %s, false)", (setting, value))
        try:
            if _validity(connection, index) is False:
                _drop_leftover(connection, index)
            if _validity(connection, index) is None:
                connection.execute(text.encode())
            if not _validity(connection, index):
                raise PlatformError(f"index {index.name} is invalid", where=f"table {index.table}", next_step="migrate again")
        finally:
            if not connection.closed:
                for setting in settings:
                    connection.execute(sql.SQL("reset {}").format(sql.Identifier(setting)))


def _only_index(name: str, text: str) -> NewIndex:
    indexes = [sqltext.new_index(statement) for statement in sqltext.statements(text)]
    if len(indexes) != 1 or indexes[0] is None or not indexes[0].online:
        raise PlatformError(
            f"step {name} must be one index, built without blocking writers",
            where=f"migrations/sql/{name}.sql",
            next_step="write it as `create index concurrently`, on a hypertable with (timescaledb.transaction_per_chunk)",
        )
    return indexes[0]


def _validity(connection: psycopg.Connection, index: NewIndex) -> bool | None:
    """Whether the index is valid; None if it doesn't exist."""
    valid = scalar(
        connection,
        "select i.indisvalid from pg_catalog.pg_index as i where i.indexrelid = pg_catalog.to_regclass('public.' || quote_ident(%s))",
        (index.name,),
    )
    return None if valid is None else bool(valid)


def _drop_leftover(connection: psycopg.Connection, index: NewIndex) -> None:
    from psycopg import sql

    connection.execute(sql.SQL("drop index if exists public.{}").format(sql.Identifier(index.name)))
