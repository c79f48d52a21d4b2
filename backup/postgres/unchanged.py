"""Which relations are certainly unchanged since an earlier set: by the log, which names every relation that something was written to.

Whatever isn't known for certain counts as changed. Why that is enough, and what was tried against it: docs/adr/0421.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from backup.postgres.evidence import Evidence, Log, Mark, Part, Point
from backup.postgres.timelines import lsn_number
from backup.queries import query
from christmas.blueprint.relational import DATABASE
from core.container_commands import running
from core.errors import PlatformError
from infra.provider import psql

if TYPE_CHECKING:
    import psycopg

EVERY_FILE = 0
"""The number that stands for all files of a database."""


@dataclass(frozen=True, slots=True)
class Relation:
    """A relation that keeps rows of `table` (its key), as the snapshot has it. `long_node` is the file of its long values, or 0.

    Fields as in evidence.Part. Unless it `is_sound`, its rows' hash may change without a change of its rows.
    """

    oid: int
    table: str
    schema: str
    name: str
    node: int
    long_node: int
    columns: str
    is_sound: bool

    @property
    def key(self) -> tuple[str, int]:
        """What tells it from others: who inherits has a second place, below its parent and with that one's columns."""
        return self.table, self.oid


@dataclass(frozen=True, slots=True)
class Written:
    """What the log names from a position on: whose log it is, which stretches of it were read, and the numbers of the files."""

    system_id: str
    timeline: int
    stretches: tuple[tuple[str, str], ...]
    named: frozenset[int]

    def reaches(self, known: Evidence, lsn: str) -> bool:
        """Whether every byte of the same log was read from the evidence's base to a position, and no single file stands for all."""
        if (self.system_id, self.timeline) != (known.log.system_id, known.log.timeline) or EVERY_FILE in self.named:
            return False
        return covered(self.stretches, known.base, lsn)


def covered(stretches: Iterable[tuple[str, str]], first: str, last: str) -> bool:
    """Whether these stretches of the log together have every byte between two positions."""
    reached = lsn_number(first)
    for start, end in sorted((lsn_number(start), lsn_number(end)) for start, end in stretches):
        if start > reached:
            break
        reached = max(reached, end)
    return reached >= lsn_number(last)


@dataclass(frozen=True, slots=True)
class Identity:
    """The log that the server writes, and whether it keeps summaries of it."""

    log: Log
    is_summarized: bool


def identity(connection: psycopg.Connection) -> Identity:
    """Ask the server."""
    (row,) = connection.execute(query("log_identity")).fetchall()
    return Identity(Log(system_id=row[0], timeline=row[1], database=row[2], version=row[3]), bool(row[4]))


def point(connection: psycopg.Connection) -> Point:
    """A position, and then a number that no transaction had at it. The connection must be in autocommit."""
    (position,) = _one(connection, "select pg_current_wal_insert_lsn()::text")
    (number,) = _one(connection, "select pg_current_xact_id()::text::bigint")
    return Point(lsn=position, transaction=number)


def mark(connection: psycopg.Connection) -> Mark | None:
    """Commit a transaction that changes nothing; None if the server doesn't keep the times of commits. In autocommit."""
    (number,) = _one(connection, "select pg_current_xact_id()::text::bigint")
    (committed,) = _one(connection, query("committed_at"), number)
    return Mark(transaction=number, committed=committed) if committed is not None else None


def is_same_log(connection: psycopg.Connection, known: Evidence, log: Log) -> bool:
    """Whether the server went on from where the evidence was taken.

    It doesn't know the mark if its files are from before it: put back, or without the last commits after a crash.
    """
    if known.log != log:
        return False
    (committed,) = _one(connection, query("committed_at"), known.mark.transaction)
    return bool(committed == known.mark.committed)


def written_since(container: str, position: str) -> Written | None:
    """What the log names from a position to at least now; None if the server can't say it."""
    try:
        said = psql.query(running(container), query("log_since"), variables={"since": position, "database": DATABASE})
    except PlatformError:
        return None
    stretches = tuple((start, end) for start, end in said["summaries"])
    return Written(said["system_id"], said["timeline"], stretches, frozenset(said["named"]))


def unchanged(known: Evidence, written: Written, relations: Iterable[Relation]) -> dict[tuple[str, int], Part]:
    """What is known of those relations that nothing was written to; by key. `written` must reach from the evidence to the snapshot."""
    before = {(part.oid, part.node, part.columns): part for part in known.parts}
    known_parts = {}
    for relation in relations:
        part = before.get((relation.oid, relation.node, relation.columns))
        if part and relation.is_sound and not {relation.node, relation.long_node} & written.named:
            known_parts[relation.key] = part
    return known_parts


def _one(connection: psycopg.Connection, statement: Any, *arguments: object) -> Sequence[Any]:
    (row,) = connection.execute(statement, arguments or None).fetchall()
    return row
