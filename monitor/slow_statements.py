"""The statements that took PostgreSQL most time, without a value in them, each with the plan that it would get.

Each account is asked for its own: PostgreSQL shows it the text of no other's, and to plan a statement is to have the right to run it.
So nobody has more rights for this (docs/adr/0712). Nothing is run: a plan is the general one, for parameters whose values nobody knows.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from christmas.blueprint.accounts import ACCOUNTS
from core.aside import gather
from core.errors import PlatformError
from core.patience import patience
from infra import clients
from infra.connections import Platform
from monitor.postgres import connected, query

if TYPE_CHECKING:
    import psycopg

MOST = 10
_OWNER = next(account.name for account in ACCOUNTS if account.postgres and account.postgres.owns_schema)
_LINES = 40
"""Of a plan: one over all chunks has hundreds."""
_SECONDS = 10.0
# A plan takes milliseconds. Where a table is locked, or the server is busy, there is none.
_BOUNDS = "-c statement_timeout=2000 -c lock_timeout=500 -c default_transaction_read_only=on"
_REMEMBERED_SECONDS = 3600.0
_plans: dict[tuple[str, str, str], tuple[float, str]] = {}
"""Plans by stack, account and question, with when they were got: a page that looks every minute does not ask again each time."""


class Statement(NamedTuple):
    """A statement as sql/own_statements.sql tells it; without text and question as sql/slow_statements.sql does."""

    account: str
    text: str | None
    calls: int
    milliseconds: float
    share: float | None
    explain: str | None


@dataclass(frozen=True, slots=True)
class Planned:
    """A statement with its plan, or with why there is none."""

    statement: Statement
    plan: str = ""
    no_plan: str = ""


@dataclass(frozen=True, slots=True)
class SlowStatements:
    """Those that took most time first; `failure` says why they could not be read."""

    planned: Sequence[Planned] = field(default_factory=tuple)
    failure: str = ""


def slowest(platform: Platform, most: int = MOST) -> SlowStatements:
    """The statements that took most time in total. Raises nothing: what could not be learned is told."""
    outcome = gather({"statements": partial(_everybodys, platform, most)}, patience(_SECONDS))["statements"]
    if not isinstance(outcome, list):
        return SlowStatements(failure=_words(outcome))
    everybodys: list[Statement] = outcome
    counts = Counter(statement.account for statement in everybodys)
    without = dict.fromkeys(counts, "it is no account of this stack, so its text is not asked for")
    # Filled while answers come: what an account told before it was late counts.
    own_ones: dict[str, list[Planned]] = {account: [] for account in counts if _logs_in(platform, account)}
    looks = {account: partial(_own, platform, account, counts[account], own_ones[account]) for account in own_ones}
    for account, answer in gather(looks, patience(_SECONDS)).items():
        without[account] = _words(answer) if answer is not None else "it was forgotten meanwhile"
    planned = [one for ones in own_ones.values() for one in ones]
    for account in counts:
        rest = [statement for statement in everybodys if statement.account == account][len(own_ones.get(account, ())) :]
        planned += [Planned(statement, no_plan=without[account]) for statement in rest]
    return SlowStatements(sorted(planned, key=lambda one: -one.statement.milliseconds))


def _everybodys(platform: Platform, most: int) -> list[Statement]:
    with connected(platform) as connection:
        return _read(connection, "slow_statements", most)


def _read(connection: psycopg.Connection, name: str, most: int) -> list[Statement]:
    return [Statement(*row) for row in connection.execute(query(name), {"most": most}).fetchall()]


def _logs_in(platform: Platform, account: str) -> bool:
    return account in platform.accounts and platform.accounts[account].postgres is not None


def _own(platform: Platform, account: str, most: int, planned: list[Planned]) -> None:
    """Add an account's statements to `planned`, each with its plan."""
    now = time.monotonic()
    with clients.postgres(platform, account, autocommit=True, options=_BOUNDS) as connection:
        for statement in _read(connection, "own_statements", most):
            question = (platform.stack, account, statement.explain or "")
            when, plan = _plans.get(question, (0.0, ""))
            if account == _OWNER:
                planned.append(Planned(statement, no_plan=f"in the audit it would be a read by {account}, which is out of the ordinary"))
            elif statement.explain is None:
                planned.append(Planned(statement, no_plan="PostgreSQL keeps it with a value in it, so it is not shown"))
            elif plan and now - when < _REMEMBERED_SECONDS:
                planned.append(Planned(statement, plan))
            else:
                planned.append(_explained(connection, statement, statement.explain))
                _plans[question] = (now, planned[-1].plan)


def _explained(connection: psycopg.Connection, statement: Statement, explain: str) -> Planned:
    from psycopg import Error

    try:
        # The account's own words, in a session of its own.
        lines = [line for (line,) in connection.execute(explain.encode()).fetchall()]
    except Error as error:
        if connection.broken:
            raise
        return Planned(statement, no_plan=_words(error))
    # Six blanks for each step are too many for a phone: a third of them shows the same.
    lines = [" " * ((len(line) - len(line.lstrip())) // 3) + line.lstrip() for line in lines]
    more = [f"... and {len(lines) - _LINES} more lines"] if len(lines) > _LINES else []
    return Planned(statement, "\n".join([*lines[:_LINES], *more]))


def _words(outcome: object) -> str:
    """Why something could not be learned, in a line: without the server's hints, and the statement below its message."""
    if isinstance(outcome, PlatformError):
        return outcome.what
    return str(outcome).strip().partition("\n")[0] or type(outcome).__name__
