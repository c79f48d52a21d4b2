"""What the blueprint lets a PostgreSQL account do."""

from __future__ import annotations

from collections.abc import Iterator

from christmas.blueprint.accounts import ACCOUNTS
from christmas.blueprint.model import PostgresRole, Privilege, TableGrant
from christmas.blueprint.postgres_bounds import CLOSED_STABLE_FUNCTIONS, OPEN_FUNCTIONS
from christmas.blueprint.relational import ROLLUPS, SCHEMA, TABLES, table
from christmas.blueprint.server_rights import SERVER_RIGHTS, Who

TABLE_ACTIONS = ("select", "insert", "update", "delete", "truncate", "references", "trigger", "change")
"""`change` stands for all that a table's owner alone may: ALTER, DROP, indexes, comments."""
NUMBER_ACTIONS = ("draw", "set")
OPEN, OF_POSTGRESQL, OF_TIMESCALEDB, OF_EXTENSIONS = "open to everybody", "PostgreSQL's others", "TimescaleDB's others", "other extensions'"
"""The groups of functions that may change something. `others` are those that the blueprint names nowhere."""

Right = tuple[str, str, str, bool]


def rights(role: PostgresRole) -> Iterator[Right]:
    """Kind, name and action of everything that can be allowed, and whether it is."""
    grants = {grant.table: grant for grant in role.grants}
    for name in (*(declared.name for declared in TABLES), *(rollup.name for rollup in ROLLUPS)):
        for action in TABLE_ACTIONS:
            yield "table", name, action, _on_table(role, grants.get(name), action)
    for declared in TABLES:
        for action in NUMBER_ACTIONS:
            if declared.columns[0].name == "id":
                yield "numbers of", declared.name, action, _numbers(role, grants.get(declared.name), action)
    for name in _tables_by_column():
        for column in table(name).columns:
            yield "column", f"{name}.{column.name}", "select", _on_column(role, grants.get(name), column.name)
    yield "tables", "that are declared nowhere", "select", role.owns_schema or role.reads_every_table
    for action in ("insert", "update", "delete"):
        yield "tables", "that are declared nowhere", action, role.owns_schema
    for name in named_functions():
        yield "function", name, "run", name in role.functions or (role.owns_schema and name.startswith(f"{SCHEMA}."))
    yield "functions", OPEN, "run", True
    yield "functions", OF_POSTGRESQL, "run", False
    yield "functions", OF_TIMESCALEDB, "run", role.owns_schema
    yield "functions", OF_EXTENSIONS, "run", False
    for right in SERVER_RIGHTS:
        yield right.kind, right.name, right.action, _who(role, right.who)


def named_functions() -> tuple[str, ...]:
    """Functions that some account may run by its name, and those that are closed by theirs."""
    names = {name for account in ACCOUNTS if account.postgres for name in account.postgres.functions}
    return tuple(sorted(names | set(CLOSED_STABLE_FUNCTIONS)))


def open_functions() -> tuple[str, ...]:
    """Functions that may change something and that everybody may call."""
    return tuple(sorted(OPEN_FUNCTIONS))


def _tables_by_column() -> tuple[str, ...]:
    """Tables of which somebody may see some columns only."""
    limited = {grant.table for account in ACCOUNTS if account.postgres for grant in account.postgres.grants if grant.columns is not None}
    return tuple(declared.name for declared in TABLES if declared.name in limited)


def _on_table(role: PostgresRole, grant: TableGrant | None, action: str) -> bool:
    if role.owns_schema:
        return True
    if action == "select" and role.reads_every_table:
        return True
    if grant is None or action not in {privilege.value for privilege in Privilege}:
        return False
    # Some columns are not the table: `select *` is refused.
    return Privilege(action) in grant.privileges and not (action == "select" and grant.columns is not None)


def _on_column(role: PostgresRole, grant: TableGrant | None, column: str) -> bool:
    if role.owns_schema or role.reads_every_table:
        return True
    return grant is not None and Privilege.SELECT in grant.privileges and (grant.columns is None or column in grant.columns)


def _numbers(role: PostgresRole, grant: TableGrant | None, action: str) -> bool:
    """Whoever may insert may draw the number of a row; setting what comes next is the owner's."""
    if role.owns_schema:
        return True
    return action == "draw" and grant is not None and Privilege.INSERT in grant.privileges


def _who(role: PostgresRole, who: Who) -> bool:
    return {
        Who.EVERYBODY: True,
        Who.NOBODY: False,
        Who.OWNER: role.owns_schema,
        Who.TEMPORARY: role.owns_schema or role.temporary_tables,
        Who.READER: role.reads_every_table,
    }[who]
