"""What PostgreSQL lets an account do, learned from the server in sessions of that very account. Nothing is committed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from psycopg import sql

from christmas.blueprint.relational import DATABASE, SCHEMA
from core.patience import patience
from core.statements import Statements
from infra import clients
from infra.connections import Platform
from security.matrix import declared_postgres as names
from security.matrix import postgres_tries as tries
from security.matrix.cell import Answer, Cell, How, Learned
from security.matrix.postgres_tries import Statement, Table, Try

if TYPE_CHECKING:
    import psycopg

query = Statements(__file__)

LOCK_MILLISECONDS = 20
"""As long may a try wait for a lock, and others behind it."""
_STATEMENT_SECONDS = 20.0
_TRIES = 10
_PAUSE_SECONDS = 0.1
_DENIED = "42501"
_LOCKED = "55P03"
_NOT_THERE = ("42P01", "42703", "3F000", "42704")
# What libpq says of a login that was refused by what the server knows of the account, not by its state.
_REFUSED_LOGIN = (
    "permission denied",
    "no pg_hba.conf entry",
    "pg_hba.conf rejects",
    "is not permitted to log in",
    "password authentication failed",
)

_WAL_SENDER = "permission denied to start WAL sender"
"""Said to an account that got in, so that it counts as no refused login."""


@dataclass(slots=True)
class Denials:
    """Refused logins, which must be in the server's log."""

    logins: list[Cell] = field(default_factory=list)
    address: str = ""
    """From where the server saw this account come."""


def learn(platform: Platform, account: str, cells: Sequence[Cell], denials: Denials) -> dict[Cell, Learned]:
    """Try every cell of an account; refused logins are added to `denials`.

    Raises psycopg.Error where no session is to be had.
    """
    known = sorted({cell.name for cell in cells if cell.kind == "table"})
    with clients.postgres(platform, account, autocommit=True, options=_options()) as connection:
        denials.address = str(_one(connection, "select coalesce(host(inet_client_addr()), '')"))
        session = _Session(
            connection,
            {row[0]: Table(*row) for row in connection.execute(query("tables"), {"schema": SCHEMA, "known": known}).fetchall()},
            [row[0] for row in connection.execute(query("undeclared_tables"), {"schema": SCHEMA, "known": known}).fetchall()],
            _other(connection, account),
        )
        functions = _functions(connection)
        learneds: dict[Cell, Learned] = {}
        for cell in cells:
            if cell.kind in ("function", "functions"):
                learneds[cell] = _of_functions(cell, functions)
            elif (options := _other_login(cell)) is None:
                learneds[cell] = session.learn(cell)
            else:
                learneds[cell] = _login(platform, account, **options)
                if learneds[cell].answer is Answer.DENIED and _WAL_SENDER not in learneds[cell].said:
                    denials.logins.append(cell)
    return learneds


def _other_login(cell: Cell) -> dict[str, str] | None:
    """How to log in for a cell about logins; None for other cells, and for the login that this session has."""
    if (cell.kind, cell.action) == ("database", "connect") and cell.name != DATABASE:
        return {"dbname": cell.name}
    return {"replication": "database"} if (cell.kind, cell.action) == ("server", "replicate") else None


def _options() -> str:
    """How a session of the trial begins: it waits for no lock, and calls no function that somebody planted in another schema."""
    return (
        f"-c lock_timeout={LOCK_MILLISECONDS} -c statement_timeout={round(patience(_STATEMENT_SECONDS) * 1000)}"
        " -c search_path=pg_catalog,pg_temp -c idle_in_transaction_session_timeout=60000 -c client_min_messages=error"
    )


