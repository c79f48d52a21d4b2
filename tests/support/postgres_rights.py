"""Gives a scratch database the rights that provisioning gives: by the provider's own statements, for the blueprint's accounts."""

from __future__ import annotations

from docker.models.containers import Container

from christmas.blueprint.accounts import ACCOUNTS
from christmas.blueprint.audited import AUDIT_RIGHTS, AUDIT_ROLE
from christmas.blueprint.model import PostgresRole
from christmas.blueprint.postgres_bounds import CLOSED_STABLE_FUNCTIONS, OPEN_FUNCTIONS
from christmas.blueprint.relational import DATABASE, SCHEMA
from infra.provider import psql
from infra.provider.postgres_role import declared_inputs, settings_of


def owner() -> str:
    """The account that owns the schema."""
    return next(account.name for account in ACCOUNTS if account.postgres and account.postgres.owns_schema)


def role_settings(role: PostgresRole) -> dict[str, str]:
    """What provisioning sets for a role's sessions."""
    return settings_of(declared_inputs(role))


def give_rights(container: Container, database: str = DATABASE) -> None:
    """Close the functions, make those that watch, and give each account what the blueprint declares; their roles are there already.

    The audit's role is made; what it may read it gets with the tables.
    """
    common = {"owner": owner(), "schema": SCHEMA, "lock": str(psql.ADVISORY_LOCK)}
    functions = {"open_functions": sorted(OPEN_FUNCTIONS), "closed_functions": list(CLOSED_STABLE_FUNCTIONS)}
    for name in ("functions_apply", "watch_apply"):
        psql.run(container, psql.named(name), database=database, variables={**common, **functions})
    make_audit_role(container, database)
    for account in ACCOUNTS:
        if account.postgres is None:
            continue
        mine = {**common, "role": account.name, "functions": list(account.postgres.functions)}
        if account.postgres.reads_every_table:
            psql.run(container, psql.named("reader_apply"), database=database, variables=mine)
            present = ("tables", "sequences")
            psql.run(
                container,
                "".join(f"grant select on all {each} in schema {SCHEMA} to {account.name};" for each in present),
                database=database,
            )
        psql.run(container, psql.named("functions_grant"), database=database, variables=mine)


def make_audit_role(container: Container, database: str = DATABASE) -> None:
    """Make the role by which pgaudit knows what to log, as provisioning does."""
    variables = {
        "name": AUDIT_ROLE,
        "lock": str(psql.ADVISORY_LOCK),
        "login": "nologin",
        "verifier": "",
        "connection_limit": str(AUDIT_RIGHTS.connection_limit),
        "member_of": [],
        "settings": role_settings(AUDIT_RIGHTS),
        "bypassrls": "nobypassrls",
    }
    psql.run(container, psql.named("role_apply"), variables=variables)
    granted = f"grant connect on database {database} to {AUDIT_ROLE}; grant usage on schema {SCHEMA} to {AUDIT_ROLE};"
    psql.run(container, granted, database=database)
