"""What the schema's owner plants (functions, operators, views, triggers), in every schema that it may write and with a search path that
finds it first, is run by no session of a superuser: every task that begins one is carried out, and nothing has run as a superuser.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import psycopg
import pytest

from backup.postgres import back_up, live_log, proofs
from backup.proving.proof import RestoredPlatform
from christmas.blueprint.accounts import ACCOUNTS
from christmas.blueprint.model import Account, Privilege
from christmas.blueprint.postgres_bounds import CLOSED_STABLE_FUNCTIONS, OPEN_FUNCTIONS
from christmas.blueprint.relational import DATABASE, EXTENSIONS
from christmas.sealed.ring import new_ring
from core.container_sessions import execute_short
from infra.provider import field_keys, psql
from infra.provider.superuser import database
from tests.integration.provider.kept import Kept
from tests.support.cases import in_make_test
from tests.support.postgres_rights import owner
from tests.support.postgres_server import ScratchServer

ROOT = Path(__file__).parents[3]
SPACES = ("public", "postgres")
"""Where an owner may plant: its schema, and one that is called as the superuser, which `"$user"` finds first."""
VIEWS = (
    "pg_class", "pg_namespace", "pg_proc", "pg_roles", "pg_authid", "pg_auth_members", "pg_database", "pg_settings",
    "pg_depend", "pg_shdepend", "pg_extension", "pg_available_extensions", "pg_db_role_setting", "pg_default_acl", "pg_index", "pg_am",
    "pg_type", "pg_stat_activity", "pg_stat_archiver", "pg_locks",
)  # fmt: skip
OPERATORS = (
    ("=", "text, text"), ("=", "name, name"), ("=", "oid, oid"), ("=", '"char", "char"'), ("<>", "text, text"), ("<>", "name, name"),
    ("!~", "name, text"), ("!~", "text, text"), ("~", "text, text"), ("~~", "name, text"), ("!~~", "name, text"), ("=", "bytea, bytea"),
)  # fmt: skip
HASH = "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQxMjM0$aGFzaGhhc2hoYXNoaGFzaA"
CALL = re.compile(r"\b([a-z_][a-z0-9_]*)\s*\(")


def called() -> set[str]:
    """Names of functions that the statements of superusers call."""
    texts = [path.read_text() for path in resources.files("infra.provider").joinpath("sql").iterdir()]
    texts += [path.read_text() for path in (ROOT / "backup" / "sql").iterdir()]
    return {name for text in texts for name in CALL.findall(text)}


@pytest.fixture(scope="module")
def planted(migrated_server: ScratchServer) -> Iterator[ScratchServer]:
    """The database with a trap under every name that is called in it, and a sequence that counts those which a superuser stepped into."""
    url = migrated_server.platform.postgres_url
    with psycopg.connect(url(owner()), autocommit=True) as migrator, psycopg.connect(url("ingest"), autocommit=True) as ingest:
        migrator.execute("create sequence public.stepped")
        migrator.execute("create schema postgres")
        migrator.execute("grant usage on schema postgres to public")
        traps = 0
        for space in SPACES:
            # A number that is drawn is not given back by a rollback.
            migrator.execute(
                f"create function {space}.trap() returns boolean language plpgsql set search_path to pg_catalog as $$ begin"
                " if (select r.rolsuper from pg_catalog.pg_roles as r where r.rolname = current_user) then"
                " perform nextval('public.stepped'); end if; return true; end $$".encode()
            )
            traps += _functions(migrator, space)
            traps += _operators(migrator, space)
            for view in VIEWS:
                migrator.execute(f"create view {space}.{view} as select t.* from pg_catalog.{view} as t where {space}.trap()".encode())
        migrator.execute(
            "create function public.on_row() returns trigger language plpgsql as $$ begin perform public.trap(); return new; end $$"
        )
        tables = migrator.execute("select tablename::text from pg_catalog.pg_tables where schemaname = 'public'").fetchall()
        for (table,) in tables:
            migrator.execute(
                f"create trigger trap before insert or update or delete on public.{table}"
                " for each statement execute function public.on_row()".encode()
            )
        # The table that keys are counted in becomes a view, and the function that counts them its caller's. Without a row, or with
        # another condition before it, the view's trap would not be stepped into.
        migrator.execute(f"insert into public.users (username, email, password_hash) values ('kim', 'kim@example.org', '{HASH}')".encode())
        migrator.execute("insert into public.user_profiles (user_id) select id from public.users")
        migrator.execute("alter table public.user_profiles rename to kept_profiles")
        migrator.execute(
            "create view public.user_profiles with (security_barrier) as select t.* from public.kept_profiles as t where public.trap()"
        )
        migrator.execute("drop function public.field_key_usage()")
        migrator.execute(
            "create function public.field_key_usage() returns table (field text, key_number integer, fingerprint text, row_count bigint)"
            " language plpgsql as $$ begin perform public.trap(); return; end $$"
        )
        # Accounts with temporary tables plant there, too.
        ingest.execute("create temporary view pg_class as select t.* from pg_catalog.pg_class as t where pg_catalog.random() > 2")
        migrator.execute("create temporary view pg_roles as select t.* from pg_catalog.pg_roles as t where public.trap()")
        lead(migrator)
        assert traps > 200
        yield migrated_server


def lead(migrator: psycopg.Connection) -> None:
    """Have every session that begins in the database look where things are planted, before it looks where PostgreSQL's own are."""
    migrator.execute(f"alter database {DATABASE} set search_path to '\"$user\"', public, pg_temp, pg_catalog".encode())