class _Session:
    """An account's session, and what it sees."""

    def __init__(self, connection: psycopg.Connection, tables: Mapping[str, Table], undeclared: Sequence[str], other: str) -> None:
        self._connection, self._tables, self._undeclared, self._other = connection, tables, undeclared, other
        self._superuser = str(_one(connection, "select rolname from pg_roles where oid = 10"))

    def learn(self, cell: Cell) -> Learned:
        """What the server says of a cell."""
        if cell.kind == "tables":
            return _together([(name, self._try(tries.on_undeclared(name, cell.action))) for name in self._undeclared])
        if cell.kind in ("table", "numbers of"):
            table = self._tables.get(cell.name)
            if table is None:
                return Learned(Answer.UNKNOWN, said=f"there is no table {cell.name}")
            learned_cells = (tries.on_table if cell.kind == "table" else tries.on_numbers)(table, cell.action)
            return (
                self._try(learned_cells)
                if learned_cells
                else Learned(Answer.ABSENT, said="on this server it is a view" if table.numbers else "")
            )
        if cell.kind == "database" and cell.action == "connect":
            return Learned(Answer.ALLOWED)
        return self._try(self._try_of(cell))

    def _try_of(self, cell: Cell) -> Try:
        if cell.kind == "column":
            return tries.on_column(*cell.name.split("."))
        if cell.kind == "setting":
            return tries.setting(cell.name)
        if cell.kind == "view":
            return tries.view(cell.name)
        attempt = tries.TRIES[cell.kind, cell.action]
        words: dict[str, Any] = {
            "database": sql.Identifier(DATABASE),
            "schema": sql.Identifier(cell.name or SCHEMA),
            "other": sql.Identifier(self._other),
            "superuser": sql.Identifier(self._superuser),
        }
        statement = attempt.statement.format(**words) if isinstance(attempt.statement, sql.SQL) else attempt.statement
        instead = attempt.instead.format(**words) if isinstance(attempt.instead, sql.SQL) else attempt.instead
        listed = attempt.listed.replace("{name}", sql.Literal(cell.name).as_string(None))
        return Try(statement, listed, instead, attempt.outside, attempt.only_listed, attempt.passes)

    def _try(self, attempt: Try) -> Learned:
        import psycopg

        statement = attempt.statement
        if attempt.listed:
            try:
                allows = _one(self._connection, f"select {attempt.listed}")
            except psycopg.OperationalError as error:
                return Learned(Answer.UNKNOWN, How.LISTED, _words(error))
            except psycopg.Error as error:
                return Learned(Answer.UNKNOWN, How.LISTED, _words(error))
            listed = Learned(Answer.ALLOWED if allows else Answer.DENIED, How.LISTED)
            if attempt.only_listed or (allows and attempt.instead is None):
                return listed
            statement = attempt.instead if allows and attempt.instead is not None else attempt.statement
        tried = self._run(statement, attempt)
        for _ in range(_TRIES - 1):
            if not tried.said.startswith(_LOCKED):
                break
            # A lock is waited for before rights are asked about: it says nothing, and is soon gone.
            time.sleep(_PAUSE_SECONDS)
            tried = self._run(statement, attempt)
        # If a busy table could not be tried, the server's list of rights decides.
        return listed if attempt.listed and tried.answer is Answer.UNKNOWN and tried.said.startswith(_LOCKED) else tried

    def _run(self, statement: Statement, attempt: Try) -> Learned:
        import psycopg

        try:
            if attempt.outside:
                self._connection.execute(statement)
            else:
                with self._connection.transaction(force_rollback=True):
                    self._connection.execute(statement)
        except psycopg.Error as error:
            if error.sqlstate in attempt.passes:
                return Learned(Answer.ALLOWED, said=_words(error))
            return refused(error.sqlstate, _words(error))
        return Learned(Answer.ALLOWED)


def refused(sqlstate: str | None, said: str) -> Learned:
    """What an error means: a denial, or an unknown answer. Pure."""
    if sqlstate == _DENIED:
        return Learned(Answer.DENIED, said=said)
    if sqlstate in _NOT_THERE:
        return Learned(Answer.UNKNOWN, said=f"{said}: it is not there")
    return Learned(Answer.UNKNOWN, said=said)


def _words(error: psycopg.Error) -> str:
    first = " ".join(str(error).splitlines()[:1])
    return f"{error.sqlstate or ''} {first}".strip()[:200]


def _one(connection: psycopg.Connection, question: str) -> Any:
    row = connection.execute(question.encode()).fetchone()
    return row[0] if row else None


def _other(connection: psycopg.Connection, account: str) -> str:
    """Another role that may log in; the superuser if there is none."""
    row = connection.execute(
        "select coalesce(min(rolname), (select rolname from pg_roles where oid = 10))::text from pg_roles"
        " where rolcanlogin and not rolsuper and rolname <> %s",
        (account,),
    ).fetchone()
    return str(row[0]) if row else account


