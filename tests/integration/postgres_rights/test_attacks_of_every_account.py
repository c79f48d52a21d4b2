"""What no account may do to the server is tried as each of them, and only those that the blueprint names get through."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import psycopg
import pytest

from christmas.blueprint.accounts import ACCOUNTS
from christmas.blueprint.postgres_bounds import ADVISORY_LOCKS, CLOSED_STABLE_FUNCTIONS
from migrations.locking import _KEY
from tests.support.postgres_server import ScratchServer

POSTGRES = [account.name for account in ACCOUNTS if account.postgres]
REFUSED = psycopg.errors.InsufficientPrivilege

# What is tried, and who may.
ATTACKS: dict[str, tuple[str, set[str]]] = {
    "a large object": ("select lo_create(0)", set()),
    "a large object by the older name": ("select lo_creat(-1)", set()),
    "a large object with content": ("select lo_from_bytea(0, 'x')", set()),
    "writing into a large object": ("select lo_put(1, 0, 'x')", set()),
    "opening a large object": ("select lo_open(1, 131072)", set()),
    "removing a large object": ("select lo_unlink(1)", set()),
    "a message in the log": ("select pg_logical_emit_message(false, 'x', repeat('x', 1000))", set()),
    "a message of bytes in the log": ("select pg_logical_emit_message(true, 'x', '\\x00'::bytea)", set()),
    "the number of a transaction": ("select pg_current_xact_id()", {"backup"}),
    "the number of a transaction by the older name": ("select txid_current()", set()),
    "a snapshot that is kept": ("begin; select pg_export_snapshot(); commit", {"backup"}),
    "ending a session": ("select pg_terminate_backend(0)", {"migrator"}),
    "cancelling a statement": ("select pg_cancel_backend(0)", {"migrator"}),
    "the verifiers of passwords": ("select rolpassword from pg_authid", set()),
    "the verifiers by the view": ("select passwd from pg_shadow", set()),
    "the user mappings": ("select * from pg_user_mapping", set()),
    "more temporary files": ("set temp_file_limit = -1", set()),
    "more temporary files for good": ("alter role current_user set temp_file_limit = -1", set()),
    "no temporary file limit": ("alter role current_user reset temp_file_limit", set()),
    "more connections": ("alter role current_user connection limit -1", set()),
    "values in the log": ("set log_statement = 'all'", set()),
    "no audit": ("set pgaudit.log = 'none'", set()),
    "a role": ("create role mine", set()),
    "becoming another": ("set role christmas_watch", set()),
    "a replication slot": ("select pg_create_physical_replication_slot('mine')", set()),
    "a logical slot": ("select pg_create_logical_replication_slot('mine', 'test_decoding')", set()),
    "a program": ("copy (select 1) to program 'true'", set()),
    "a file read": ("select pg_read_file('/etc/passwd')", set()),
    "a file written": ("copy (select 1) to '/tmp/mine'", set()),
    "a folder": ("select pg_ls_dir('.')", set()),
    "a setting of the server": ("alter system set work_mem = '1GB'", set()),
    "a reload": ("select pg_reload_conf()", set()),
    "a table": ("begin; create table public.mine (id int); rollback", {"migrator"}),
    "a function": ("begin; create function public.mine() returns int language sql as 'select 1'; rollback", {"migrator"}),
    "a schema": ("begin; create schema mine; rollback", {"migrator"}),
    # Whoever may make tables may take in an extension that PostgreSQL calls trusted; what that opens is found like the rest.
    "an extension": ("begin; create extension lo; rollback", {"migrator"}),
    "an extension that is not trusted": ("create extension dblink", set()),
    "statistics forgotten": ("select pg_stat_reset()", set()),
    "statements forgotten": ("select pg_stat_statements_reset()", set()),
    "a job in the background": ("select add_job('pg_catalog.pg_sleep', '1h')", set()),
    "the workers in the background": ("select _timescaledb_functions.stop_background_workers()", set()),
    "others' sessions": ("select * from watch.sessions()", {"monitor"}),
    "settings made by hand": ("select * from watch.settings_by_hand()", {"monitor"}),
    "others' statements": ("select * from watch.statement_figures('{}')", {"monitor"}),
    **{
        f"{name}{'' if keys == 1 else ' with two keys'}": (
            f"begin; select {name}({_KEY if keys == 1 else '1, 2'}); rollback; select pg_advisory_unlock_all()",
            {"migrator"},
        )
        for name in ADVISORY_LOCKS
        for keys in (1, 2)
    },
}
# PostgreSQL and TimescaleDB say no in another way where the schema's owner may call and the thing itself does not exist.
_OTHERWISE = {("migrator", "a job in the background")}


@contextlib.contextmanager
def session(server: ScratchServer, account: str) -> Iterator[psycopg.Connection]:
    """A session of an account in autocommit."""
    with psycopg.connect(server.platform.postgres_url(account), autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize("account", POSTGRES)
def test_each_account_is_refused_what_is_not_its_own(migrated_server: ScratchServer, account: str) -> None:
    let_in, kept_out = set(), set()
    with session(migrated_server, account) as connection:
        for name, (statements, allowed) in ATTACKS.items():
            try:
                connection.execute(statements.encode())
            except REFUSED:
                if account in allowed:
                    kept_out.add(name)
            except psycopg.Error as error:
                if (account, name) not in _OTHERWISE:
                    let_in.add(f"{name}: {error}")
            else:
                if account not in allowed:
                    let_in.add(name)
            connection.execute("rollback")
    assert (let_in, kept_out) == (set(), set())


def test_what_is_closed_is_declared_by_name() -> None:
    declared = {name for account in ACCOUNTS if account.postgres for name in account.postgres.functions}
    assert {"pg_export_snapshot", *ADVISORY_LOCKS} <= declared
    assert set(CLOSED_STABLE_FUNCTIONS) == {"pg_current_xact_id", "txid_current"}


def test_temporary_files_end_at_the_roles_bound_and_the_session_goes_on(migrated_server: ScratchServer) -> None:
    with session(migrated_server, "monitor") as connection:
        connection.execute("set statement_timeout = 0")
        connection.execute("set work_mem = '64kB'")
        with pytest.raises(psycopg.errors.ConfigurationLimitExceeded, match="temp_file_limit"):
            connection.execute("select count(*) from (select g from generate_series(1, 6000000) as g order by g desc) as sorted")
        assert connection.execute("select 1").fetchone() == (1,)


@pytest.mark.parametrize("account", ["api", "analyst"])
def test_a_session_that_lifts_its_own_memory_is_refused_alone(migrated_server: ScratchServer, account: str) -> None:
    with session(migrated_server, "ingest") as other, session(migrated_server, account) as connection:
        before = other.execute("select pg_postmaster_start_time()").fetchone()
        connection.execute("set statement_timeout = 0")
        for setting in ("work_mem = '8GB'", "maintenance_work_mem = '8GB'", "temp_buffers = '8GB'", "hash_mem_multiplier = 1000"):
            connection.execute(f"set {setting}".encode())
        with pytest.raises(psycopg.errors.OutOfMemory):
            connection.execute("select length(repeat('x', 900000000))")
        with pytest.raises(psycopg.errors.OutOfMemory):
            connection.execute(
                "select count(*) from (select repeat(md5(g::text), 64) as t from generate_series(1, 400000) as g order by t) as sorted"
            )
        assert other.execute("select pg_postmaster_start_time()").fetchone() == before
        assert connection.execute("select 1").fetchone() == (1,)
