"""Small queries that several modules here use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg


def scalar(connection: psycopg.Connection, query: str, parameters: Any = None) -> Any:
    """The first column of the first row; None if there is no row."""
    row = connection.execute(query.encode(), parameters).fetchone()
    return row[0] if row else None


def current_revision(connection: psycopg.Connection) -> str | None:
    """The database's present revision; None before the first migration."""
    if scalar(connection, "select pg_catalog.to_regclass('public.alembic_version')") is None:
        return None
    revision = scalar(connection, "select version_num from public.alembic_version")
    return None if revision is None else str(revision)
