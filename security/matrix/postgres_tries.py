"""How each right on PostgreSQL is tried: a statement in a transaction that is rolled back, or one that has nothing to do.

Where a statement that is let through would hold a lock that others wait for, the server's own list of rights is asked first, and only what
that denies is tried: it is refused before any lock is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import sql

from christmas.blueprint.audited import AUDIT_ROLE
from christmas.blueprint.relational import SCHEMA

Statement = sql.SQL | sql.Composed

_NAME = "christmas_proof"
"""What a thing is called that a try would make."""


@dataclass(frozen=True, slots=True)
class Try:
    """`statement` is run in a transaction of its own, or outside one where PostgreSQL wants that. `listed` is a question for the list.

    `instead` is run in place of `statement` where the list allows: something that asks for the same right and harms nobody. Without
    it the list's word stands, and always does where it is `only_listed`. `passes` are errors that come after the question of rights.
    """

    statement: Statement
    listed: str = ""
    instead: Statement | None = None
    outside: bool = False
    only_listed: bool = False
    passes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A table as the server has it: `kind` as pg_class names it, columns in order, and what numbers its rows."""

    name: str
    kind: str
    columns: Sequence[str]
    numbers: str | None

    @property
    def qualified(self) -> sql.Identifier:
        """The name in SQL."""
        return sql.Identifier(SCHEMA, self.name)


def on_table(table: Table, action: str) -> Try | None:
    """How an action on a table is tried; None where the action makes no sense on what the server has (a view)."""
    name, literal = table.qualified, sql.Literal(f"{SCHEMA}.{table.name}").as_string(None)
    # What is put together here are names of the blueprint, quoted.
    is_owner = f"pg_has_role((select relowner from pg_class where oid = {literal}::regclass), 'usage')"  # noqa: S608
    if table.kind == "v" and action not in ("select", "references", "change"):
        return None
    if action == "select":
        return Try(sql.SQL("select * from only {} where false").format(name))
    if action == "insert":
        nothing = sql.SQL(", ").join(sql.SQL("null") for _ in table.columns)
        # A row of the table's own type from an empty set: every column is named, and none is read.
        return Try(
            sql.SQL("insert into {} ({}) select {} where false").format(
                name, sql.SQL(", ").join(map(sql.Identifier, table.columns)), nothing
            )
        )
    if action == "update":
        settings = sql.SQL(", ").join(sql.SQL("{} = default").format(sql.Identifier(column)) for column in table.columns)
        return Try(sql.SQL("update only {} set {} where false").format(name, settings))
    if action == "delete":
        return Try(sql.SQL("delete from only {} where false").format(name))
    if action == "truncate":
        return Try(sql.SQL("truncate {}").format(name), f"has_table_privilege({literal}, 'truncate')")
    if action == "trigger":
        create_trigger = sql.SQL("create trigger {} before update on {} for each row execute function suppress_redundant_updates_trigger()")
        return Try(create_trigger.format(sql.Identifier(_NAME), name), f"has_table_privilege({literal}, 'trigger')")
    if action == "references":
        # A table of one's own comes first, which accounts can't make either: the list decides, and the attempt is refused there.
        referring = sql.SQL("create table {} (x integer references {})").format(sql.Identifier(SCHEMA, _NAME), name)
        return Try(referring, f"has_table_privilege({literal}, 'references')")
    changed = sql.SQL("alter table only {} add column {} integer").format(name, sql.Identifier(_NAME))
    noted = sql.SQL("comment on {} {} is null").format(sql.SQL("view" if table.kind == "v" else "table"), name)
    return Try(changed, is_owner, noted)


def on_numbers(table: Table, action: str) -> Try | None:
    """How drawing a number, or setting the next, is tried: neither can be rolled back, so only what the list denies is done."""
    if table.numbers is None:
        return None
    sequence = sql.Literal(table.numbers)
    if action == "draw":
        return Try(sql.SQL("select nextval({})").format(sequence), f"has_sequence_privilege({sequence.as_string(None)}, 'usage, update')")
    return Try(sql.SQL("select setval({}, 1)").format(sequence), f"has_sequence_privilege({sequence.as_string(None)}, 'update')")


def on_column(table: str, column: str) -> Try:
    """How reading one column is tried."""
    return Try(sql.SQL("select {} from only {} where false").format(sql.Identifier(column), sql.Identifier(SCHEMA, table)))


def on_undeclared(name: str, action: str) -> Try:
    """How an action on another table is tried. `name` is qualified and quoted by the server."""
    literal = sql.Literal(name).as_string(None)
    listed = f"has_any_column_privilege({literal}, '{action}')" if action in ("insert", "update") else ""
    words = {"select": "select from only {} where false", "delete": "delete from only {} where false"}
    # An undeclared table may have any columns, so the server's list of rights decides who may write it.
    return Try(sql.SQL(words.get(action, "select")).format(sql.SQL(name)), listed, only_listed=bool(listed))


def _alter_own(words: str) -> Try:
    return Try(sql.SQL(f"alter role current_user {words}"))


SETTINGS = {
    "temp_buffers": "'8MB'",
    "log_statement": "'none'",
    "log_min_messages": "'log'",
    "log_min_error_statement": "'panic'",
    "log_error_verbosity": "'terse'",
    "pgaudit.log": "'none'",
    "pgaudit.role": "''",
    "session_replication_role": "'replica'",
    "session_preload_libraries": "''",
    "dynamic_library_path": "'$libdir'",
    "search_path": "'public'",
}
"""Values for settings that take no number."""
_SETTINGS_OF_YES = ("event_triggers", "zero_damaged_pages", "allow_system_table_mods", "track_activities")


