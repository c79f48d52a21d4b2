"""Proofs about a restored PostgreSQL: content, chunks, and every promise of the schema, asked of the rows themselves."""

from __future__ import annotations

from typing import LiteralString, cast

from backup.containers import execute
from backup.pgbackrest import USER
from backup.postgres import count_table
from backup.proof import READER, Restored, insist, shown
from backup.queries import query
from blueprint.relational import DATABASE
from infra.clients import postgres

# Rows are to be read as they are, not as an index or an exclusion by constraints says they must be.
_UNTRUSTING = ("enable_indexscan", "enable_indexonlyscan", "enable_bitmapscan", "constraint_exclusion")


def rows(restored: Restored) -> str:
    """Every table has the rows of the reference point, and their checksum where one was taken."""
    part = restored.manifest.postgres
    insist(part, "the set has no PostgreSQL")
    wanted = part.reference_point.tables if part else {}
    wrong = []
    with postgres(restored.platform, READER) as connection:
        there = {name for name, _ in connection.execute(query("tables")).fetchall()}
        for name, record in wanted.items():
            if name not in there:
                wrong.append(f"{name} is missing")
                continue
            found = count_table(connection, name, hashed=record.checksum is not None)
            if found != record:
                wrong.append(f"{name} has {found.rows} rows{'' if found.rows != record.rows else ' of other content'}, not {record.rows}")
    doubt = "" if part and part.reference_point.exact else " (the point was taken amid writes, so this may be no fault: drill another set)"
    insist(not wrong, shown(wrong) + doubt)
    insist(there <= set(wanted), f"tables that were not there: {shown(there - set(wanted))}")
    hashed = sum(1 for record in wanted.values() if record.checksum is not None)
    return f"{len(wanted)} tables, {sum(record.rows for record in wanted.values())} rows; {hashed} with checksum"


def chunks(restored: Restored) -> str:
    """Hypertables are hypertables, and those with rows have chunks."""
    part = restored.manifest.postgres
    with postgres(restored.platform, READER) as connection:
        found = dict(connection.execute(query("chunks")).fetchall())
    tables = part.reference_point.tables if part else {}
    empty = [name for name, count in found.items() if count == 0 and name in tables and tables[name].rows]
    insist(not empty, f"rows but no chunk: {shown(empty)}")
    return ", ".join(f"{name}: {count} chunks" for name, count in found.items()) or "no hypertable"


def structure(restored: Restored) -> str:
    """PostgreSQL itself trusts its constraints and indexes, and the revision is the recorded one."""
    part = restored.manifest.postgres
    with postgres(restored.platform, READER) as connection:
        constraints = connection.execute(query("broken_constraints")).fetchall()
        indexes = connection.execute(query("broken_indexes")).fetchall()
        migrated = connection.execute("select to_regclass('public.alembic_version')").fetchone()
        row = (
            connection.execute("select string_agg(version_num, ',' order by version_num) from alembic_version").fetchone()
            if migrated and migrated[0]
            else None
        )
    insist(not constraints, f"constraints that were never checked: {shown(name for _, name in constraints)}")
    insist(not indexes, f"unusable indexes: {shown(name for (name,) in indexes)}")
    revision, recorded = row[0] if row else None, part.schema_revision if part else None
    insist(revision == recorded, f"the schema is at {revision}, recorded was {recorded}")
    return f"at revision {revision}; constraints valid, indexes usable"


def constraints(restored: Restored) -> str:
    """No row breaks a constraint: each is asked of the rows anew, without the help of indexes."""
    broken = []
    with postgres(restored.platform, READER) as connection:
        for setting in _UNTRUSTING:
            connection.execute("select set_config(%s, 'off', true)", (setting,))
        every = connection.execute(query("constraint_checks")).fetchall()
        for table, promise, statement in every:
            # The statement was put together by the database, from its own catalogue.
            row = connection.execute(cast(LiteralString, statement)).fetchone()
            if row and row[0]:
                broken.append(f"{row[0]} rows of {table} break {promise}")
    insist(every, "the schema promises nothing: there are no tables")
    insist(not broken, shown(broken))
    return f"{len(every)} promises of the schema, none broken by a row"


def indexes(restored: Restored) -> str:
    """Every row is in every B-tree index of its table, and in its place (amcheck, in the scratch database)."""
    line = ("psql", "-X", "-Atq", "--set=ON_ERROR_STOP=1", f"--dbname={DATABASE}")
    make = "--command=create extension if not exists amcheck"
    statement = query("index_checks")
    done = execute(restored.platform.containers["timescaledb"], (*line, make, f"--command={statement}"), user=USER, check=False)
    insist(done.code == 0, f"an index is not as its table: {done.stderr[-300:]}")
    return f"{len(done.stdout.decode().splitlines())} B-tree indexes agree with their tables"
