"""A server whose log is summarized, and sets of it without the slow rest: no physical backup, no files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import psycopg
import pytest

from backup.postgres import back_up, tables, unchanged
from backup.postgres.evidence import Evidence
from backup.postgres.parts import TAKEN_OVER
from backup.sets.files import SetFolder
from backup.sets.model import TableRecord
from infra.clients import postgres
from tests.support.postgres_server import ScratchServer, run_scratch_server


@pytest.fixture(scope="package")
def server() -> Iterator[ScratchServer]:
    with run_scratch_server(settings=("max_prepared_transactions = 10", "full_page_writes = on")) as running:
        yield running


@dataclass(frozen=True)
class Taken:
    """A set's evidence, what it says about each table, what counting each of them as a whole says, and what was found without the log."""

    evidence: Evidence | None
    records: Mapping[str, TableRecord]
    whole: Mapping[str, TableRecord]
    unlogged_changes: tuple[str, ...]

    @property
    def taken_over(self) -> set[str]:
        """The relations whose count came from an earlier set."""
        assert self.evidence
        return {part.name for part in self.evidence.parts if part.why == TAKEN_OVER}


def take(server: ScratchServer, known: Evidence | None = None, *, recount: bool = False, chance: bool = False) -> Taken:
    """What back_up does between its physical backup and its manifest; without `chance` nothing is counted again at random."""
    platform = server.platform
    with server.admin() as connection:
        # As a physical backup begins.
        connection.execute("checkpoint")
    back_up._let_read(platform.containers["timescaledb"])
    request = back_up.Request("set", SetFolder.__new__(SetFolder), "incremental", logical=None, known=known, recount=recount)
    with postgres(platform, "backup", autocommit=True) as probe, postgres(platform, "backup") as holder:
        points = [unchanged.point(probe)]
        snapshot = back_up._take_snapshot(probe, holder)
        tables.prepare(holder)
        # A set waits half a minute for each table that somebody holds locked: here somebody always does.
        holder.execute("set local lock_timeout = '200ms'")
        every = tables.list_tables(holder)
        proof = back_up._begin_proof(platform, request, probe, holder, every, points, snapshot)
        if not chance and not recount:
            proof = replace(proof, counting=replace(proof.counting, again={}))
        counts = tables.count_all(holder, probe, every, hash_hypertables=True, count=proof.counting)
        whole = tables.count_all(holder, probe, every, hash_hypertables=True)
    parts = [
        part for key, table_parts in proof.counting.parts_of_tables.items() if counts.tables[key].rows is not None for part in table_parts
    ]
    return Taken(proof.evidence(parts), counts.tables, whole.tables, tuple(proof.counting.unlogged_changes))


def connect(server: ScratchServer) -> psycopg.Connection:
    """A session of its own, for transactions that stay open."""
    connection = server.admin()
    connection.autocommit = False
    return connection
