"""One row changed in each way that PostgreSQL has: what changed is counted, the rest is not, and all is as a whole count says."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator

import psycopg
import pytest

from tests.integration.backup_evidence.conftest import Taken, connect, take
from tests.support.cases import in_make_test
from tests.support.postgres_server import ScratchServer, run_scratch_server
from tests.support.scratch import wait_until

OLD_STATEMENTS = ("insert into plain values (1000, 'x', 1)", "delete from ticks where at < '2026-01-02'")
MADE = """
create type mood as enum ('sad', 'glad');
create type pair as (a int, b text);
create domain amount as numeric(10, 2);
create table plain (id int primary key, t text, n numeric);
insert into plain select g, 'row ' || g, g / 7.0 from generate_series(1, 500) as g;
create table quiet as select g as id, 'never touched' as t from generate_series(1, 500) as g;
create table wide (id int, long text);
alter table wide alter long set storage external;
insert into wide select g, repeat(md5(g::text), 200) from generate_series(1, 50) as g;
create table odd (id int, payload json, mood mood, pair pair, amount amount, moods mood[]);
insert into odd values (1, '{}', 'sad', (1, 'x'), 1.5, '{sad,glad}'), (2, '[]', 'glad', (2, 'y'), 2.5, null);
create table as_text (id int, payload json, mood mood);
insert into as_text values (1, '{}', 'sad');
create table nothing ();
insert into nothing default values;
create table parted (id int, t text) partition by list (id);
create table parted_a partition of parted for values in (1);
create table parted_b (junk int, t text, id int);
alter table parted_b drop junk;
alter table parted attach partition parted_b for values in (2);
insert into parted values (1, 'a'), (2, 'b');
create table mother (id int, t text);
create table daughter (extra int) inherits (mother);
insert into mother values (1, 'm');
insert into daughter values (2, 'd', 3);
create materialized view summary as select count(*) as n from plain;
create unlogged table cache (id int);
insert into cache values (1);
create table ticks (gone int, at timestamptz not null, symbol text, price numeric);
select create_hypertable('ticks', by_range('at', interval '1 day'));
insert into ticks (at, symbol, price) select timestamptz '2026-01-01' + g * interval '1 hour', 's', g from generate_series(0, 95) as g;
create table feed (at timestamptz not null, price int);
select create_hypertable('feed', by_range('at', interval '1 day'));
insert into feed values ('2026-01-01 01:00+00', 1), ('2026-01-02 01:00+00', 1);
alter table ticks drop column gone;
alter table ticks add column volume int;
insert into ticks (at, symbol, price) select timestamptz '2026-02-01' + g * interval '1 hour', 's', g from generate_series(0, 47) as g;
"""


@pytest.fixture
def empty(server: ScratchServer) -> ScratchServer:
    server.fresh_database()
    with server.admin() as connection:
        connection.execute(MADE)
        connection.execute("vacuum (freeze, analyze)")
    return server


def settled(server: ScratchServer) -> Taken:
    """A set after which reading changes no page any more: the first one after a change writes down which rows are visible."""
    first = take(server)
    taken = take(server, first.evidence)
    assert taken.records == taken.whole
    return taken


def same(taken: Taken) -> Taken:
    assert taken.records == taken.whole
    assert not taken.unlogged_changes
    return taken


def chunk(server: ScratchServer, of: str = "ticks") -> str:
    """The first chunk of a hypertable."""
    with server.admin() as connection:
        rows = connection.execute("select c::text from show_chunks(%s::regclass) as c order by 1", (of,)).fetchall()
    return str(rows[0][0])


@pytest.mark.exhaustive
def test_where_nothing_changes_everything_is_taken_over(empty: ScratchServer) -> None:
    before = settled(empty)
    after = same(take(empty, before.evidence))
    assert before.evidence
    assert after.evidence
    assert after.taken_over == {part.name for part in before.evidence.parts}
    assert {"plain", "quiet", "parted_a", "parted_b", "mother", "daughter", "summary", "nothing", "wide", chunk(empty)} <= after.taken_over
    assert {part.oid for part in after.evidence.parts if part.name == "ticks"}
    assert after.records["ticks"].rows == 144


ROWS = [
    ("insert into plain values (1000, 'new', 1)", "plain"),
    ("update plain set t = 'changed' where id = 7", "plain"),
    ("update plain set n = n where id = 7", "plain"),
    ("delete from plain where id = 7", "plain"),
    ("merge into plain using (values (7)) as v (id) on plain.id = v.id when matched then delete", "plain"),
    ("copy plain from stdin with (format csv)|2000,x,1", "plain"),
    ("alter table plain alter id type bigint", "plain"),
    ("alter table plain alter t type varchar(50)", "plain"),
    ("alter table plain add column more int default 7", "plain"),
    ("alter table plain add column later timestamptz default clock_timestamp()", "plain"),
    ("begin; savepoint a; delete from plain where id = 1; rollback to a; delete from plain where id = 2; commit", "plain"),
    ("vacuum full plain", "plain"),
    ("cluster plain using plain_pkey", "plain"),
    ("alter table plain set unlogged; insert into plain values (5000, 'x', 1); alter table plain set logged", "plain"),
    ("alter table plain set tablespace elsewhere", "plain"),
    ("update wide set long = repeat('x', 9000) where id = 3", "wide"),
    ("update wide set id = 100 where id = 3", "wide"),
    ("update as_text set payload = '[1]' where id = 1", "as_text"),
    ("alter type mood rename value 'sad' to 'low'", "as_text"),
    ("alter type mood add value 'so-so' before 'glad'", "odd"),
    ("alter type pair add attribute c int", "odd"),
    ("alter domain amount drop not null; update odd set amount = 9 where id = 1", "odd"),
    ("insert into parted values (1, 'more')", "parted_a"),
    ("update parted set t = 'c' where id = 2", "parted_b"),
    ("delete from only parted_b", "parted_b"),
    ("insert into daughter values (5, 'e', 6)", "daughter"),
    ("insert into mother values (5, 'e')", "mother"),
    ("insert into plain values (1001, 'n', 1); refresh materialized view summary", "summary"),
    ("delete from ticks where at = '2026-01-01 05:00+00'", "CHUNK"),
    ("update ticks set price = -1 where at = '2026-01-01 05:00+00'", "CHUNK"),
    ("insert into ticks (at, symbol, price) values ('2026-01-01 05:30+00', 'x', 1)", "CHUNK"),
    ("insert into CHUNK (at, symbol, price) values ('2026-01-01 05:30+00', 'x', 1)", "CHUNK"),
    ("copy feed from stdin with (format csv)|2026-01-01 05:30+00,1", "FEED"),
    ("truncate CHUNK", "CHUNK"),
    ("alter table ticks add column more int default 3", "CHUNK"),
    ("alter table ticks alter symbol type varchar(20)", "CHUNK"),
    ("alter table plain drop column n cascade", "plain"),
    ("alter table plain rename t to u", "plain"),
    ("truncate plain", "plain"),
    ("drop table plain cascade; create table plain as select 1 as id, 'row 1'::text as t, 0.1 as n", "plain"),
]


def _run(connection: psycopg.Connection, statements: str) -> None:
    for statement in statements.split("; "):
        command, copied, rows = statement.partition("|")
        if copied:
            # An audited COPY into a hypertable ends the server: pgaudit and TimescaleDB 2.19 together.
            connection.execute("set pgaudit.log = 'none'; set pgaudit.role = ''")
            with connection.cursor() as cursor, cursor.copy(command) as copy:
                copy.write(rows + "\n")
        else:
            connection.execute(command)


def test_each_change_is_found_and_nothing_else_is_counted(empty: ScratchServer) -> None:
    named = {"CHUNK": chunk(empty), "FEED": chunk(empty, "feed")}
    with empty.admin() as connection:
        connection.execute("set allow_in_place_tablespaces = on")
        if not connection.execute("select from pg_tablespace where spcname = 'elsewhere'").fetchall():
            connection.execute("create tablespace elsewhere location ''")
    taken, missed = settled(empty), []
    for statement, relation in ROWS:
        with empty.admin() as connection:
            _run(connection, statement.replace("CHUNK", named["CHUNK"]))
        taken = same(take(empty, taken.evidence))
        if named.get(relation, relation) in taken.taken_over or "quiet" not in taken.taken_over:
            missed.append((statement, taken.taken_over))
    assert not missed


@pytest.fixture
def open_(empty: ScratchServer) -> Iterator[psycopg.Connection]:
    with connect(empty) as connection:
        yield connection
        connection.rollback()


@pytest.mark.parametrize(
    ("statement", "within", "prepared"), in_make_test(itertools.product(OLD_STATEMENTS, [False, True], [False, True]), 5)
)
def test_what_an_old_transaction_wrote_before_a_set_and_commits_after_it(
    empty: ScratchServer, open_: psycopg.Connection, statement: str, *, within: bool, prepared: bool
) -> None:
    earlier = settled(empty)
    if within:
        open_.execute("savepoint a")
    open_.execute(statement)
    if within:
        open_.execute("release savepoint a")
    if prepared:
        open_.execute("prepare transaction 'old'")
    between = same(take(empty, earlier.evidence))
    again = same(take(empty, between.evidence))
    assert "quiet" in again.taken_over
    with empty.admin() as connection:
        connection.execute("checkpoint")
    if prepared:
        with empty.admin() as connection:
            connection.execute("commit prepared 'old'")
    else:
        open_.commit()
    after = same(take(empty, again.evidence))
    assert after.records != earlier.records
    assert "quiet" in after.taken_over
    last = same(take(empty, take(empty, after.evidence).evidence))
    assert last.records == after.records


@pytest.mark.exhaustive
def test_while_a_transaction_runs_that_is_older_than_every_set_nothing_is_taken_over(
    empty: ScratchServer, open_: psycopg.Connection
) -> None:
    open_.execute("insert into plain values (1000, 'x', 1)")
    first = take(empty)
    assert first.evidence is None
    assert take(empty, None).evidence is None


def crash(server: ScratchServer) -> None:
    """Kill a server process: the others end as well, all memory is lost, and the log is replayed."""
    with contextlib.suppress(psycopg.OperationalError), server.admin() as connection:
        (pid,) = connection.execute("select pg_backend_pid()").fetchone() or (0,)
        assert server.container.exec_run(["bash", "-c", f"kill -9 {pid}"], user="postgres").exit_code == 0
        connection.execute("select pg_sleep(60)")
        raise AssertionError("the server went on")
    wait_until(lambda: _answers(server), server.container)


def _answers(server: ScratchServer) -> bool:
    try:
        with server.admin() as connection:
            return connection.execute("select 1").fetchone() == (1,)
    except psycopg.OperationalError:
        return False


def test_a_crash_costs_nothing_and_hides_nothing(empty: ScratchServer) -> None:
    before = settled(empty)
    with empty.admin() as connection:
        # Else the crash takes the row back, and nothing has changed.
        connection.execute("set synchronous_commit = on")
        connection.execute("update plain set t = 'changed' where id = 7")
    crash(empty)
    after = same(take(empty, before.evidence))
    assert "plain" not in after.taken_over
    assert "quiet" in after.taken_over


def file_of(server: ScratchServer, table: str) -> str:
    with server.admin() as connection:
        connection.execute("checkpoint")
        row = connection.execute(
            "select current_setting('data_directory') || '/' || pg_relation_filepath(%s::regclass)", (table,)
        ).fetchone()
    assert row
    return str(row[0])


def test_a_page_that_is_written_behind_the_servers_back_is_found_when_it_is_counted_again(empty: ScratchServer) -> None:
    """A page as it was before an update comes back: its checksum is right, and the log knows nothing of it."""
    path = file_of(empty, "quiet")
    empty.container.exec_run(["cp", path, "/tmp/page"], user="postgres")
    with empty.admin() as connection:
        connection.execute("update quiet set t = 'changed' where id = 7")
    before = settled(empty)
    before = take(empty, before.evidence)
    file_of(empty, "quiet")
    done = empty.container.exec_run(["cp", "/tmp/page", path], user="postgres")
    assert done.exit_code == 0
    crash(empty)
    blind = take(empty, before.evidence)
    assert "quiet" in blind.taken_over
    assert blind.records != blind.whole
    found = take(empty, blind.evidence, recount=True)
    assert found.unlogged_changes == ("quiet",)
    assert found.records == found.whole


@pytest.mark.exhaustive
def test_a_server_whose_files_were_put_back_takes_nothing_over(empty: ScratchServer) -> None:
    """A mark that the server doesn't have, or has with another time."""
    before = settled(empty)
    assert before.evidence
    for mark in ({"transaction": before.evidence.mark.transaction + 1000}, {"committed": before.evidence.mark.committed + 1}):
        other = before.evidence.model_copy(update={"mark": before.evidence.mark.model_copy(update=mark)})
        assert same(take(empty, other)).taken_over == set()
    for log in ({"system_id": "7"}, {"timeline": 2}, {"database": 1}, {"version": "17.0"}):
        other = before.evidence.model_copy(update={"log": before.evidence.log.model_copy(update=log)})
        assert same(take(empty, other)).taken_over == set()


@pytest.mark.exhaustive
def test_a_gap_in_the_summaries_takes_nothing_over(empty: ScratchServer) -> None:
    before = settled(empty)
    with empty.admin() as connection:
        connection.execute("alter system set summarize_wal = off")
        connection.execute("select pg_reload_conf()")
        try:
            off = same(take(empty, before.evidence))
            assert off.evidence is None
        finally:
            connection.execute("alter system reset summarize_wal")
            connection.execute("select pg_reload_conf()")
    empty.container.exec_run(["sh", "-c", "rm /home/postgres/pgdata/*/pg_wal/summaries/*"], user="postgres")
    assert same(take(empty, before.evidence)).taken_over == set()


@pytest.mark.exhaustive
def test_a_server_that_keeps_no_times_of_commits_has_its_sets_counted_whole() -> None:
    settings = ("max_prepared_transactions = 10", "track_commit_timestamp = off")
    with run_scratch_server(settings=settings) as running:
        running.fresh_database()
        with running.admin() as connection:
            connection.execute(MADE)
        taken = take(running)
        assert taken.evidence is None
        assert taken.records == taken.whole
