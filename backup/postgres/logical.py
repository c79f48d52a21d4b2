"""The logical backup: `pg_dump` of the counted snapshot, and the roles. Objects that it can't hold are reported; they never fail a set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backup.postgres import pgbackrest
from backup.postgres.tables import Table
from backup.sets.files import HashedFile, SetFolder, discard, write_hashed
from backup.sets.model import FileRecord, Unproven
from christmas.blueprint.relational import DATABASE
from core.container_commands import Finished, execute
from core.errors import PlatformError
from infra.connections import Platform

ACCOUNT = "backup"
LOGICAL_PATH = f"postgres/{DATABASE}.dump"
GLOBALS_PATH = "postgres/globals.sql"
_INSIDE_CA = "/run/christmas/ca.crt"
# If another session holds a table longer than this, give up the dump, not the set.
_LOCK_WAIT = "5min"
_READS_LARGE_OBJECTS = 180000


@dataclass(frozen=True, slots=True)
class Dump:
    """The dump's files, what it lacks, and whether `pg_dump` completed."""

    files: tuple[FileRecord, ...]
    unproven: tuple[Unproven, ...]
    complete: bool


def dump(platform: Platform, folder: SetFolder, snapshot: str, tables: Sequence[Table], server_version: int) -> Dump:
    """Dump the named snapshot as the account backup.

    Raises PlatformError if the container or the connection is gone. Failures of the dump alone are in the result.
    """
    options, lacking = limits(tables, server_version)
    container = platform.containers["timescaledb"]
    password = platform.secret(ACCOUNT, "postgres")
    target = _conninfo(platform, DATABASE)
    common = ("--format=custom", "--compress=zstd:3", "--password", f"--snapshot={snapshot}", f"--lock-wait-timeout={_LOCK_WAIT}")
    # With --password and no terminal the tools read it from standard input.
    with HashedFile(folder, LOGICAL_PATH) as written:
        words = ("pg_dump", *common, *options, f"--dbname={target}")
        done = execute(container, words, user=pgbackrest.USER, text=f"{password}\n", sink=written.write, yielding=True, check=False)
    words = ("pg_dumpall", "--globals-only", "--no-role-passwords", "--password", f"--dbname={target}", f"--database={DATABASE}")
    roles = execute(container, words, user=pgbackrest.USER, text=f"{password}\n", check=False)
    for name, outcome in (("pg_dump", done), ("pg_dumpall", roles)):
        # Exit code 1 is a failure that the tools report; with any other they were killed.
        if outcome.code not in (0, 1):
            raise PlatformError(what=f"{name} ended with exit code {outcome.code}: {_said(outcome)}", where=f"container {container}")
    files: list[FileRecord] = []
    if done.code == 0:
        files.append(written.record)
    else:
        discard(folder, LOGICAL_PATH)
        lacking = [Unproven(what="the logical backup", why=f"not made: {_said(done)}")]
    if roles.code == 0:
        files.append(write_hashed(folder, GLOBALS_PATH, [roles.stdout]))
    else:
        lacking.append(Unproven(what="the roles beside the logical backup", why=f"not made: {_said(roles)}"))
    return Dump(tuple(files), tuple(lacking), complete=done.code == 0)


def limits(tables: Sequence[Table], server_version: int) -> tuple[list[str], list[Unproven]]:
    """Options that exclude what `pg_dump` would fail on, and the reasons. `server_version` as PostgreSQL numbers it."""
    options, lacking = [], []
    for table in tables:
        if table.schema == "pg_catalog":
            if server_version < _READS_LARGE_OBJECTS:
                # Owners and superusers can read them; before PostgreSQL 18 no right covers all of them.
                options.append("--no-large-objects")
                why = "only in the physical backup: before PostgreSQL 18 no read-only account may dump them"
                lacking.append(Unproven(what="large objects", why=why, by_design=True))
        elif table.is_filtered:
            options.append(f"--exclude-table-data={_pattern(table.schema)}.{_pattern(table.name)}")
            why = "row-level security hides its rows from account backup, so the logical backup leaves it out: invoke up grants BYPASSRLS"
            lacking.append(Unproven(what=f"table {table.key}", why=why))
    return options, lacking


def _pattern(name: str) -> str:
    """A literal name as a pattern of the tools."""
    return '"' + name.replace('"', '""') + '"'


def _said(done: Finished) -> str:
    """The tool's last error message in one line, without details: those may quote rows."""
    lines = [line.strip() for line in done.stderr.splitlines() if " error: " in line]
    return " ".join((lines[-1] if lines else f"exit code {done.code}").split())[:300]


def _conninfo(platform: Platform, database: str) -> str:
    host, port = platform.endpoints["postgres"].address(inside=True)
    return f"host={host} port={port} user={platform.postgres_login(ACCOUNT)} dbname={database} sslmode=verify-full sslrootcert={_INSIDE_CA}"
