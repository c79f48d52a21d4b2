"""One migration at a time: an advisory lock that shows its holder and ends with its session."""

from __future__ import annotations

import contextlib
import getpass
import os
import socket
import time
from collections.abc import Iterator

import psycopg

from christmas.blueprint.twin_logins import account_of_login
from core.errors import PlatformError
from core.progress import Progress
from migrations.queries import scalar

# Any number that nothing else in this database uses.
_KEY = 0x6368726973746D61
WAIT_SECONDS = 600.0
_POLL_SECONDS = 0.5

_HOLDER = """
select a.application_name, a.usename, coalesce(host(a.client_addr), 'the server itself'), a.pid,
    extract(epoch from now() - a.backend_start)::int
from pg_catalog.pg_locks as l
join pg_catalog.pg_stat_activity as a on a.pid = l.pid
where l.locktype = 'advisory' and l.granted
    and l.classid::bigint = %(high)s and l.objid::bigint = %(low)s and l.objsubid = 1
    and l.database = (select d.oid from pg_catalog.pg_database as d where d.datname = current_database())
"""


def application_name() -> str:
    """This session's name for other sessions: `migrate USER@HOST PID`, cut to the server's limit."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in many containers
        user = str(os.getuid())
    return f"migrate {user}@{socket.gethostname()} {os.getpid()}"[:63]


def holder(connection: psycopg.Connection) -> str | None:
    """The lock's holder in words, or None."""
    row = connection.execute(_HOLDER, {"high": _KEY >> 32, "low": _KEY & 0xFFFFFFFF}).fetchone()
    if row is None:
        return None
    name, account, address, pid, seconds = row
    # While the account is rotated its two logins see of each other's sessions only that they are there.
    more = "" if seconds is None else f" from {address}"
    since = "" if seconds is None else f", since {seconds} s"
    return f"{name or 'an unnamed session'} (account {account_of_login(account)}{more}, server process {pid}{since})"


@contextlib.contextmanager
def migration_lock(connection: psycopg.Connection, progress: Progress, wait_seconds: float = WAIT_SECONDS) -> Iterator[None]:
    """Hold the lock while the block runs; waits for another migration and reports it.

    `connection` is in autocommit. The lock belongs to its session, so a killed run leaves none behind.
    Raises PlatformError if the other migration is not done after `wait_seconds`.
    """
    deadline = time.monotonic() + wait_seconds
    announced = None
    while not _try(connection):
        other = holder(connection)
        if other is not None and other.split(", since")[0] != announced:
            announced = other.split(", since")[0]
            progress.log(f"waiting for another migration: {other}")
        if time.monotonic() >= deadline:
            raise PlatformError(
                f"another migration is still running after {wait_seconds:.0f} s",
                where=other or "its session has just ended",
                next_step="wait for it, or end its server process with pg_terminate_backend, then migrate again",
            )
        time.sleep(_POLL_SECONDS)
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("select pg_advisory_unlock(%s)", (_KEY,))


def _try(connection: psycopg.Connection) -> bool:
    return bool(scalar(connection, "select pg_try_advisory_lock(%s)", (_KEY,)))
