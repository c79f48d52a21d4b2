"""Roles, database and grants on a real server: whatever is altered by hand is found, told in plain words, and put right."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from christmas.blueprint.model import Account, PostgresRole, Privilege, TableGrant
from core.errors import PlatformError
from infra.provider.grants import apply_grants
from tests.integration.provider.kept import Kept
from tests.integration.provider.postgres_resources import DATABASE, PASSWORD, TABLES, Resources, clean
from tests.support.cases import in_make_test
from tests.support.postgres_server import ScratchServer


@pytest.fixture(scope="module")
def resources(postgres: ScratchServer) -> Iterator[Resources]:
    """Up, and then migrated: the tables come after the grants, as they do in the platform."""
    clean(postgres)
    made = Resources(postgres)
    made.up()
    assert made.refresh() == {}
    with postgres.admin(DATABASE) as admin:
        admin.execute(TABLES)
    found = made.refresh()
    assert set(found) == {"api grants", "analyst grants"}
    made.up()
    assert made.refresh() == {}
    yield made
    clean(postgres)


BY_HAND: dict[str, tuple[str, dict[str, list[str]]]] = {
    "superuser": ("alter role k_api superuser createdb", {"api": ["is a superuser", "may create databases"]}),
    "hidden rows seen": ("alter role k_api bypassrls", {"api": ["bypasses row security"]}),
    "hidden rows hidden": ("alter role k_analyst nobypassrls", {"analyst": ["does not bypass row security"]}),
    "password": ("alter role k_api password 'by hand'", {"api": ["has another password"]}),
    "no password": ("alter role k_api password null", {"api": ["has another password"]}),
    "locked out": ("alter role k_api nologin", {"api": ["may not log in"]}),
    "connection limit": ("alter role k_api connection limit -1", {"api": ["connection limit is -1, not 7"]}),
    "timeout": ("alter role k_api set statement_timeout = 0", {"api": ["statement_timeout is 0, not 30000"]}),
    "audit off": ("alter role k_api reset pgaudit.log", {"api": ["pgaudit.log is not set, not ddl"]}),
    "setting": ("alter role k_api set work_mem = '1GB'", {"api": ["work_mem is set, but not declared"]}),
    "setting in a database": (
        f"alter role k_api in database {DATABASE} set work_mem = '1GB'",
        {"api": [f"work_mem is set in database {DATABASE}"]},
    ),
    "expiry": ("alter role k_api valid until '2030-01-01'", {"api": ["its password expires"]}),
    "membership added": ("grant pg_read_all_data to k_api", {"api": ["is a member of pg_read_all_data, which is not declared"]}),
    "membership lost": ("revoke pg_monitor from k_analyst", {"analyst": ["is not a member of pg_monitor"]}),
    "membership passed on": (
        "grant pg_monitor to k_analyst with admin option",
        {"analyst": ["its membership in pg_monitor has other options"]},
    ),
    "grant lost": ("revoke insert on orders from k_api", {"api grants": ["insert on orders is missing"]}),
    "grant added": ("grant delete on orders to k_api", {"api grants": ["delete on orders is granted, but not declared"]}),
    "grant on another table": (
        "grant select on other to k_api with grant option",
        {"api grants": ["select* on other is granted, but not declared"]},
    ),
    "grant passed on": (
        "grant select on orders to k_api with grant option; set role k_api; grant select on orders to k_analyst",
        {
            "api grants": ["select on orders is missing", "select* on orders is granted, but not declared"],
            "analyst grants": ["select on orders is granted, but not declared"],
        },
    ),
    "secret column": (
        "grant select (secret) on people to k_analyst",
        {"analyst grants": ["select (secret) on people is granted, but not declared"]},
    ),
    "whole row": ("grant select on people to k_analyst", {"analyst grants": ["select on people is granted, but not declared"]}),
    "sequence": (
        "revoke usage on sequence orders_id_seq from k_api",
        {"api grants": ["usage on sequence orders_id_seq is missing"]},
    ),
    "sequence of an identity": (
        "grant update on sequence people_id_seq to k_api",
        {"api grants": ["update on sequence people_id_seq is granted, but not declared"]},
    ),
    "connect": (f"revoke connect on database {DATABASE} from k_api", {"api grants": [f"connect on database {DATABASE} is missing"]}),
    "schema": (
        "grant create on schema public to k_api",
        {"api grants": ["create on schema public is granted, but not declared"]},
    ),
    "tables to come": (
        "alter default privileges for role k_owner in schema public grant select on tables to k_api",
        {"api grants": ["tables that k_owner will make are granted, but not declared"]},
    ),
    "everybody": ("grant select on people to public", {"database": ["everybody has select on people"]}),
    "another database opened": (
        "grant connect on database postgres to public",
        {"database": ["everybody has connect on database postgres"]},
    ),
    "database setting": (f"alter database {DATABASE} set timezone = 'Asia/Seoul'", {"database": ["timezone is Asia/Seoul, not UTC"]}),
    "more database settings": (f"alter database {DATABASE} set jit = off", {"database": ["jit is set, but not declared"]}),
    "owner": ("alter schema public owner to postgres", {"database": ["schema public belongs to postgres, not k_owner"]}),
    "extension": ("drop extension pg_stat_statements", {"database": ["extension pg_stat_statements is missing"]}),
    "function opened": ("grant execute on function lo_create(oid) to public", {"database": ["everybody may run lo_create"]}),
    "stable function opened": (
        "grant execute on function txid_current() to public",
        {"database": ["everybody may run txid_current"]},
    ),
    "watching function opened": (
        "grant execute on function watch.sessions() to public",
        {"database": ["everybody may run sessions"]},
    ),
    "watching function altered": (
        "alter function watch.statement_figures(text[]) reset search_path",
        {"database": ["function watch.statement_figures(text[]) is missing or altered"]},
    ),
    "function granted": (
        "grant execute on function pg_try_advisory_lock(bigint) to k_api",
        {"api grants": ["execute on function pg_try_advisory_lock is granted, but not declared"]},
    ),
    "function lost": (
        "revoke execute on function pg_export_snapshot() from k_reader",
        {"reader grants": ["execute on function pg_export_snapshot is missing"]},
    ),
    "function of the schema lost": (
        "revoke execute on function counted() from k_api",
        {"api grants": ["execute on function public.counted is missing"]},
    ),
    "function of the schema granted": (
        "grant execute on function counted() to k_analyst",
        {"analyst grants": ["execute on function public.counted is granted, but not declared"]},
    ),
    "table unread": ("revoke select on people from k_reader", {"reader grants": ["select on people is missing"]}),
    "table unread in another schema": (
        "create schema apart; create table apart.things (id int); revoke select on apart.things from k_reader",
        {"reader grants": ["select on apart.things is missing"]},
    ),
    "table in another schema": (
        (
            "create schema besides; create table besides.things (id int); grant select on besides.things to k_reader;"
            " grant update on besides.things to k_api"
        ),
        {"api grants": ["something on besides.things is granted, but not declared"]},
    ),
    "tables to come unread": (
        "alter default privileges for role k_owner revoke select on tables from k_reader",
        {"reader grants": ["tables that k_owner will make are not granted"]},
    ),
    "temporary files": ("alter role k_api set temp_file_limit = -1", {"api": ["temp_file_limit is -1, not 64MB"]}),
    "hypertable": ("revoke select on candles from k_analyst", {"analyst grants": ["select on candles is missing"]}),
}


# These undo each other or hide another's finding, so each gets a round of its own; all others are tried in one.
ALONE = {"no password", "grant passed on", "membership passed on", "hypertable"}
ROUNDS = [set(BY_HAND) - ALONE, *({name} for name in sorted(ALONE))]


@pytest.mark.parametrize("names", in_make_test(ROUNDS, 0), ids=["everything at once", *sorted(ALONE)])
def test_what_is_altered_by_hand_is_found_and_put_right(resources: Resources, names: set[str]) -> None:
    expected: dict[str, list[str]] = {}
    for name in sorted(names):
        statements, findings = BY_HAND[name]
        with resources.server.admin(DATABASE) as admin:
            admin.execute(statements.encode())
        for resource, lines in findings.items():
            expected.setdefault(resource, []).extend(lines)
    found = resources.refresh()
    assert {name: sorted(lines or []) for name, lines in found.items()} == {name: sorted(lines) for name, lines in expected.items()}
    resources.up()
    assert resources.refresh() == {}


def test_accounts_can_do_what_is_declared_and_no_more(resources: Resources) -> None:
    with resources.login("k_api") as api:
        api.execute("insert into orders (note) values ('through a serial column')")
        number = api.execute("select nextval('orders_id_seq')").fetchone()
        assert api.execute("select currval('orders_id_seq')").fetchone() == api.execute("select lastval()").fetchone() == number
        for refused in (
            "delete from orders",
            "select * from people",
            "create table mine (id int)",
            "create temp table mine (id int)",
            "select setval('orders_id_seq', 1)",
            "select nextval('people_id_seq')",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                api.execute(refused.encode())
        assert api.execute("show statement_timeout").fetchone() == ("30s",)
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            psycopg.connect(api.info.dsn, password=PASSWORD, dbname="postgres")
    with resources.login("k_analyst") as analyst:
        analyst.execute("select id, name from people")
        assert analyst.execute("select price from candles").fetchone() is not None
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            analyst.execute("select secret from people")


@pytest.mark.exhaustive
def test_a_migration_gives_the_same_grants_as_the_resources(resources: Resources) -> None:
    select = TableGrant("candles", frozenset({Privilege.SELECT}))
    people = TableGrant("people", frozenset({Privilege.SELECT}), ("id", "name"))
    orders = TableGrant("orders", frozenset({Privilege.SELECT, Privilege.INSERT, Privilege.UPDATE}))
    accounts = [
        Account(name="k_owner", purpose="owner", postgres=PostgresRole(owns_schema=True)),
        Account(name="k_api", purpose="api", postgres=PostgresRole(grants=(orders,))),
        Account(name="k_analyst", purpose="analyst", postgres=PostgresRole(grants=(people, select))),
        Account(name="k_later", purpose="its role comes later", postgres=PostgresRole(grants=(orders,))),
    ]
    with resources.server.admin(DATABASE) as admin:
        admin.execute(
            b"set role k_owner; revoke all on all tables in schema public from k_api, k_analyst; grant delete on orders to k_analyst"
        )
    assert set(resources.refresh()) == {"api grants", "analyst grants"}
    with resources.login("k_owner") as owner, owner.transaction():
        assert apply_grants(owner, accounts)
    assert resources.refresh() == {}


@pytest.mark.exhaustive
def test_a_role_dropped_by_hand_is_gone_and_comes_back(resources: Resources) -> None:
    with resources.server.admin(DATABASE) as admin:
        admin.execute(b"drop owned by k_analyst; drop role k_analyst")
    assert resources.refresh() == {"analyst": None, "analyst grants": None}
    resources.up()
    assert resources.refresh() == {}


@pytest.mark.exhaustive
def test_a_new_password_works_at_once_and_the_old_no_more(resources: Resources) -> None:
    resources.all["api"].inputs["password"] = "another-Password-0123456789"
    try:
        assert resources.all["api"].pending() == {"password"}
        resources.up()
        resources.login("k_api", "another-Password-0123456789").close()
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            resources.login("k_api")
        assert resources.refresh() == {}
    finally:
        resources.all["api"].inputs["password"] = PASSWORD
        resources.up()


def test_what_a_role_changes_on_itself_is_seen_and_undone_by_the_next_up_without_a_refresh(resources: Resources) -> None:
    with resources.login("k_api") as api:
        api.execute("alter role k_api password 'my-own-Password-0123456789'")
        api.execute("alter role k_api set statement_timeout = 0")
        api.execute("alter role k_api set work_mem = '8GB'")
    with resources.server.admin(DATABASE) as admin:
        admin.execute("grant delete on orders to k_api")
        admin.execute("grant execute on function lo_create(oid) to public")
    assert [resources.all[name].pending() for name in ("api", "api grants", "database", "owner")] == [
        {"drift"},
        {"drift"},
        {"drift"},
        set(),
    ]
    resources.up()
    assert [each.pending() for each in resources.all.values()] == [set()] * len(resources.all)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        resources.login("k_api", "my-own-Password-0123456789")
    with resources.login("k_api") as api:
        assert api.execute("show statement_timeout").fetchone() == ("30s",)
        assert api.execute("show work_mem").fetchone() != ("8GB",)


def test_a_verifier_that_fits_is_left_alone(resources: Resources) -> None:
    def stored() -> Any:
        with resources.server.admin() as admin:
            return admin.execute("select rolpassword from pg_authid where rolname = 'k_api'").fetchone()

    before = stored()
    resources.all["api"].inputs["connection_limit"] = 8
    resources.up()
    resources.all["api"].inputs["connection_limit"] = 7
    resources.up()
    assert stored() == before


def test_neither_password_nor_verifier_reach_the_servers_log(resources: Resources) -> None:
    with resources.server.admin() as admin:
        admin.execute(b"alter system set log_statement = 'all'; ")
        admin.execute(b"select pg_reload_conf()")
    try:
        resources.all["api"].inputs["password"] = "logged-Password-0123456789"
        resources.up()
        log = resources.server.container.logs().decode()
    finally:
        with resources.server.admin() as admin:
            admin.execute(b"alter system reset log_statement")
            admin.execute(b"select pg_reload_conf()")
        resources.all["api"].inputs["password"] = PASSWORD
        resources.up()
    assert "logged-Password" not in log
    assert "SCRAM-SHA-256$" not in log


def test_grants_without_their_role_say_so(resources: Resources) -> None:
    lost = Kept("PostgresGrants", {**resources.all["api grants"].inputs, "role": "nobody_there"})
    with pytest.raises(PlatformError, match="role nobody_there does not exist"):
        lost.up()


@pytest.mark.exhaustive
def test_a_removed_role_is_dropped_and_an_owner_is_locked_out_until_it_is_taken_over(resources: Resources) -> None:
    open_session = resources.login("k_owner")
    for each in reversed(resources.all.values()):
        each.destroy()
    with resources.server.admin("postgres") as admin:
        left = admin.execute("select rolname, rolcanlogin, rolpassword from pg_authid where rolname like 'k\\_%'").fetchall()
    assert left == [("k_owner", False, None)]
    with pytest.raises(psycopg.OperationalError):
        open_session.execute("select 1")
    open_session.close()
    resources.up()
    assert resources.refresh() == {}
    with resources.login("k_owner") as owner:
        assert owner.execute("select count(*) from orders").fetchone() is not None


def test_a_container_that_does_not_run_leaves_the_state_and_is_named(resources: Resources) -> None:
    container = resources.server.container
    container.pause()
    try:
        assert resources.refresh() == {}
        assert any(f"container {container.name} does not run" in line for line in resources.all["api"].logged)
        resources.all["api"].inputs["connection_limit"] = 9
        with pytest.raises(PlatformError, match=f"container {container.name} is paused"):
            resources.up()
    finally:
        container.unpause()
        resources.all["api"].inputs["connection_limit"] = 7
    resources.up()
    for each in resources.all.values():
        each.inputs = {**each.inputs, "container": "christmas-tests-not-there"}
    try:
        with pytest.raises(PlatformError, match="there is no container christmas-tests-not-there"):
            resources.up()
    finally:
        for each in resources.all.values():
            each.inputs = {**each.inputs, "container": str(container.name)}
    resources.up()
