"""Reads of tables with sensitive columns are logged, whoever reads and by whatever way. docs/threat-model.md says what can't be seen."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import psycopg
import pytest

from christmas.blueprint.accounts import ACCOUNTS
from christmas.blueprint.audited import AUDIT_ROLE, AUDITED_TABLES
from christmas.blueprint.relational import DATABASE
from infra.provider import psql
from monitor.rights import rights
from tests.support.postgres_rights import give_rights
from tests.support.postgres_server import ScratchServer
from tests.support.waiting import wait_for

VALUE = "leaked-value-4713"
HASH = f"$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQxMjM0${VALUE.replace('-', '0')}"

# Ways to read `users`, as an account that may. The last statement but `rollback` does it; all are undone.
WAYS = {
    "a select": "select email from users",
    "every column": "table users",
    "a row as one value": "select u from users as u",
    "a row as text": "select u::text from users as u",
    "a row as json": "select to_jsonb(u) - 'id' from users as u",
    "rows as one value": "select array_agg(u) from users as u",
    "a count of rows as values": "select count(u) from users as u",
    "only its name": "select users from only users",
    "a sample": "select email from users tablesample system (100)",
    "a condition": f"select 1 from users where password_hash like '{VALUE}%'",
    "an order": "select 1 from users order by email limit 1",
    "a subquery": "select (select max(email) from users)",
    "a part of a query": "with u as materialized (select * from users) select count(*) from u",
    "a join": "select p.* from user_profiles as p inner join users as u on u.id = p.user_id",
    "a lock": "select email from users for update",
    "an error in the middle": "select email, 1 / (id - id) from users",
    "a plan that is carried out": "explain (analyze) select email from users",
    "a copy": "copy users to stdout",
    "a copy of a query": "copy (select password_hash from users) to stdout",
    "a change that returns": "update users set is_active = is_active returning email",
    "a removal that returns": "delete from users where false returning password_hash",
    "a row that returns": f"insert into users (username, email, password_hash) values ('x', '{VALUE}@x.org', '{HASH}') returning email",
    "a row made of others": f"insert into users (username, email, password_hash) select '{VALUE}', 'x' || email, '' from users where false",
    "a merge": "merge into users as u using (select 1 as id) as s on u.id = s.id when matched then update set email = u.email",
    "a cursor that is broken off": "declare c cursor for select email from users; fetch 1 from c",
    "a cursor that stays": "declare c cursor with hold for select email from users; fetch 1 from c",
    "a cursor as xml": "declare c cursor for select email from users; select cursor_to_xml('c', 10, true, true, '')",
    "a prepared statement": "prepare p as select email from users where id = $1; execute p (1)",
    "a block": "do $$ begin perform email from users; end $$",
    "a block with text": "do $$ begin execute 'select email from users'; end $$",
    "a query as xml": "select query_to_xml('select email from users', true, true, '')",
    "words of a query": "select * from ts_stat('select to_tsvector(email) from users')",
    "a part that another process reads": (
        "set local debug_parallel_query = on; set local parallel_setup_cost = 0; set local parallel_tuple_cost = 0;"
        " set local min_parallel_table_scan_size = 0; select max(email) from users"
    ),
}
READERS = [account.name for account in ACCOUNTS if account.postgres and account.name in ("api", "migrator", "backup")]


@pytest.fixture(scope="module")
def server(migrated_server: ScratchServer) -> Iterator[ScratchServer]:
    with migrated_server.admin() as admin:
        admin.execute("insert into users (username, email, password_hash) values (%s, %s, %s)", (VALUE, f"{VALUE}@example.org", HASH))
        yield migrated_server
        admin.execute("delete from users where username = %s", (VALUE,))


def logged(server: ScratchServer, pid: int) -> list[str]:
    """What pgaudit logged of a session's reads."""
    # A line of a later session comes after all of an earlier one's.
    with server.admin() as admin:
        mark = f"[{admin.info.backend_pid}]"
        admin.execute("select from users")

    def lines() -> list[str]:
        text: bytes = server.container.logs(tail=2000)
        told = text.decode(errors="replace").splitlines()
        return told if any(mark in line and "AUDIT: OBJECT" in line for line in told) else []

    every = wait_for(lines, "what comes after is in the log")
    assert not any(VALUE in line for line in every)
    return [line.partition("AUDIT: ")[2] for line in every if f"[{pid}]" in line and "AUDIT: OBJECT" in line]


def read(server: ScratchServer, account: str, statements: str) -> list[str]:
    """Do it as an account, undo it, and return what was logged of it."""
    with psycopg.connect(server.platform.postgres_url(account), autocommit=True) as connection:
        pid = connection.info.backend_pid
        connection.execute("begin")
        with contextlib.suppress(psycopg.errors.DivisionByZero), connection.cursor() as cursor:
            if statements.startswith("copy"):
                with cursor.copy(statements.encode()) as copy:
                    assert list(copy)
            else:
                cursor.execute(statements.encode())
        connection.execute("rollback")
    return logged(server, pid)


FEW = ("a row as one value", "a copy", "a cursor that is broken off", "a part that another process reads")


@pytest.mark.parametrize("way", [way if way in FEW else pytest.param(way, marks=pytest.mark.exhaustive) for way in WAYS])
def test_no_way_of_reading_is_unseen(server: ScratchServer, way: str) -> None:
    found = read(server, "api", WAYS[way])
    assert any(",TABLE,public.users,<not logged>,<not logged>" in line for line in found), found


@pytest.mark.parametrize("account", READERS)
def test_every_account_that_may_read_is_seen(server: ScratchServer, account: str) -> None:
    for table in AUDITED_TABLES:
        assert [line for line in read(server, account, f"table {table}") if f",READ,SELECT,TABLE,public.{table}," in line]


