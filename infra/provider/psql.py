"""SQL as the superuser inside a database container: over the socket, with peer authentication, statements through stdin."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import TYPE_CHECKING, Any

from core.container_commands import Finished
from core.container_sessions import execute_short
from core.errors import PlatformError
from core.patience import patience
from core.waiting import until
from infra.provider import stalled_logins, superuser

if TYPE_CHECKING:
    from docker.models.containers import Container

# Only one provisioning transaction at a time per database: two grants on one table would fail with "tuple concurrently updated".
# The number is "CHRI" in ASCII.
ADVISORY_LOCK = 0x43485249
_READY_WITHIN_SECONDS = 90
_NOT_READY = ("starting up", "shutting down", "No such file or directory", "Connection refused", "not yet accepting connections")
_NO_PLACE = ("too many clients", "connection slots are reserved")
NAME = re.compile(r"[a-z_][a-z0-9_-]{0,62}")


def name_rule(name: str) -> str | None:
    """The rule of an input: plain names only."""
    return None if NAME.fullmatch(name) else "must be a plain lower-case name of at most 63 letters, digits, `_` and `-`"


def quote_identifier(name: str) -> str:
    """A name quoted for SQL."""
    return '"' + name.replace('"', '""') + '"'


def setting_findings(settings: Sequence[str], declared: Mapping[str, str]) -> list[str]:
    """Differences between `name=value` settings in PostgreSQL's form and the declared ones. Names ignore case."""
    present = {name.lower(): value for name, value in (pair.split("=", 1) for pair in settings)}
    expected = {name.lower(): value for name, value in declared.items()}
    findings = [f"{name} is set, but not declared" for name in sorted(present.keys() - expected.keys())]
    return findings + [
        f"{name} is {present.get(name, 'not set')}, not {expected[name]}"
        for name in sorted(expected)
        if present.get(name) != expected[name]
    ]


def named(name: str) -> str:
    """The text of `sql/NAME.sql`."""
    return resources.files("infra.provider").joinpath("sql", f"{name}.sql").read_text("utf-8")


def run(container: Container, sql: str, *, database: str = "postgres", variables: Mapping[str, Any] | None = None) -> str:
    """Run statements until the first failure; returns the queries' output, as psql prints it unaligned.

    `variables` are psql's (`:name`, `:'name'`, `:"name"`); lists and objects become JSON. Waits for a server that is
    still starting. Raises PlatformError with the server's message, without statements and values.
    """

    def ask() -> Finished | None:
        ended = _psql(container, sql, database, variables or {})
        if any(sign in ended.stderr for sign in _NO_PLACE):
            # Clients hold all connections without logging in: end them, and the next connection is ours before they return.
            stalled_logins.end_stalled(container)
            ended = _psql(container, sql, database, variables or {})
        return None if any(sign in ended.stderr for sign in (*_NOT_READY, *_NO_PLACE)) else ended

    ended = until(ask, patience(_READY_WITHIN_SECONDS), pause=0.5) or _psql(container, sql, database, variables or {})
    if ended.code == 0:
        return ended.text()
    raise PlatformError(
        what=f"PostgreSQL refused: {_message(ended)}",
        where=f"container {container.name}, database {database}",
        next_step=_advice(ended),
    )


def query(container: Container, sql: str, *, database: str = "postgres", variables: Mapping[str, Any] | None = None) -> Any:
    """The one JSON value that a query returns; None for no row."""
    answer = run(container, sql, database=database, variables=variables)
    return json.loads(answer) if answer else None


def _psql(container: Container, sql: str, database: str, variables: Mapping[str, Any]) -> Finished:
    lines = [
        "\\set ON_ERROR_STOP on",
        "\\set VERBOSITY terse",  # no DETAIL or LINE: they would quote values
        # Keep statements with a verifier out of the server's log too; pgaudit itself redacts passwords.
        "set log_statement = 'none'; set log_min_error_statement = panic; set log_min_duration_statement = -1;",
        "set client_min_messages = warning;",
        *(f"\\set {name} {_quoted(value)}" for name, value in variables.items()),
        sql,
        "",
    ]
    command = ["psql", "-X", "-q", "-A", "-t", "-U", "postgres", "-d", superuser.database(database), "-f", "-"]
    return execute_short(container, command, text="\n".join(lines), user="postgres")


def _quoted(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    # psql's own quoting: backslashes and quotes escaped or doubled, newlines escaped.
    return "'" + text.replace("\\", "\\\\").replace("'", "''").replace("\n", "\\n") + "'"


def _message(ended: Finished) -> str:
    lines = [re.sub(r"^psql:<stdin>:\d+: ", "", line) for line in ended.stderr.strip().splitlines()]
    return "; ".join(lines)[-800:] or f"psql ended with {ended.code}"


def _advice(ended: Finished) -> str:
    if "Peer authentication failed" in ended.stderr or "no pg_hba.conf entry" in ended.stderr:
        return "pg_hba.conf must let the superuser in over the socket: `local all postgres peer`"
    if any(sign in ended.stderr for sign in _NOT_READY):
        return "see `docker logs` of the container"
    return "fix the cause, then run `pulumi up` again"


def database_exists(container: Container, database: str) -> bool:
    """Whether the server has that database."""
    answer = run(container, "select exists (select from pg_database where datname = :'database');", variables={"database": database})
    return answer == "t"