def _functions(migrator: psycopg.Connection, space: str) -> int:
    """A function of the same name and arguments for each that is called, whatever it returns."""
    rows = migrator.execute(
        "select p.proname::text, pg_catalog.pg_get_function_identity_arguments(p.oid),"
        " pg_catalog.format_type(p.prorettype, null), p.proretset from pg_catalog.pg_proc as p"
        " where p.proname = any(%s) and p.prokind = 'f' and p.pronamespace = 'pg_catalog'::regnamespace",
        (sorted(called() - {"trap"}),),
    ).fetchall()
    made = 0
    for name, arguments, returned, is_set in rows:
        body = f"begin perform {space}.trap(); return{'' if is_set else ' null'}; end"
        # Polymorphic and internal types can't be had in all places: those few are left out.
        with contextlib.suppress(psycopg.Error):
            migrator.execute(
                f'create function {space}."{name}"({arguments}) returns {"setof " if is_set else ""}{returned}'
                f" language plpgsql as $$ {body} $$".encode()
            )
            made += 1
    return made


def _operators(migrator: psycopg.Connection, space: str) -> int:
    for number, (name, types) in enumerate(OPERATORS):
        left, right = (part.strip() for part in types.split(","))
        migrator.execute(
            f"create function {space}.operator_{number}({types}) returns boolean language plpgsql as"
            f" $$ begin perform {space}.trap(); return true; end $$".encode()
        )
        migrator.execute(
            f"create operator {space}.{name} (leftarg = {left}, rightarg = {right}, function = {space}.operator_{number})".encode()
        )
    return len(OPERATORS)


def stepped(server: ScratchServer) -> int:
    """How often a superuser ran something planted, asked without a step into it."""
    careful = f"dbname={DATABASE} options='-c search_path=pg_catalog'"
    line = ["psql", "-XAtq", "-U", "postgres", "-d", careful, "-c", "select last_value, is_called from public.stepped"]
    done = execute_short(server.container, line, user="postgres")
    value, is_called = done.text().split("|")
    return int(value) if is_called == "t" else 0


def kinds(server: ScratchServer, accounts: Sequence[Account]) -> list[Kept]:
    """Everything that an `up` keeps in the server, as it does it for a stack."""
    at = {"container": str(server.container.name), "server": str(server.container.id)}
    functions = {"open_functions": sorted(OPEN_FUNCTIONS), "closed_functions": list(CLOSED_STABLE_FUNCTIONS)}
    kepts = [
        Kept(
            "PostgresDatabase",
            {
                **at,
                "name": DATABASE,
                "owner": owner(),
                "extensions": list(EXTENSIONS),
                "settings": {"timezone": "UTC"},
                "watch": "1",
                **functions,
            },
        )
    ]
    for account in accounts:
        if account.postgres:
            grants = [
                {
                    "table": grant.table,
                    "privileges": [str(Privilege(name)) for name in grant.privileges],
                    "columns": grant.columns and list(grant.columns),
                }
                for grant in account.postgres.grants
            ]
            reads = {"reads_every_table": True} if account.postgres.reads_every_table else {}
            kepts.append(
                Kept(
                    "PostgresGrants",
                    {
                        **at,
                        "database": DATABASE,
                        "role": account.name,
                        "owner": owner(),
                        "grants": grants,
                        "temporary_tables": account.postgres.temporary_tables,
                        "functions": list(account.postgres.functions),
                        **reads,
                    },
                )
            )
    return kepts


