"""Privileges on tables and columns: the statements that set them, and the differences.

Rendering and comparing are pure. `apply_grants` is for the tables' owner: migrations call it after an upgrade.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from christmas.blueprint.accounts import ACCOUNTS
from christmas.blueprint.audited import AUDIT_RIGHTS, AUDIT_ROLE
from christmas.blueprint.model import Account, Privilege, TableGrant
from christmas.blueprint.relational import SCHEMA
from infra.provider.psql import ADVISORY_LOCK, named, quote_identifier

if TYPE_CHECKING:
    import psycopg

UNDECLARED = "granted, but not declared"
_ORDER = (Privilege.SELECT, Privilege.INSERT, Privilege.UPDATE, Privilege.DELETE)


def grant_statements(
    role: str,
    grants: Sequence[TableGrant],
    existing_tables: Collection[str] | Mapping[str, Collection[str]],
    schema: str = SCHEMA,
    *,
    everything: bool = False,
) -> list[str]:
    """Statements that give `role` exactly the privileges of `grants` on the existing tables.

    `existing_tables` are all tables and views of the schema; as a mapping they name the sequences of each table: a role with INSERT
    may also use them (nextval, currval, lastval), but not set them. Grants on missing tables are
    skipped. With `everything` the role also reads every table and the state of every sequence.
    Run them in one transaction: everything is revoked first.
    """
    grantee = quote_identifier(role)
    sequences = existing_tables if isinstance(existing_tables, Mapping) else {}
    statements: list[str] = []
    for table in sorted(existing_tables):
        statements.append(f"revoke all on table {_qualified(schema, table)} from {grantee} cascade")
        statements += [
            f"revoke all on sequence {_qualified(schema, name)} from {grantee} cascade" for name in sorted(sequences.get(table, ()))
        ]
    for table in sorted(existing_tables) if everything else ():
        statements.append(f"grant select on table {_qualified(schema, table)} to {grantee}")
        statements += [f"grant select on sequence {_qualified(schema, name)} to {grantee}" for name in sorted(sequences.get(table, ()))]
    for grant in grants:
        if grant.table not in existing_tables:
            continue
        table = _qualified(schema, grant.table)
        whole = [privilege.value for privilege in _ORDER if privilege in grant.privileges and not _by_column(grant, privilege)]
        if whole:
            statements.append(f"grant {', '.join(whole)} on table {table} to {grantee}")
        if grant.columns is not None and Privilege.SELECT in grant.privileges:
            columns = ", ".join(quote_identifier(column) for column in grant.columns)
            statements.append(f"grant select ({columns}) on table {table} to {grantee}")
        if Privilege.INSERT in grant.privileges:
            statements += [
                f"grant usage on sequence {_qualified(schema, name)} to {grantee}" for name in sorted(sequences.get(grant.table, ()))
            ]
    return statements


def _by_column(grant: TableGrant, privilege: Privilege) -> bool:
    return privilege is Privilege.SELECT and grant.columns is not None


def _qualified(schema: str, name: str) -> str:
    return f"{quote_identifier(schema)}.{quote_identifier(name)}"


def grant_findings(grants: Sequence[TableGrant], real: Sequence[Mapping[str, Any]], *, everything: bool = False) -> list[str]:
    """Differences between a role's privileges on the existing tables (sql/grants_read.sql, `tables`) and the declared ones."""
    reads = {"select"} if everything else set()
    declared = {grant.table: grant for grant in grants}
    findings: list[str] = []
    for table in real:
        name = table["table"]
        grant = declared.get(name, TableGrant(name, frozenset()))
        expected = {privilege.value for privilege in grant.privileges if not _by_column(grant, privilege)}
        columns = {f"select ({column})" for column in grant.columns or ()} if Privilege.SELECT in grant.privileges else set()
        findings += _compared(set(table["privileges"]), expected | reads, name)
        findings += _compared(set(table["columns"]), columns, name)
        for sequence in table["sequences"]:
            usage = reads | ({"usage"} if Privilege.INSERT in grant.privileges else set())
            findings += _compared(set(sequence["privileges"]), usage, f"sequence {sequence['sequence']}")
    return findings


def _compared(real: set[str], declared: set[str], on: str) -> list[str]:
    lost = [f"{privilege} on {on} is missing" for privilege in sorted(declared - real)]
    return lost + [f"{privilege} on {on} is {UNDECLARED}" for privilege in sorted(real - declared)]


def apply_grants(connection: psycopg.Connection, accounts: Sequence[Account] = ACCOUNTS) -> list[str]:
    """Give every account exactly its declared privileges on the existing tables, the audit's role too; returns the executed statements.

    The connection is the schema owner's; the statements join its transaction. Accounts without a role are skipped:
    Pulumi grants them theirs when it makes the role.
    """
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(%s)", [ADVISORY_LOCK])
        cursor.execute(named("tables_read").encode(), {"schema": SCHEMA})
        row = cursor.fetchone()
        existing: dict[str, list[str]] = row[0] if row else {}
        cursor.execute("select array_agg(rolname::text) from pg_roles")
        roles = cursor.fetchone()
        present = set(roles[0]) if roles else set()
        declared = [(account.name, account.postgres) for account in accounts if account.postgres] + [(AUDIT_ROLE, AUDIT_RIGHTS)]
        statements = [
            statement
            for name, role in declared
            if not role.owns_schema and name in present
            for statement in grant_statements(name, role.grants, existing, everything=role.reads_every_table)
        ]
        for statement in statements:
            cursor.execute(statement.encode())
    return statements
