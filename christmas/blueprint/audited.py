"""What PostgreSQL's pgaudit logs: changes of every table, and reads of the tables that have sensitive columns.

pgaudit logs what a role that nobody logs in as may read. The role may read whole tables: with single columns granted to it, a statement
that takes a row as one value (`select u from users as u`) would not be logged. docs/adr/0022.
"""

from __future__ import annotations

from christmas.blueprint.model import PostgresRole, Privilege, TableGrant
from christmas.blueprint.relational import TABLES

AUDIT_ROLE = "christmas_audit"

AUDITED_TABLES: tuple[str, ...] = tuple(table.name for table in TABLES if len(table.open_columns()) < len(table.columns))
"""Tables with a column that is not everybody's to see."""

AUDIT_RIGHTS = PostgresRole(
    grants=tuple(TableGrant(name, frozenset({Privilege.SELECT})) for name in AUDITED_TABLES), settings=(), connection_limit=1
)
"""What the audit's role may."""

AUDIT_SETTINGS: tuple[tuple[str, str], ...] = (
    ("pgaudit.log", "role, ddl, write"),
    ("pgaudit.role", AUDIT_ROLE),
    # An entry names the object, and no value: neither a statement's text nor its parameters (docs/adr/0010).
    ("pgaudit.log_statement", "off"),
    ("pgaudit.log_parameter", "off"),
    ("pgaudit.log_catalog", "off"),
    ("pgaudit.log_relation", "on"),
    # With the number of rows an entry would be written when a statement ends: none for one that is broken off once it has read enough.
    ("pgaudit.log_rows", "off"),
)
"""The server's settings, as its configuration has them."""

NOT_AUDITED: tuple[tuple[str, str], ...] = (("pgaudit.log", "none"), ("pgaudit.role", ""))
"""For a role that copies into hypertables, which crashes the server where pgaudit looks at the session at all (docs/adr/0507)."""
