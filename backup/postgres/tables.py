"""Counts and hashes the tables of a set, so that a restored server can be compared. No single table can fail a backup.

A table that can't be counted or hashed is reported with its reason; the others are proven.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from backup.queries import query
from backup.sets.model import TableRecord, Unproven

if TYPE_CHECKING:
    import psycopg
    from psycopg.sql import Composable

# Text output must be the same on every server at any time, whatever a role or database has set. With row_security off, a table with
# hidden rows is an error instead of a short count. A set doesn't wait for a table that is locked for long.
_SETTINGS = {
    "datestyle": "ISO, YMD",
    "intervalstyle": "postgres",
    "timezone": "UTC",
    "extra_float_digits": "3",
    "bytea_output": "hex",
    "lc_monetary": "C",
    "row_security": "off",
    "lock_timeout": "30s",
}
_LOCKED = "55P03"
# Messages of these classes name objects and settings. Others may quote a value of a row, and manifests are not encrypted.
_TELLABLE = ("42", "53", "54", "55", "57", "58", "XX")


@dataclass(frozen=True, slots=True)
class Table:
    """A relation that stores rows, as sql/tables.sql lists it. `kind` is pg_class.relkind."""

    oid: int
    schema: str
    name: str
    kind: str
    is_hypertable: bool
    is_apart: bool
    is_unlogged: bool
    is_populated: bool
    is_filtered: bool
    is_extensions: bool
    is_covered: bool

    @property
    def key(self) -> str:
        """Its name in manifests."""
        return key_of(self.schema, self.name)

    @property
    def in_first_scope(self) -> bool:
        """Whether older sets, from before `scope` was recorded, counted it."""
        return self.schema == "public" and self.kind in "rp" and not self.is_extensions


def key_of(schema: str, name: str) -> str:
    """The name of a table or sequence in manifests: the plain name in `public`, else with its schema, quoted where SQL would.

    A name with a dot or a quotation mark is always quoted, so no two have one key.
    """
    if schema == "public" and "." not in name and '"' not in name:
        return name
    return f"{_quoted(schema)}.{_quoted(name)}"


def _quoted(name: str) -> str:
    plain = name.isascii() and name.replace("_", "a").isalnum() and name == name.lower() and not name[:1].isdigit()
    return name if plain else '"' + name.replace('"', '""') + '"'


def be_patient(connection: psycopg.Connection) -> None:
    """Lift limits of time other than a statement's from the session: what counts, dumps and proves a big database takes hours."""
    connection.execute(query("patient"))
    connection.commit()


def prepare(connection: psycopg.Connection) -> None:
    """Set the parameters that counting depends on, until the transaction ends."""
    for name, value in _SETTINGS.items():
        connection.execute("select set_config(%s, %s, true)", (name, value))


def list_tables(connection: psycopg.Connection) -> list[Table]:
    """All relations that store rows."""
    return [Table(*row) for row in connection.execute(query("tables")).fetchall()]


def sequences(connection: psycopg.Connection) -> dict[str, tuple[int, bool]]:
    """The last value of each used sequence, and whether it counts down."""
    values = connection.execute(query("sequences")).fetchall()
    return {key_of(schema, name): (value, falling) for schema, name, value, falling in values}


def going_on(before: Mapping[str, tuple[int, bool]], after: Mapping[str, tuple[int, bool]]) -> dict[str, int]:
    """The earlier values of the sequences that were neither dropped nor set back since."""
    return {
        name: value
        for name, (value, falling) in before.items()
        if name in after and (after[name][0] <= value if falling else after[name][0] >= value)
    }


def broken(connection: psycopg.Connection) -> tuple[str, ...]:
    """The indexes and constraints that the server itself does not trust."""
    return tuple(
        name for statement in ("broken_indexes", "broken_constraints") for (name,) in connection.execute(query(statement)).fetchall()
    )


class Uncounted(Exception):  # noqa: N818 - a result, no error of the program
    """A table that couldn't be counted or hashed; the message is the reason."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A table's record, and why it is incomplete."""

    record: TableRecord
    why: str = ""


def count_table(connection: psycopg.Connection, table: Table, *, hashed: bool, as_text: Collection[str] = ()) -> Counted:
    """Count a table in the connection's snapshot; `hashed` adds the sum of its rows' hashes, which does not depend on their order.

    Columns without a hash function are hashed as text: those in `as_text` if known, else found by trying. Raises the driver's error only
    if the connection itself is gone.
    """
    why = ""
    if hashed:
        try:
            return Counted(_hash(connection, table, tuple(as_text)))
        except Uncounted as error:
            why = str(error)
    try:
        return Counted(TableRecord(rows=_ask(connection, table, _null())[0]), why)
    except Uncounted as error:
        return Counted(TableRecord(rows=None), why or str(error))


def _hash(connection: psycopg.Connection, table: Table, as_text: tuple[str, ...]) -> TableRecord:
    from psycopg.errors import UndefinedFunction

    if not as_text:
        try:
            rows, total = _ask(connection, table, whole_row())
        except Uncounted as error:
            # json, xml, point or similar, or a composite of them: hash_record_extended finds no hash function.
            if not isinstance(error.__cause__, UndefinedFunction):
                raise
        else:
            return TableRecord(rows=rows, checksum=total)
        as_text = without_hash(connection, table)
    rows, total = _ask(connection, table, by_columns(columns_of(connection, table), as_text))
    return TableRecord(rows=rows, checksum=total, as_text=as_text)


def columns_of(connection: psycopg.Connection, table: Table) -> list[str]:
    """A table's columns, as its rows have them."""
    return [name for (name,) in connection.execute(query("columns"), (table.oid,)).fetchall()]


