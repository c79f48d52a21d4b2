"""What the server reads counts, not how it is spelled: a table that was dumped and restored has no drift, a changed rule has."""

from __future__ import annotations

import re
import subprocess

import pytest

from infra.connections import Platform
from migrations.edition import Edition
from migrations.schema import community, meaning, snapshot
from migrations.schema.drift import drift
from migrations.statements import load
from tests.support.cases import in_make_test
from tests.support.postgres_server import ScratchServer

DATABASE = "christmas_db"


def psql(server: ScratchServer, text: str) -> None:
    command = ["docker", "exec", "-i", str(server.container.name), "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-U", "postgres"]
    done = subprocess.run([*command, "-d", DATABASE], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def dumped(server: ScratchServer, table: str) -> str:
    command = ["docker", "exec", str(server.container.name), "pg_dump", "-U", "postgres", "-d", DATABASE, "--table", f"public.{table}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def restore(server: ScratchServer, table: str) -> None:
    """Fetch one table back as docs/guide tells: dump it, drop it, load the dump. What refers to it is put back as well."""
    text = dumped(server, table)
    with server.admin() as connection:
        foreign = connection.execute(
            "select conrelid::regclass::text, conname, pg_get_constraintdef(oid) from pg_constraint"
            " where contype = 'f' and confrelid = %s::regclass",
            (table,),
        ).fetchall()
        connection.execute(f"drop table {table} cascade".encode())
    psql(server, text)
    psql(server, "".join(f"alter table public.{owner} add constraint {name} {rule};\n" for owner, name, rule in foreign))


RARER = [pytest.param(each, marks=pytest.mark.exhaustive) for each in ("trades", "users", "backtest_runs")]


@pytest.mark.exhaustive
@pytest.mark.parametrize("table", ["orders", *RARER])
def test_a_table_that_was_dumped_and_restored_has_no_drift(migrated_platform: Platform, scratch_server: ScratchServer, table: str) -> None:
    with scratch_server.admin() as connection:
        before = snapshot.read_live(connection)
    restore(scratch_server, table)
    with scratch_server.admin() as connection:
        after = snapshot.read_live(connection)
    if table == "orders":
        assert before != after, "this server spells a restored table as before, so the test shows nothing"
    assert drift(migrated_platform) == []


CHECK = "alter table users add constraint ck check"
TABLE = """create table t (
    a varchar(5) default 'x' || 'y', b integer default 1 + 2, c text generated always as (a::text || coalesce(upper(a), 'z')) stored
);"""
VIEW = "create view v as select id, case when username in ('a', 'b') then 1 else 2 end as k from users where email not in ('c');"
TRIGGER = "create trigger tr before update on users for each row when (old.username in ('a', 'b')) execute function set_updated_at();"
FUNCTION = """CREATE OR REPLACE FUNCTION public.f(value varchar) returns boolean language sql immutable begin atomic;
select value in ('a', 'b') and value <> 'c'; end;"""
SAME = [
    ("constraint", "users.ck", f"{CHECK} (username in ('a', 'b'));"),
    ("constraint", "users.ck", f"{CHECK} (username = any (array['a', 'b']::varchar[]) and not is_active);"),
    ("constraint", "users.ck", f"{CHECK} (id between 1 and 5 or email like 'a%' or id is distinct from 7);"),
    ("index", "users.ix", "CREATE INDEX ix ON public.users using btree (lower(email)) where username <> all (array['a', 'b']);"),
    ("index", "users.ix", "CREATE INDEX ix ON public.users using btree (id desc nulls last) include (email) where id::text || 'a' > 'y';"),
    ("table", "t", TABLE),
    ("view", "v", VIEW),
    ("trigger", "users.tr", TRIGGER),
    ("function", "f(value character varying)", FUNCTION),
]
OTHER = [
    ("'a'", "'q'"),
    ("like 'a%'", "like 'b%'"),
    ("integer default 1 + 2", "integer default 1 + 3"),
    ("'x' ||", "'w' ||"),
    ("desc nulls last", "desc nulls first"),
    ("between 1", "between 2"),
]
"""What makes something else of those above, wherever it occurs."""


@pytest.mark.parametrize(("kind", "name", "text"), in_make_test(SAME, 0, 3), ids=[f"{kind}-{at}" for at, (kind, _, _) in enumerate(SAME)])
def test_what_the_server_wrote_means_what_it_read(migrated_server: ScratchServer, kind: str, name: str, text: str) -> None:
    with migrated_server.admin() as connection:
        once = meaning._reread(connection, kind, name, text)
        assert once is not None
        assert meaning.same(connection, kind, name, text, once)
        changes = [text.replace(old, new, 1) for old, new in OTHER if old in text]
        assert changes
        assert [change for change in changes if meaning.same(connection, kind, name, change, once)] == []
        left = connection.execute("select count(*) from pg_namespace where nspname = 'christmas_reading'").fetchone()
        assert left == (0,)


@pytest.mark.exhaustive
def test_a_rule_that_was_loosened_is_found_after_a_restore(migrated_platform: Platform, scratch_server: ScratchServer) -> None:
    restore(scratch_server, "orders")
    with scratch_server.admin() as connection:
        row = connection.execute("select pg_get_constraintdef(oid) from pg_constraint where conname = 'ck_orders_status'").fetchone()
        assert row is not None
        looser = row[0].replace("ARRAY[", "ARRAY['anything'::character varying, ", 1)
        connection.execute(f"alter table orders drop constraint ck_orders_status, add constraint ck_orders_status {looser}".encode())
    assert [(each.kind, each.name) for each in drift(migrated_platform)] == [("constraint", "orders.ck_orders_status")]


@pytest.mark.exhaustive
def test_the_derived_snapshot_of_the_community_edition_is_what_its_sql_makes(
    migrated_platform: Platform, scratch_server: ScratchServer
) -> None:
    """Its continuous aggregates are plain views here, which is all that an Apache server can make of them."""
    text = re.sub(r"(?s)\s+with \(timescaledb\.continuous\)|\s+with no data", "", load("0006_rollups.community.up"))
    text = text.replace("create materialized view", "create view")
    views = [part for part in text.split(";") if re.match(r"\s*(create view|comment on)", part)]
    assert len(views) == 27
    psql(scratch_server, "set role migrator;\n" + load("0006_rollups.apache.down") + ";".join([*views, ""]))
    assert drift(migrated_platform) == []
    other = next(view for view in views if "create view candles_1d" in view).replace("max(high)", "min(high)")
    psql(scratch_server, "set role migrator; " + other.replace("create view", "create or replace view"))
    assert [(each.kind, each.name) for each in drift(migrated_platform)] == [("view", "candles_1d")]


def test_the_community_snapshot_is_up_to_date() -> None:
    apache, kept = snapshot.reviewed(Edition.APACHE), snapshot.reviewed(Edition.COMMUNITY)
    assert apache is not None
    assert kept is not None
    derived = community.derive(apache)
    views = {key for key in derived if key[0] == "view"}
    assert set(kept) == set(derived), "python -m migrations.schema.community"
    # One that was read back from a server spells its views otherwise.
    assert {key: kept[key] for key in kept.keys() - views} == {key: derived[key] for key in derived.keys() - views}