def setting(name: str) -> Try:
    """How a setting of the session is tried."""
    value = SETTINGS.get(name, "off" if name in _SETTINGS_OF_YES or name.startswith(("pgaudit.", "pg_stat_")) else "'60000'")
    parts = sql.SQL(".").join(map(sql.Identifier, name.split(".")))
    # That a value is wrong is said of a setting that may be set.
    return Try(sql.SQL("set local {} = {}").format(parts, sql.SQL(value)), passes=("22023",))


def view(name: str) -> Try:
    """How a system view is tried."""
    return Try(sql.SQL("select * from {} where false").format(sql.Identifier("pg_catalog", name)))


_SUPERUSER = "(select rolsuper from pg_roles where rolname = current_user)"
TRIES: dict[tuple[str, str], Try] = {
    ("database", "temporary tables"): Try(sql.SQL("create temporary table christmas_proof (x integer) on commit drop")),
    ("database", "create schemas"): Try(sql.SQL("create schema christmas_proof")),
    ("database", "publish"): Try(sql.SQL("create publication christmas_proof")),
    ("database", "change"): Try(
        sql.SQL("alter database {database} reset work_mem"),
        "pg_has_role((select datdba from pg_database where datname = current_database()), 'usage')",
        sql.SQL("comment on database {database} is null"),
    ),
    ("schema", "use"): Try(sql.SQL("select {schema}.christmas_proof()"), passes=("42883",)),
    ("schema", "create"): Try(sql.SQL("create function {schema}.christmas_proof() returns integer language sql as 'select 1'")),
    ("schema", "change"): Try(
        sql.SQL("alter schema {schema} rename to christmas_proof"),
        "pg_has_role((select nspowner from pg_namespace where nspname = {name}), 'usage')",
        sql.SQL("comment on schema {schema} is null"),
    ),
    ("large objects", "make"): Try(sql.SQL("select lo_create(0)")),
    ("large objects", "make with content"): Try(sql.SQL("select lo_from_bytea(0, 'x')")),
    ("large objects", "write"): Try(sql.SQL("select lo_put(0, 0, 'x')")),
    ("large objects", "remove"): Try(sql.SQL("select lo_unlink(0)")),
    ("large objects", "read all"): Try(sql.SQL("select * from pg_catalog.pg_largeobject where false")),
    ("own role", "set a setting for good"): _alter_own("set work_mem = '4MB'"),
    ("own role", "change the password"): _alter_own("password null"),
    ("own role", "lift the connection limit"): _alter_own("connection limit -1"),
    ("own role", "lift the temporary files"): _alter_own("set temp_file_limit = -1"),
    ("own role", "become superuser"): _alter_own("superuser"),
    ("own role", "join another role"): Try(sql.SQL("grant pg_read_all_data to current_user")),
    ("own role", "bypass row security"): _alter_own("bypassrls"),
    ("server", "be the superuser"): Try(sql.SQL("set local role {superuser}")),
    ("server", "be the watch"): Try(sql.SQL("set local role christmas_watch")),
    ("server", "be the audit"): Try(sql.SQL("set local role {}").format(sql.Identifier(AUDIT_ROLE))),
    ("server", "be another account"): Try(sql.SQL("set local role {other}")),
    ("server", "log in as another"): Try(sql.SQL("set local session authorization {other}")),
    ("server", "make a role"): Try(sql.SQL("create role christmas_proof")),
    ("server", "make a database"): Try(
        sql.SQL("create database christmas_proof"),
        "(select rolcreatedb or rolsuper from pg_roles where rolname = current_user)",
        outside=True,
    ),
    ("server", "make a tablespace"): Try(sql.SQL("create tablespace christmas_proof location '/nowhere'"), _SUPERUSER, outside=True),
    ("server", "change a setting for all"): Try(
        sql.SQL("alter system set work_mem = '4MB'"), "has_parameter_privilege('work_mem', 'alter system')", outside=True
    ),
    ("server", "checkpoint"): Try(sql.SQL("checkpoint"), "pg_has_role('pg_checkpoint', 'usage')"),
    ("server", "run a program"): Try(sql.SQL("copy (select 1) to program 'true'"), "pg_has_role('pg_execute_server_program', 'usage')"),
    ("server", "write a file"): Try(sql.SQL("copy (select 1) to '/dev/null'"), "pg_has_role('pg_write_server_files', 'usage')"),
    ("server", "read a file"): Try(sql.SQL("select pg_catalog.pg_read_file('PG_VERSION')")),
    ("server", "load a library"): Try(sql.SQL("load 'pgaudit'")),
    ("server", "make a language"): Try(sql.SQL("create language christmas_proof handler plpgsql_call_handler")),
    ("server", "make an event trigger"): Try(
        sql.SQL("create event trigger christmas_proof on ddl_command_end execute function no_such_function()"), _SUPERUSER
    ),
    ("server", "make a foreign server"): Try(sql.SQL("create foreign data wrapper christmas_proof")),
    ("server", "subscribe"): Try(
        sql.SQL("create subscription christmas_proof connection 'host=localhost password=x' publication x with (connect = false)"),
        "pg_has_role('pg_create_subscription', 'usage')",
    ),
    ("server", "listen"): Try(sql.SQL("listen christmas_proof")),
    ("server", "notify"): Try(sql.SQL("notify christmas_proof")),
}
"""By kind of thing and action. `{database}`, `{schema}`, `{other}` and `{superuser}` are names, and `{name}` in a question the schema's."""