def _login(platform: Platform, account: str, **options: Any) -> Learned:
    """Whether the account gets in otherwise."""
    import psycopg

    try:
        psycopg.connect(platform.postgres_url(account), connect_timeout=round(patience(10)), **options).close()
    except psycopg.Error as error:
        said = " ".join(str(error).split())[-200:]
        return Learned(Answer.DENIED if any(sign in str(error) for sign in _REFUSED_LOGIN) else Answer.UNKNOWN, said=said)
    return Learned(Answer.ALLOWED)


def _functions(connection: psycopg.Connection) -> list[dict[str, Any]] | str:
    """What sql/functions.sql finds; why not, where that failed."""
    import psycopg

    try:
        connection.execute("select set_config('christmas.named', %s, false)", (" ".join(names.named_functions()),))
        connection.execute(query("functions"))
        document: list[dict[str, Any]] = json.loads(_one(connection, "select current_setting('christmas.found')"))
    except (psycopg.Error, ValueError) as error:
        return " ".join(str(error).split())[:200]
    return document


def _of_functions(cell: Cell, functions: list[dict[str, Any]] | str) -> Learned:
    if isinstance(functions, str):
        return Learned(Answer.UNKNOWN, said=functions)
    named, open_ = set(names.named_functions()), set(names.open_functions())
    groups: dict[str, Callable[[dict[str, Any]], bool]] = {
        names.OPEN: lambda function: function["name"] in open_,
        names.OF_POSTGRESQL: lambda function: function["schema"] == "pg_catalog" and not function["extension"],
        names.OF_TIMESCALEDB: lambda function: function["extension"] == "timescaledb",
        names.OF_EXTENSIONS: lambda function: function["extension"] not in ("", "timescaledb"),
    }
    if cell.kind == "function":
        mine = [
            function
            for function in functions
            if function["name"] == cell.name and (function["schema"] in ("pg_catalog", "watch", SCHEMA) or function["extension"])
        ]
        if not mine:
            return Learned(Answer.UNKNOWN, said="there is no such function")
    else:
        others = cell.name != names.OPEN
        mine = [function for function in functions if groups[cell.name](function) and not (others and function["name"] in named | open_)]
    return _together([(function["name"], _function(function)) for function in mine])


def _function(function: Mapping[str, Any]) -> Learned:
    if function["allowed"] is None:
        return Learned(Answer.UNKNOWN, said=str(function["problem"]))
    how = How.LISTED if function["problem"] == "listed" else How.TRIED
    return Learned(Answer.ALLOWED if function["allowed"] else Answer.DENIED, how)


def _together(answers: Iterable[tuple[str, Learned]]) -> Learned:
    """One answer for several things: theirs if all are alike, otherwise `mixed` with the names of the smaller group."""
    every = list(answers)
    if not every:
        return Learned(Answer.ABSENT, said="there is none")
    by: dict[Answer, list[str]] = {}
    for name, learned in every:
        by.setdefault(learned.answer, []).append(name)
    how = How.TRIED if any(learned.how is How.TRIED for _, learned in every) else How.LISTED
    decided = {answer: who for answer, who in by.items() if answer in (Answer.ALLOWED, Answer.DENIED)}
    if len(decided) == 2:
        fewer = min(decided, key=lambda answer: len(decided[answer]))
        return Learned(Answer.MIXED, how, f"{fewer} for {len(decided[fewer])} of {len(every)}", tuple(sorted(set(decided[fewer]))))
    if Answer.UNKNOWN in by and (not decided or len(by[Answer.UNKNOWN]) == len(every)):
        return Learned(Answer.UNKNOWN, how, next(learned.said for _, learned in every if learned.answer is Answer.UNKNOWN))
    if Answer.UNKNOWN in by:
        unknown = tuple(sorted(set(by[Answer.UNKNOWN])))
        return Learned(Answer.UNKNOWN, how, f"nothing was learned of {len(unknown)} of {len(every)}", unknown)
    (answer,) = decided
    return Learned(answer, how, f"{len(every)} of {len(every)}")