def test_the_platforms_own_look_at_the_numbers_of_keys_is_no_read(server: ScratchServer) -> None:
    def reads() -> list[str]:
        logged(server, 0)  # waits until the log has all that came before
        lines = server.container.logs().decode(errors="replace").splitlines()
        return [line for line in lines if "AUDIT: OBJECT" in line and "public.user_profiles" in line]

    before = reads()
    columns = {"first_name": "sealed", "phone_index": "index"}
    variables = {"table": "user_profiles", "columns": columns}
    assert psql.query(server.container, psql.named("field_keys_used"), database=DATABASE, variables=variables) == []
    assert reads() == before
    psql.run(server.container, "select count(*) from public.user_profiles;", database=DATABASE)
    assert len(reads()) > len(before)


def test_a_view_hides_nothing_from_the_audit(server: ScratchServer) -> None:
    with psycopg.connect(server.platform.postgres_url("migrator"), autocommit=True) as migrator:
        migrator.execute("create view letters as select email from users; grant select on letters to analyst")
        try:
            assert any(",TABLE,public.users," in line for line in read(server, "analyst", "select * from letters"))
        finally:
            migrator.execute("drop view letters")


def test_the_second_login_of_an_account_is_seen_as_well(server: ScratchServer) -> None:
    with server.admin() as admin:
        admin.execute("create role api_second login in role api; alter role api_second set role = 'api'")
        try:
            admin.execute("set session authorization api_second")
            admin.execute("set role api")
            admin.execute("select u from users as u")
            admin.execute("reset role; reset session authorization")
            assert logged(server, admin.info.backend_pid)
        finally:
            admin.execute("drop role api_second")


def test_what_reads_no_sensitive_table_and_the_check_of_a_key_are_no_reads(server: ScratchServer) -> None:
    ordered = (
        "insert into orders (user_id, symbol, order_type, side, quantity, status)"
        " select max(order_id), 'IBM', 'market', 'buy', 1, 'pending' from trades having max(order_id) is not null"
    )
    assert read(server, "api", f"select * from orders; {ordered}") == []
    with server.admin() as admin:
        row = admin.execute("select id from users").fetchone()
    assert row is not None
    bought = (
        f"insert into orders (user_id, symbol, order_type, side, quantity, status) values ({row[0]}, 'IBM', 'market', 'buy', 1, 'pending')"
    )
    assert read(server, "api", bought) == []


def test_who_copies_into_hypertables_is_not_seen_and_crashes_nothing(server: ScratchServer) -> None:
    """What docs/threat-model.md says can't be seen: `app`, for which a look would end the server (docs/adr/0507)."""
    with server.admin() as admin:
        before = admin.execute("select pg_postmaster_start_time()").fetchone()
    assert read(server, "app", "table users") == []
    for account in ("app", "ingest"):
        with psycopg.connect(server.platform.postgres_url(account)) as connection:
            with connection.cursor() as cursor, cursor.copy("copy market_data (symbol, timestamp) from stdin") as copy:
                copy.write_row(("IBM", "2024-01-02Z"))
            connection.rollback()
    with server.admin() as admin:
        assert admin.execute("select pg_postmaster_start_time()").fetchone() == before


def test_a_function_that_runs_as_its_owner_is_nobodys_without_a_grant(server: ScratchServer) -> None:
    """What such a function reads is not seen, so that nobody may run one is what holds."""
    function = "create function all_letters() returns bigint language sql stable security definer as 'select count(*) from users'"
    with psycopg.connect(server.platform.postgres_url("migrator"), autocommit=True) as migrator:
        migrator.execute(function.encode())
        try:
            assert read(server, "analyst", "select all_letters()") == []
            assert "everybody may run public.all_letters" in rights(server.platform).message
            variables: dict[str, list[str]] = {"open_functions": [], "closed_functions": []}
            real = psql.query(server.container, psql.named("database_read"), database="christmas_db", variables=variables)
            assert "all_letters" in real["open_functions"]
            give_rights(server.container)
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                read(server, "analyst", "select all_letters()")
            assert "all_letters" not in rights(server.platform).message
        finally:
            migrator.execute("drop function all_letters()")


BROKEN = {
    "the setting": ("alter system set pgaudit.role = ''", "alter system reset pgaudit.role", "pgaudit.role is ''"),
    "the right": (
        f"revoke select on users from {AUDIT_ROLE}",
        f"grant select on users to {AUDIT_ROLE}",
        "select on users is missing",
    ),
    "for an account": ("alter role api set pgaudit.role = ''", "alter role api reset pgaudit.role", "api: pgaudit.role is set"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_an_audit_that_is_turned_off_is_told(server: ScratchServer, what: str) -> None:
    broken, mended, told = BROKEN[what]
    with server.admin() as admin:
        admin.execute(broken.encode())
        admin.execute("select pg_reload_conf()")
        try:
            wait_for(lambda: told in rights(server.platform).message, told)
        finally:
            admin.execute(mended.encode())
            admin.execute("select pg_reload_conf()")
        wait_for(lambda: told not in rights(server.platform).message, "mended")


@pytest.mark.parametrize("account", [each.name for each in ACCOUNTS if each.postgres])
def test_no_account_turns_it_off_for_itself(server: ScratchServer, account: str) -> None:
    with psycopg.connect(server.platform.postgres_url(account), autocommit=True) as connection:
        for words in (
            "set pgaudit.role = ''",
            "set pgaudit.log_rows = on",
            "set pgaudit.log = 'none'",
            "alter role current_user set pgaudit.role = ''",
            f"set role {AUDIT_ROLE}",
            f"drop role {AUDIT_ROLE}",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(words.encode())
