"""Alembic's environment for the revisions. `migrations.run` passes the connection in; it is never read from a file."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, Engine

from christmas.blueprint.relational import SCHEMA


def _migrate(connection: Connection) -> None:
    # One transaction per revision: a failure undoes only that revision.
    context.configure(connection=connection, transaction_per_migration=True, version_table_schema=SCHEMA)
    with context.begin_transaction():
        context.run_migrations()


connection_or_engine: Connection | Engine | None = context.config.attributes.get("connection")
if context.is_offline_mode() or connection_or_engine is None:
    raise RuntimeError("migrations need a live connection: run `invoke migrate`")
if isinstance(connection_or_engine, Engine):
    with connection_or_engine.connect() as opened:
        _migrate(opened)
else:
    _migrate(connection_or_engine)
