"""Proofs about a restored PostgreSQL: content, chunks, and every constraint of the schema, checked against the rows themselves."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, LiteralString, cast

from backup.postgres import tables
from backup.postgres.pgbackrest import USER
from backup.proving.proof import READER, Disproved, RestoredPlatform, insist, shown
from backup.queries import query
from christmas.blueprint.relational import DATABASE
from core.container_commands import execute
from infra.clients import postgres
from infra.provider.superuser import database

if TYPE_CHECKING:
    import psycopg

# Read the rows themselves, without indexes and without exclusion by constraints.
_UNTRUSTING = ("enable_indexscan", "enable_indexonlyscan", "enable_bitmapscan", "constraint_exclusion")


@contextlib.contextmanager
def _reader(restored: RestoredPlatform) -> Iterator[psycopg.Connection]:
    """A session that no limit of the restored database ends: it came along with it."""
    with postgres(restored.platform, READER) as connection:
        tables.be_patient(connection)
        yield connection


def rows(restored: RestoredPlatform) -> str:
    """Every table has the rows of the reference point, and their checksum if one was taken."""
    part = restored.manifest.postgres
    if part is None:
        raise Disproved("the set has no PostgreSQL")
    point = part.reference_point
    wrong, unreadable = [], []
    with _reader(restored) as connection:
        tables.prepare(connection)
        every = tables.list_tables(connection)
        restored_tables = (
            {constraint.name: constraint for constraint in every if constraint.in_first_scope}
            if point.scope == "public"
            else {constraint.key: constraint for constraint in every}
        )
        for name, record in point.tables.items():
            table = restored_tables.get(name)
            if table is None:
                wrong.append(f"{name} is missing")
            elif record.rows is not None:
                restored_count = tables.count_table(connection, table, hashed=record.checksum is not None, as_text=record.as_text)
                if restored_count.record == record:
                    continue
                if restored_count.why and table.is_filtered:
                    # Older sets: account backup could not read past row-level security then.
                    unreadable.append(f"{name} ({restored_count.why})")
                elif restored_count.why:
                    wrong.append(f"{name} can't be read: {restored_count.why}")
                else:
                    content = "" if restored_count.record.rows != record.rows else " with other content"
                    wrong.append(f"{name} has {restored_count.record.rows} rows{content}, not {record.rows}")
    doubt = "" if point.exact else " (the point was taken during writes, so this may be no fault: drill another set)"
    insist(not wrong, shown(wrong) + doubt)
    strangers = {name for name, table in restored_tables.items() if not table.is_covered} - set(point.tables)
    insist(not strangers, f"tables unknown to the set: {shown(sorted(strangers))}")
    counted = [record for record in point.tables.values() if record.rows is not None]
    hashed = sum(1 for record in counted if record.checksum is not None)
    summary = f"{len(counted)} tables, {sum(record.rows or 0 for record in counted)} rows; {hashed} with checksum"
    apart = len(point.tables) - len(counted)
    return summary + (f"; {apart} not counted" if apart else "") + (f"; not proven: {shown(unreadable)}" if unreadable else "")


def chunks(restored: RestoredPlatform) -> str:
    """Hypertables are still hypertables, and those with rows have chunks."""
    part = restored.manifest.postgres
    with _reader(restored) as connection:
        chunk_counts = {tables.key_of(schema, name): count for schema, name, count in connection.execute(query("chunks")).fetchall()}
    recorded = part.reference_point.tables if part else {}
    empty = [name for name, count in chunk_counts.items() if count == 0 and name in recorded and recorded[name].rows]
    insist(not empty, f"rows but no chunk: {shown(empty)}")
    return ", ".join(f"{name}: {count} chunks" for name, count in chunk_counts.items()) or "no hypertable"


def structure(restored: RestoredPlatform) -> str:
    """The server trusts the same indexes and constraints, no sequence is behind its last value, and the revision is the recorded one."""
    part = restored.manifest.postgres
    point = part.reference_point if part else None
    with _reader(restored) as connection:
        broken = tables.broken(connection)
        sequences = tables.sequences(connection)
        migrated = connection.execute("select to_regclass('public.alembic_version')").fetchone()
        row = (
            connection.execute("select string_agg(version_num, ',' order by version_num) from alembic_version").fetchone()
            if migrated and migrated[0]
            else None
        )
    known = point.broken if point else ()
    fresh = [name for name in broken if name not in known]
    insist(not fresh, f"the server no longer trusts these: {shown(fresh)}")
    behind = []
    for name, last_value in (point.sequences if point else {}).items():
        value, falling = sequences.get(name, (None, False))
        if value is None or (value > last_value if falling else value < last_value):
            behind.append(f"{name} is at {'nothing' if value is None else value}, but had given out {last_value}")
    insist(not behind, f"sequences would give the same number twice: {shown(behind)}")
    revision, recorded = row[0] if row else None, part.schema_revision if part else None
    insist(revision == recorded, f"the schema is at {revision}, not at {recorded} as recorded")
    like = f"; as on the live server: {shown(broken)}" if broken else ""
    return f"at revision {revision}; constraints valid, indexes usable{like}; {len(point.sequences) if point else 0} sequences continue"


def constraints(restored: RestoredPlatform) -> str:
    """No row violates a constraint: each constraint is checked again, without the help of indexes."""
    import psycopg

    part = restored.manifest.postgres
    broken, unasked = [], []
    with _reader(restored) as connection:
        tables.prepare(connection)
        for setting in _UNTRUSTING:
            connection.execute("select set_config(%s, 'off', true)", (setting,))
        every = connection.execute(query("constraint_checks")).fetchall()
        for table, promise, statement, depends in every:
            try:
                with connection.transaction():
                    # The database built this statement from its own catalogue.
                    row = connection.execute(cast(LiteralString, statement)).fetchone()
            except psycopg.Error as error:
                # The application's function in a CHECK failed, or the account may not see the rows: that does not prove a violation.
                if connection.closed or error.sqlstate is None or error.sqlstate.startswith("XX"):
                    raise
                unasked.append(f"{promise} of {table} ({tables.reason(error)})")
                continue
            if row and row[0] and depends:
                unasked.append(f"{promise} of {table} (it depends on the moment or the server, and {row[0]} rows are not as it says here)")
            elif row and row[0]:
                broken.append(f"{row[0]} rows of {table} violate {promise}")
    insist(every or not (part and part.reference_point.tables), "the schema has no constraint: there are no tables")
    insist(not broken, shown(broken))
    summary = f"{len(every) - len(unasked)} constraints of the schema, violated by no row"
    return summary + (f"; could not be asked: {shown(unasked)}" if unasked else "")


def indexes(restored: RestoredPlatform) -> str:
    """Every row is in every B-tree index of its table, at its place (amcheck, in the scratch database)."""
    line = ("psql", "-X", "-Atq", "--set=ON_ERROR_STOP=1", f"--dbname={database(DATABASE)}", f"--command={query('index_checks')}")
    done = execute(restored.platform.containers["timescaledb"], line, user=USER, check=False)
    insist(done.code == 0, f"indexes can't be compared with their tables: {done.stderr[-300:]}")
    every: list[tuple[str, str, str]] = json.loads(done.text().splitlines()[-1])
    # SQLSTATE class XX means damage. Any other error, such as a failing function in an index expression, does not.
    damaged = [f"{name}: {message}" for name, state, message in every if state.startswith("XX")]
    insist(not damaged, f"indexes that differ from their tables: {shown(damaged)}")
    unasked = [f"{name} ({message})" for name, state, message in every if state and not state.startswith("XX")]
    message = f"{len(every) - len(unasked)} B-tree indexes agree with their tables"
    return message + (f"; could not be compared: {shown(unasked)}" if unasked else "")
