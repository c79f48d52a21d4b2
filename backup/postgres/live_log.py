"""The live server's view of its WAL: timeline, position, last commit. Asks over the Unix socket, so no password is needed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from backup.postgres import pgbackrest
from backup.postgres.timelines import History, parse_history
from backup.queries import query
from core.container_commands import running
from core.container_sessions import execute_short
from core.errors import PlatformError
from infra import clients
from infra.components.pgbackrest_config import PGDATA
from infra.connections import Platform
from infra.provider.superuser import database

_PSQL = ("psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", f"--dbname={database('postgres')}")
_TICK = (
    "select pg_current_xact_id()::text::bigint % 4294967296 as number \\gset \\\\ "
    "select case when current_setting('track_commit_timestamp')::boolean then pg_xact_commit_timestamp((:'number')::xid) end;"
)


@dataclass(frozen=True, slots=True)
class LiveLog:
    """The server's present position. `committed` is its last commit; None if it does not track commit times."""

    system_id: str
    timeline: int
    position: str
    recovering: bool = False
    committed: datetime | None = None


@dataclass(frozen=True, slots=True)
class Replayed:
    """The end of a restored server's replay: its position, and the last transaction; None if the server no longer knows it.

    `timeline` is the new one that it writes, `history` the switches that led to it.
    """

    position: str | None
    committed: datetime | None
    timeline: int
    history: History


def ask(platform: Platform) -> LiveLog | None:
    """The live server's position, asked over its socket; None if it can't be asked."""
    try:
        (row,) = superuser(platform.containers["timescaledb"], query("live_log")).splitlines()
    except (PlatformError, KeyError):
        return None
    system_id, recovering, timeline, position, committed = row.split("|")
    return LiveLog(system_id, int(timeline), position, recovering == "t", _moment(committed))


def ask_as(platform: Platform, account: str) -> LiveLog | None:
    """The same, asked by an account; None where it isn't let in or the server doesn't answer."""
    import psycopg

    try:
        with clients.postgres(platform, account, autocommit=True) as connection:
            row = connection.execute(query("live_log")).fetchone()
    except psycopg.Error:
        return None
    return LiveLog(str(row[0]), int(row[2]), str(row[3]), bool(row[1]), row[4].astimezone(UTC) if row[4] else None) if row else None


def _moment(text: str) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def superuser(container: str, statement: str) -> str:
    """Run a statement as superuser over the socket."""
    return execute_short(running(container), command(statement), user=pgbackrest.USER, check=True).text()


def command(statement: str) -> tuple[str, ...]:
    """The command line for `superuser`."""
    return (*_PSQL, f"--command={statement}")


def tick(platform: Platform) -> datetime | None:
    """Commit a transaction that changes nothing; returns its time, as far as the server knows it.

    Recovery to a moment ends only at a later commit, and a quiet database may have none.
    Raises PlatformError if the server can't be asked.
    """
    # Two transactions: the commit time of the first is known only after it.
    server = running(platform.containers["timescaledb"])
    return _moment(execute_short(server, _PSQL, user=pgbackrest.USER, text=_TICK, check=True).text())


def replayed(container: str) -> Replayed:
    """The end of the replay of a server that was just promoted.

    Raises PlatformError if it can't be asked.
    """
    (row,) = superuser(container, query("replayed")).splitlines()
    position, committed, timeline = row.split("|")
    text = execute_short(running(container), ["cat", f"{PGDATA}/pg_wal/{int(timeline):08X}.history"], user=pgbackrest.USER)
    return Replayed(position or None, _moment(committed), int(timeline), parse_history(text.text()) if text.code == 0 else ())


def server_history(container: str, timeline: int) -> History:
    """The history of the running server's timeline; empty for the first one.

    Raises PlatformError if the history file can't be read.
    """
    if timeline == 1:
        return ()
    file = f"{PGDATA}/pg_wal/{timeline:08X}.history"
    return parse_history(execute_short(running(container), ["cat", file], user=pgbackrest.USER, check=True).text())
