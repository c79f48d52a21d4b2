"""Whether the live schema is at the newest revision, and is what the blueprint declares."""

from __future__ import annotations

from christmas.blueprint.model import Table
from christmas.blueprint.relational import SCHEMA, TABLES
from core.words import shortened
from infra.connections import Platform
from monitor.postgres import connected, query
from monitor.result import Finding, critical, ok, warning

_SHOWN = 6


def revision(platform: Platform) -> Finding:
    """The database is at the newest revision of this checkout."""
    from migrations.run import status

    schema = status(platform)
    if schema.current == schema.head:
        return ok(f"at head, {schema.head} ({schema.edition} edition)")
    return critical(
        f"at {schema.current or 'no revision'}, {len(schema.pending)} behind head {schema.head}",
        "invoke migrate",
        len(schema.pending),
        "revisions",
    )


def tables(platform: Platform) -> Finding:
    """Tables, columns, keys, indexes and hypertables are the declared ones."""
    with connected(platform) as connection:
        columns = connection.execute(query("columns"), (SCHEMA,)).fetchall()
        indexes = connection.execute(query("indexes"), (SCHEMA,)).fetchall()
        hypertables = connection.execute(query("hypertables"), (SCHEMA,)).fetchall()
    live = Live(
        columns={(table, column): (kind, nullable) for table, column, kind, nullable in columns},
        indexes={(table, name): (tuple(parts), unique) for table, name, unique, primary, parts in indexes if not primary},
        keys={table: tuple(parts) for table, _, _, primary, parts in indexes if primary},
        hypertables={table: (column, interval) for table, column, interval in hypertables},
    )
    differences = [difference for table in TABLES for difference in compare(table, live)]
    if not differences:
        cut = sum(1 for table in TABLES if table.hypertable)
        return ok(f"{len(TABLES)} tables as declared, {cut} of them hypertables", len(TABLES), "tables")
    missing = any(difference.endswith("is missing") for difference in differences)
    return (critical if missing else warning)(
        shortened(differences, _SHOWN), "invoke migrate; invoke migrate.drift shows every difference", len(differences), "differences"
    )


class Live:
    """What the database has: columns, indexes, primary keys and hypertables, by table."""

    def __init__(
        self,
        columns: dict[tuple[str, str], tuple[str, bool]],
        indexes: dict[tuple[str, str], tuple[tuple[str, ...], bool]],
        keys: dict[str, tuple[str, ...]],
        hypertables: dict[str, tuple[str, object]],
    ) -> None:
        self.columns, self.indexes, self.keys, self.hypertables = columns, indexes, keys, hypertables


def compare(table: Table, live: Live) -> list[str]:
    """How a live table differs from its declaration, in words."""
    columns = {column: kind for (owner, column), kind in live.columns.items() if owner == table.name}
    if not columns:
        return [f"table {table.name} is missing"]
    problems = []
    for column in table.columns:
        if column.name not in columns:
            problems.append(f"{table.name}.{column.name} is missing")
        elif columns[column.name] != (column.type, column.nullable):
            kind, nullable = columns[column.name]
            problems.append(f"{table.name}.{column.name} is {kind}{'' if nullable else ' not null'}")
    problems += [f"{table.name}.{name} is not declared" for name in sorted(columns.keys() - {column.name for column in table.columns})]
    if live.keys.get(table.name) != table.primary_key:
        problems.append(f"{table.name}'s primary key is {live.keys.get(table.name)}")
    for index in table.indexes:
        actual = live.indexes.get((table.name, index.name))
        if actual is None:
            problems.append(f"index {index.name} is missing")
        elif actual != (index.columns, index.unique):
            problems.append(f"index {index.name} is on {', '.join(actual[0])}{' (unique)' if actual[1] else ''}")
    return problems + _compare_hypertable(table, live)


def _compare_hypertable(table: Table, live: Live) -> list[str]:
    actual = live.hypertables.get(table.name)
    if table.hypertable is None:
        return [f"{table.name} is a hypertable"] if actual else []
    if actual is None:
        return [f"hypertable {table.name} is missing"]
    if actual != (table.hypertable.time_column, table.hypertable.chunk_interval):
        return [f"{table.name} is cut by {actual[0]} into chunks of {actual[1]}"]
    return []
