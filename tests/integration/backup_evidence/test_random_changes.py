"""Whatever is done in whatever order, by whichever of several open transactions: what is taken over is what a whole count says."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backup.postgres.evidence import Evidence
from tests.integration.backup_evidence.conftest import connect, take
from tests.integration.backup_evidence.test_each_way_rows_change import MADE
from tests.support.postgres_server import ScratchServer

WITHIN = (
    "insert into plain select max(id) + 1, 'new' from plain",
    "update plain set t = t || '.' where id % 50 = 3",
    "delete from plain where id % 50 = 7",
    "insert into plain values (100000, 'twice') on conflict (id) do update set t = plain.t || '!'",
    "delete from ticks where at < '2026-01-01 03:00+00'",
    "insert into ticks (at, symbol, price) values ('2026-01-02 05:00+00', 'x', 1), ('2026-03-02 05:00+00', 'x', 1)",
    "update ticks set price = price + 1 where at > '2026-02-01 20:00+00'",
    "insert into parted values (1, 'more'), (2, 'more')",
    "update parted set id = 3 - id",
    "update wide set long = repeat(md5(random()::text), 200) where id = 1",
    "update odd set payload = '[7]', moods = array['glad']::mood[]",
    "insert into daughter values (9, 'x', 9)",
    "select * from plain for update",
    "truncate quiet",
    "savepoint a",
    "rollback to a",
)
ALONE = (
    "vacuum plain",
    "vacuum full parted_a",
    "vacuum (freeze) ticks",
    "checkpoint",
    "alter table plain add column if not exists later int default 7",
    "alter table plain drop column if exists later",
    "alter table wide alter id type bigint",
    "alter table wide alter id type int",
    "analyze",
    "drop table if exists fresh",
    "create table if not exists fresh as select 1 as id",
    "select drop_chunks('ticks', older_than => timestamptz '2026-01-02')",
)

steps = st.one_of(
    st.tuples(st.just("take"), st.just(0), st.just("")),
    st.tuples(st.just("within"), st.integers(0, 2), st.sampled_from(WITHIN)),
    st.tuples(st.just("within"), st.integers(0, 2), st.sampled_from(WITHIN)),
    st.tuples(st.just("commit"), st.integers(0, 2), st.just("")),
    st.tuples(st.just("prepare"), st.integers(0, 2), st.just("")),
    st.tuples(st.just("finish"), st.just(0), st.sampled_from(("commit", "rollback"))),
    st.tuples(st.just("rollback"), st.integers(0, 2), st.just("")),
    st.tuples(st.just("alone"), st.just(0), st.sampled_from(ALONE)),
)


@pytest.fixture(scope="module")
def filled(server: ScratchServer) -> Iterator[ScratchServer]:
    server.fresh_database()
    with server.admin() as connection:
        connection.execute(MADE)
    yield server
    with server.admin() as connection:
        _finish(connection, "rollback")


def _finish(connection: psycopg.Connection, how: str) -> None:
    for (name,) in connection.execute("select gid from pg_prepared_xacts order by prepared").fetchall():
        connection.execute(f"{how} prepared '{name}'")


class _Told:
    evidence: Evidence | None = None
    taken_over = 0
    numbers = 0


@pytest.mark.exhaustive
def test_what_is_taken_over_is_what_is_there(filled: ScratchServer) -> None:
    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(steps, min_size=4, max_size=24))
    def any_history(history: list[tuple[str, int, str]]) -> None:
        _go_through(filled, history)

    any_history()
    # With nothing taken over nothing was tried.
    assert _Told.taken_over > 10


def _go_through(filled: ScratchServer, history: list[tuple[str, int, str]]) -> None:
    with contextlib.ExitStack() as stack:
        admin = stack.enter_context(filled.admin())
        admin.execute("set lock_timeout = '100ms'")
        sessions = [stack.enter_context(connect(filled)) for _ in range(3)]
        for session in sessions:
            session.execute("set lock_timeout = '100ms'")
            session.commit()
        for kind, number, statement in [("take", 0, ""), *history, ("finish", 0, "commit"), ("take", 0, "")]:
            # Locks that another session holds, names that are gone: what the server refuses is no change.
            with contextlib.suppress(psycopg.errors.Error):
                if kind == "take":
                    _compare(filled)
                elif kind == "alone":
                    admin.execute(statement)
                elif kind == "finish":
                    _finish(admin, statement)
                else:
                    _act(sessions[number], kind, statement)
        for session in sessions:
            session.rollback()
    _compare(filled)
    assert _Told.numbers


def _act(session: psycopg.Connection, kind: str, statement: str) -> None:
    try:
        if kind == "within":
            session.execute(statement)
        elif kind == "commit":
            session.commit()
        elif kind == "prepare":
            _Told.numbers += 1
            session.execute(f"prepare transaction 'p{_Told.numbers}'")
            session.rollback()
        else:
            session.rollback()
    except psycopg.errors.Error:
        session.rollback()


def _compare(server: ScratchServer) -> None:
    taken = take(server, _Told.evidence)
    _Told.numbers += 1
    # What somebody holds locked can't be counted, but may be taken over.
    counted = {key: record for key, record in taken.whole.items() if record.rows is not None}
    assert counted
    assert {key: taken.records[key] for key in counted} == counted
    assert not taken.unlogged_changes
    # A set that couldn't say from where on leaves the one before in use, as the platform does.
    _Told.evidence = taken.evidence or _Told.evidence
    _Told.taken_over += len(taken.taken_over) if taken.evidence else 0
