"""`monitor` learns of sessions and statements and reads none; `backup` reads every table there is or will be, and no verifier."""

from __future__ import annotations

import psycopg
import pytest

from monitor.rights import Session, judge_sessions, rights, sessions
from tests.support.postgres_server import ScratchServer
from tests.support.waiting import wait_for

MARKER = "marker-9f31c-of-somebody-else"


def test_monitor_reads_no_word_of_what_others_say(migrated_server: ScratchServer) -> None:
    url = migrated_server.platform.postgres_url
    with (
        psycopg.connect(url("api"), autocommit=True) as api,
        psycopg.connect(url("monitor"), autocommit=True) as monitor,
        migrated_server.admin() as admin,
    ):
        api.execute(f"select '{MARKER}' -- {MARKER}".encode())
        admin.execute(f"create role for_a_moment password '{MARKER}'".encode())
        admin.execute("drop role for_a_moment")
        for asked in (
            "select count(*) from pg_stat_activity where query like %s and pid <> pg_backend_pid()",
            "select count(*) from public.pg_stat_statements where query like %s and query not like '%%pg_stat_statements%%'",
        ):
            assert monitor.execute(asked, (f"%{MARKER}%",)).fetchone() == (0,)
        known = monitor.execute("select * from watch.sessions()").fetchall()
        assert MARKER not in str(known)
        assert any(row[1] == "api" for row in known)
        # The marker is a constant: it can't be asked for, and a shape without it tells no more than that it was said.
        assert monitor.execute("select * from watch.statement_figures(%s)", ([f"select '{MARKER}'"],)).fetchall() == []


def test_a_function_planted_beside_does_not_run_as_the_watch(migrated_server: ScratchServer) -> None:
    url = migrated_server.platform.postgres_url
    with psycopg.connect(url("migrator"), autocommit=True) as migrator, psycopg.connect(url("monitor"), autocommit=True) as monitor:
        for planted in ("btrim(text)", "lower(text)", "clock_timestamp()"):
            returned = "timestamptz" if planted.startswith("clock") else "text"
            migrator.execute(
                f"create function public.{planted} returns {returned} language plpgsql as $$ begin raise 'planted'; end $$".encode()
            )
        try:
            monitor.execute("set search_path = public, pg_catalog")
            monitor.execute("select * from watch.sessions()")
            monitor.execute("select * from watch.statement_figures(%s)", (["select ?"],))
            monitor.execute("select * from watch.settings_by_hand()")
        finally:
            for planted in ("btrim(text)", "lower(text)", "clock_timestamp()"):
                migrator.execute(f"drop function public.{planted}".encode())


def test_a_session_that_lifts_its_bound_is_named(migrated_server: ScratchServer) -> None:
    platform = migrated_server.platform
    with psycopg.connect(platform.postgres_url("analyst"), autocommit=True) as analyst:
        analyst.execute("set statement_timeout = 0")
        assert sessions(platform).status == "ok"
    held = Session(7, "analyst", "10.0.0.9", True, 400.0, 400.0)
    found = judge_sessions([held, held._replace(account="migrator"), held._replace(statement_seconds=100.0)])
    assert found.status == "warning"
    assert "analyst from 10.0.0.9, server process 7, runs a statement for 400 s, 300 s are allowed" in found.message
    assert found.value == 1


@pytest.mark.parametrize(
    ("altered", "told"),
    [
        ("set work_mem = '8GB'", "analyst: work_mem is set, but not declared"),
        ("set statement_timeout = 0", "analyst: statement_timeout is 0, not 300000"),
    ],
)
def test_what_a_role_sets_for_itself_is_told(migrated_server: ScratchServer, altered: str, told: str) -> None:
    platform = migrated_server.platform
    with psycopg.connect(platform.postgres_url("analyst"), autocommit=True) as analyst:
        analyst.execute(f"alter role analyst {altered}".encode())
        try:
            found = rights(platform)
        finally:
            analyst.execute("alter role analyst reset work_mem")
            analyst.execute("alter role analyst set statement_timeout = '300000'")
    assert told in found.message


def test_backup_reads_what_is_made_later_in_any_schema(migrated_server: ScratchServer) -> None:
    url = migrated_server.platform.postgres_url
    with psycopg.connect(url("migrator"), autocommit=True) as migrator, migrated_server.admin() as admin:
        migrator.execute("create schema later; create table later.mine (id serial); insert into later.mine default values")
        admin.execute("set role postgres")
        admin.execute("create table later.theirs (id int); insert into later.theirs values (1); create schema theirs")
        admin.execute("create materialized view theirs.sums as select count(*) from later.mine")
        try:
            with psycopg.connect(url("backup")) as backup:
                for name in ("later.mine", "later.theirs", "theirs.sums", "later.mine_id_seq"):
                    assert backup.execute(f"select * from {name}".encode()).fetchall()
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    backup.execute("insert into later.mine default values")
        finally:
            admin.execute("drop schema later, theirs cascade")


def test_backup_reads_chunks_that_are_made_later(migrated_server: ScratchServer) -> None:
    url = migrated_server.platform.postgres_url
    with psycopg.connect(url("ingest"), autocommit=True) as ingest, psycopg.connect(url("backup"), autocommit=True) as backup:
        ingest.execute(
            "insert into market_data (symbol, timestamp, open, high, low, close, volume) values ('LATER', '1999-05-05', 1, 1, 1, 1, 1)"
        )
        chunks = wait_for(lambda: backup.execute("select show_chunks('market_data')::text").fetchall(), "a chunk")
        rows = [backup.execute(f"select count(*) from {chunk}".encode()).fetchone() for (chunk,) in chunks]
    assert (1,) in rows
    with migrated_server.admin() as admin:
        admin.execute("delete from market_data where symbol = 'LATER'")