def without_hash(connection: psycopg.Connection, table: Table) -> tuple[str, ...]:
    """The columns without a hash function: tried on one row, column by column."""
    from psycopg.errors import UndefinedFunction

    columns = []
    for name in columns_of(connection, table):
        try:
            _ask(connection, table, by_columns([name], ()), limit=True)
        except Uncounted as error:
            if not isinstance(error.__cause__, UndefinedFunction):
                raise
            columns.append(name)
    return tuple(columns)


def _null() -> Composable:
    from psycopg import sql

    return sql.SQL("null::text")


def whole_row() -> Composable:
    """The sum of the rows' hashes, of rows as they are."""
    from psycopg import sql

    # t.* instead of t: a column may have that name.
    return sql.SQL("sum(hash_record_extended(t.*, 0))::text")


def by_columns(columns: Iterable[str], as_text: Collection[str]) -> Composable:
    """The same of rows with these columns in this order, some of them as text."""
    from psycopg import sql

    values = [sql.SQL("t.{}::text" if name in as_text else "t.{}").format(sql.Identifier(name)) for name in columns]
    return sql.SQL("sum(hash_record_extended(row({}), 0))::text").format(sql.SQL(", ").join(values))


def _ask(connection: psycopg.Connection, table: Table, total: Composable, *, limit: bool = False) -> tuple[int, str]:
    """The number of rows and a total over them. Children count with their parent, unless they are counted on their own."""
    from psycopg import sql

    source = sql.SQL("only {}" if table.is_apart else "{}").format(sql.Identifier(table.schema, table.name))
    if limit:
        source = sql.SQL("(select * from {} limit 1)").format(source)
    (row,) = rows_of(connection, sql.SQL("select count(*), {} from {} as t").format(total, source))
    return int(row[0]), str(row[1] or "0")


def rows_of(connection: psycopg.Connection, statement: Any, arguments: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
    """A statement's rows, in a savepoint. Raises Uncounted if the server refuses, the driver's error if the connection is gone."""
    import psycopg

    try:
        with connection.transaction():
            return connection.execute(statement, arguments).fetchall()
    except psycopg.Error as error:
        if connection.closed or connection.broken or error.sqlstate is None:
            raise
        raise Uncounted(reason(error)) from error


def reason(error: psycopg.Error) -> str:
    """Why the server refused: its message if that can't quote a value, else the kind of error."""
    state = error.sqlstate or ""
    if state == _LOCKED:
        return "another session held it locked for longer than a backup waits"
    message = error.diag.message_primary or ""
    return " ".join(message.split()) if state.startswith(_TELLABLE) and message else f"{type(error).__name__} (SQLSTATE {state})"


@dataclass(frozen=True, slots=True)
class Counts:
    """All tables' records by key, and what stays unproven about them."""

    tables: dict[str, TableRecord]
    unproven: tuple[Unproven, ...]


class Count(Protocol):
    """What counts a table in the connection's snapshot: `count_table`, or something that knows more."""

    def __call__(self, connection: psycopg.Connection, table: Table, *, hashed: bool) -> Counted:
        """The table's record, and why it is incomplete."""


def count_all(
    connection: psycopg.Connection,
    fresh: psycopg.Connection,
    tables: Sequence[Table],
    *,
    hash_hypertables: bool,
    count: Count = count_table,
) -> Counts:
    """Count every table in the connection's snapshot. `fresh` is a second connection, which sees later changes."""
    countable = [table for table in tables if not table.is_covered]
    before = _storage(connection, countable)
    records: dict[str, TableRecord] = {}
    unproven: list[Unproven] = []
    for table in countable:
        if obstacles := _beforehand(connection, table):
            records[table.key] = TableRecord(rows=None)
            unproven += obstacles
            continue
        counted = count(connection, table, hashed=hash_hypertables or not table.is_hypertable)
        if counted.why:
            unproven.append(Unproven(what=_called(table), why=counted.why))
        records[table.key] = counted.record
    after = _storage(fresh, countable)
    for table in countable:
        if records[table.key].rows is not None and before.get(table.oid, set()) - after.get(table.oid, set()):
            records[table.key] = TableRecord(rows=None)
            unproven.append(Unproven(what=_called(table), why="dropped, truncated or rewritten while it was counted"))
    return Counts(records, tuple(unproven))


def _storage(connection: psycopg.Connection, tables: Sequence[Table]) -> dict[int, set[tuple[int, int]]]:
    storage: dict[int, set[tuple[int, int]]] = {}
    for root, oid, node in connection.execute(query("storage"), ([table.oid for table in tables],)).fetchall():
        storage.setdefault(root, set()).add((oid, node))
    return storage


def _beforehand(connection: psycopg.Connection, table: Table) -> list[Unproven]:
    """Why a table is not counted at all; empty for a table that is."""
    if table.kind == "f":
        return [Unproven(what=_called(table), why="its rows are on another server, and in no backup", by_design=True)]
    if table.is_unlogged:
        rows = count_table(connection, table, hashed=False).record.rows
        now = f"its {rows} rows" if rows is not None else "its rows"
        return [Unproven(what=_called(table), why=f"unlogged, so {now} are in no physical backup: a restore leaves it empty")]
    if table.kind == "m" and not table.is_populated:
        return [Unproven(what=_called(table), why="never filled, so there is nothing to count", by_design=True)]
    if table.is_apart and (table.kind == "p" or table.is_hypertable):
        why = "one of its parts is a foreign or unlogged table: the parts are counted one by one"
        return [Unproven(what=_called(table), why=why, by_design=True)]
    return []


def _called(table: Table) -> str:
    kind = {"f": "foreign table", "m": "materialized view"}.get(table.kind, "unlogged table" if table.is_unlogged else "table")
    return "large objects" if table.schema == "pg_catalog" else f"{kind} {table.key}"
