"""Whether PostgreSQL's accounts are and may what the blueprint says, and keep to bounds that they could lift themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from christmas.blueprint.accounts import ACCOUNTS
from christmas.blueprint.audited import AUDIT_RIGHTS, AUDIT_ROLE, AUDIT_SETTINGS
from christmas.blueprint.model import PostgresRole
from christmas.blueprint.postgres_bounds import CLOSED_STABLE_FUNCTIONS, OPEN_FUNCTIONS
from christmas.blueprint.relational import DATABASE, SCHEMA
from christmas.blueprint.twin_logins import account_of_login, twin_of
from core.words import shortened
from infra.connections import Platform
from infra.provider.grants import UNDECLARED
from infra.provider.postgres_grants import declared_grants, privilege_findings, privileges_of
from infra.provider.postgres_role import attribute_findings, declared_inputs, setting_findings, settings_of, twin_inputs
from monitor.postgres import connected, query
from monitor.result import Finding, critical, ok, warning

if TYPE_CHECKING:
    import psycopg

_OWNER = next(account.name for account in ACCOUNTS if account.postgres and account.postgres.owns_schema)
_SHOWN = 6
# Over the declared time by so much: a server that is busy ends a statement late.
_GRACE_SECONDS = 10.0
_IDLE_SECONDS = 900.0


class Session(NamedTuple):
    """A session of an account; see sql/sessions.sql."""

    pid: int
    account: str
    address: str
    is_busy: bool | None
    transaction_seconds: float | None
    statement_seconds: float | None


def rights(platform: Platform) -> Finding:
    """Roles, their settings, what each was granted, what everybody may run, and what is audited are the declared ones.

    A password is tried by postgres.accounts.
    """
    with connected(platform) as connection:
        roles = connection.execute(query("roles")).fetchall()
        functions = connection.execute(
            query("open_functions"), {"open": sorted(OPEN_FUNCTIONS), "closed": list(CLOSED_STABLE_FUNCTIONS)}
        ).fetchall()
        granted = [finding for account in ACCOUNTS if account.postgres for finding in _granted(connection, account.name, account.postgres)]
        unaudited = _unaudited(connection, dict(roles))
    return judge_rights(dict(roles), [name for (name,) in functions], granted, platform.stack, unaudited)


def _unaudited(connection: psycopg.Connection, roles: Mapping[str, Any]) -> list[str]:
    """What keeps reads and changes from being logged: settings of the server, as a session has them, and rights of the audit's role."""
    names = [name for name, _ in AUDIT_SETTINGS]
    rows = connection.execute("select s.name, current_setting(s.name, true) from unnest(%s::text[]) as s (name)", (names,)).fetchall()
    real: dict[str, str | None] = dict(rows)
    differences = [f"{name} is '{real[name] or ''}', not '{value}'" for name, value in AUDIT_SETTINGS if real[name] != value]
    return differences + (_granted(connection, AUDIT_ROLE, AUDIT_RIGHTS) if AUDIT_ROLE in roles else [f"there is no role {AUDIT_ROLE}"])


def _granted(connection: psycopg.Connection, name: str, role: PostgresRole) -> list[str]:
    """What an account was granted beside what is declared, and what of that is missing."""
    real = privileges_of(connection, name, _OWNER)
    # A missing one can't log in: postgres.accounts reports that.
    inputs = {"role": name, "owner": _OWNER, "database": DATABASE, "schema": SCHEMA, **declared_grants(role)}
    return [f"{name}: {finding}" for finding in privilege_findings(real, inputs)] if real["exists"] else []


def judge_rights(
    roles: Mapping[str, Mapping[str, Any]], functions: Sequence[str], granted: Sequence[str], stack: str, unaudited: Sequence[str] = ()
) -> Finding:
    """Judge roles (as sql/roles.sql reads them), open functions, differences in grants and gaps of the audit. Pure."""
    grave = [f"everybody may run {name}" for name in functions] + [finding for finding in granted if finding.endswith(UNDECLARED)]
    grave += [f"not all is audited: {finding}" for finding in unaudited]
    light = [finding for finding in granted if not finding.endswith(UNDECLARED)]
    declared = {account.name: declared_inputs(account.postgres) for account in ACCOUNTS if account.postgres}
    declared |= {twin_of(account.name): twin_inputs(account.name, account.postgres) for account in ACCOUNTS if account.postgres}
    grave += [f"role {name} may log in and is not declared" for name in sorted(roles.keys() - declared.keys()) if roles[name]["login"]]
    declared[AUDIT_ROLE] = declared_inputs(AUDIT_RIGHTS)
    for name, inputs in declared.items():
        # It doesn't matter here which of an account's two logins is missing or shut: postgres.accounts checks that the account gets in.
        if name in roles:
            grave += [f"{name} {finding}" for finding in attribute_findings(dict(roles[name]), inputs)]
            for finding in setting_findings(roles[name]["settings"], settings_of(inputs)):
                # What a role is audited of, only a superuser sets.
                (grave if finding.startswith("pgaudit.") else light).append(f"{name}: {finding}")
    problems = [*grave, *light]
    if not problems:
        present = len(roles.keys() & declared.keys())
        return ok(f"{present} roles are what is declared, and may what is declared", present, "roles")
    return (critical if grave else warning)(
        shortened(problems, _SHOWN),
        f"invoke up --stack {stack} puts it back; the server's log (pgaudit, role) names who did it",
        len(problems),
        "differences",
    )


def sessions(platform: Platform) -> Finding:
    """No session runs a statement for longer than its account may, or holds a transaction open and does nothing."""
    with connected(platform) as connection:
        rows = [Session(*row) for row in connection.execute(query("sessions")).fetchall()]
    return judge_sessions(rows)


def judge_sessions(sessions_now: Sequence[Session]) -> Finding:
    """Judge sessions. Pure."""
    allowed = {account.name: account.postgres.statement_timeout.total_seconds() for account in ACCOUNTS if account.postgres}
    problems = []
    for session in sessions_now:
        bound = allowed.get(account_of_login(session.account))
        who = f"{session.account} from {session.address}, server process {session.pid},"
        if bound and (session.statement_seconds or 0) > bound * 1.1 + _GRACE_SECONDS:
            problems.append(f"{who} runs a statement for {session.statement_seconds:.0f} s, {bound:.0f} s are allowed")
        elif not session.is_busy and (session.transaction_seconds or 0) > _IDLE_SECONDS:
            problems.append(f"{who} holds a transaction open for {session.transaction_seconds:.0f} s and does nothing")
    if problems:
        return warning(
            "; ".join(problems[:_SHOWN]),
            "it lifted its own bound: as superuser, select pg_terminate_backend(PROCESS); then ask whose it is",
            len(problems),
            "sessions",
        )
    return ok(f"{len(sessions_now)} sessions keep to their bounds", len(sessions_now), "sessions")
