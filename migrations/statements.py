"""Finds a revision's SQL by name and runs it in the revision's own transaction."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, cast

from core.errors import PlatformError

if TYPE_CHECKING:
    import psycopg

FOLDER = Path(__file__).resolve().parent / "sql"

# A revision that waits for a lock makes all later sessions wait too, so it gives up early and is retried.
LOCK_TIMEOUT = "5s"
STATEMENT_TIMEOUT = "15min"

_SETTING = re.compile(r"^-- (lock_timeout|statement_timeout): (\d+(?:ms|s|min|h))$", re.MULTILINE)


def load(name: str) -> str:
    """The named SQL, for instance `0001_users.up`.

    Raises PlatformError if the file doesn't exist.
    """
    path = FOLDER / f"{name}.sql"
    if not path.is_file():
        raise PlatformError(f"the SQL of migration step {name} is missing", where=str(path), next_step="restore the file from git")
    return path.read_text(encoding="utf-8")


def timeouts(text: str) -> dict[str, str]:
    """The step's `lock_timeout` and `statement_timeout`: the defaults, unless a comment line in the file sets others."""
    return {"lock_timeout": LOCK_TIMEOUT, "statement_timeout": STATEMENT_TIMEOUT, **dict(_SETTING.findall(text))}


def driver() -> psycopg.Connection:
    """Inside a revision: the driver's own connection.

    SQLAlchemy would treat a colon as a parameter, and send one statement at a time.
    """
    from alembic import op

    return cast("psycopg.Connection", op.get_bind().connection.driver_connection)


def run(name: str) -> None:
    """Inside a revision: run the named SQL in the revision's transaction, with its timeouts."""
    execute(driver(), load(name))


def execute(connection: psycopg.Connection, text: str) -> None:
    """Run a step's SQL in the present transaction, with its timeouts."""
    for setting, value in timeouts(text).items():
        connection.execute("select set_config(%s, %s, true)", (setting, value))
    connection.execute(text.encode())