@pytest.mark.exhaustive
def test_the_traps_work(planted: ScratchServer) -> None:
    """A session that begins as any other would step into them; else this file would prove nothing."""
    before = stepped(planted)
    with planted.admin() as careless:
        careless.execute("select lower('x')")
        careless.execute("select count(*) from pg_roles")
    assert stepped(planted) >= before + 2


@pytest.mark.parametrize("names", in_make_test(["api backup", " ".join(account.name for account in ACCOUNTS if account.postgres)], 0))
def test_no_task_of_a_superuser_runs_what_is_planted(planted: ScratchServer, names: str) -> None:
    before = stepped(planted)
    ring = new_ring().up_to(2)
    inputs: dict[str, Any] = {"container": str(planted.container.name), "database": DATABASE}
    # The proof looks at no manifest.
    restored = RestoredPlatform(planted.platform, None)  # type: ignore[arg-type]
    tasks: list[tuple[str, Callable[[], object]]] = []
    accounts = [account for account in ACCOUNTS if account.name in names.split()]
    every = kinds(planted, accounts)
    assert len(every) == 1 + len(accounts) > 2
    for each in every:
        name = f"{each.kind_name} {each.inputs.get('role', '')}"
        tasks += [(f"making {name}", each.up), (f"comparing {name}", each.refresh), (f"mending {name}", each.up)]
        if each.kind_name == "PostgresGrants":
            tasks += [(f"taking away {name}", each.destroy), (f"giving back {name}", each.up)]
    tasks += [
        ("counting keys", lambda: field_keys._refuse_if_needed(inputs, ring, ring.retired_below(2))),
        ("letting the backup read", lambda: back_up._let_read(str(planted.container.name))),
        ("asking for the database", lambda: psql.database_exists(planted.container, DATABASE)),
        ("asking for the log", lambda: live_log.ask(planted.platform)),
        ("a commit", lambda: live_log.tick(planted.platform)),
        ("comparing indexes", lambda: proofs.indexes(restored)),
    ]
    stepped_into = []
    assert len(tasks) > 12
    with psycopg.connect(planted.platform.postgres_url(owner()), autocommit=True) as migrator:
        for name, task in tasks:
            # Making the database anew takes away what its owner set.
            lead(migrator)
            task()
            if (now := stepped(planted)) != before:
                stepped_into.append(name)
                before = now
    assert stepped_into == []
    assert "B-tree indexes agree" in proofs.indexes(restored)


def test_every_command_that_begins_a_session_of_a_superuser_takes_its_database_from_one_place() -> None:
    """psql is run nowhere but with `superuser.database`: by the provider, and by backups and restores."""
    found: dict[str, str] = {}
    for room in ("infra", "backup", "monitor", "migrations", "schedule", "seed", "security", "core", "commands"):
        for path in (ROOT / room).rglob("*.py"):
            text = path.read_text()
            # `_libpq` writes a line for a person, who logs in as an account.
            found |= {
                f"{path.relative_to(ROOT)}:{line}": line
                for line in text.splitlines()
                if re.search(r'"psql"[,)\]]', line) and "_libpq" not in line
            }
    assert len(found) >= 5
    assert [place for place in found if not re.search(r"(?:superuser\.)?database\(", place)] == []
    assert database("a'b") == "dbname='a\\'b' options='-c search_path=pg_catalog,pg_temp'"


def test_no_check_begins_a_session_of_a_superuser() -> None:
    """The room of checks asks the database as an account, and never as the server's own user."""
    import ast

    import grimp

    forbidden = {"backup.postgres.live_log": {"ask", "superuser", "tick", "command"}, "infra.provider.psql": {"run", "query"}}
    found = []
    for path in (ROOT / "monitor").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module in forbidden:
                found += [f"{path.name}: {alias.name}" for alias in node.names if alias.name in forbidden[node.module]]
    assert found == []
    graph = grimp.build_graph("monitor", "infra", "backup", "core", "christmas", "airgap", "migrations", "security", "seed", cache_dir=None)
    users = graph.find_modules_that_directly_import("infra.provider.psql")
    assert users
    assert not [module for module in users if module.startswith("monitor.")]
