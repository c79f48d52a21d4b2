"""Roles, database and grants on a real server: altered by hand, seen by a refresh, repaired by `up`, clean afterwards."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pulumi
import pytest

from infra.provider.resources import Password, PostgresDatabase, PostgresGrants, PostgresRole
from tests.integration.provider.conftest import MakeStack
from tests.integration.provider.engine import ScratchStack
from tests.support.postgres_server import ScratchServer

DATABASE = "provider_db"


class Program:
    """A database of its own, with an owner and two accounts; tests turn its knobs between runs."""

    def __init__(self, server: ScratchServer) -> None:
        self.at = {"container": str(server.container.name), "server": str(server.container.id)}
        self.keepers = {"generation": "0"}
        self.roles = ("p_owner", "p_api", "p_analyst")
        self.connection_limit = 7

    def __call__(self) -> None:
        roles = {}
        for name in self.roles:
            password = Password(f"{name}-password", keepers=self.keepers)
            roles[name] = PostgresRole(
                name,
                **self.at,
                name=name,
                password=password.result,
                connection_limit=self.connection_limit,
                statement_timeout_ms=15_000,
                member_of=["pg_monitor"] if name == "p_analyst" else [],
                settings={"pgaudit.log": "ddl"},
            )
            pulumi.export(name, password.result)
        database = PostgresDatabase(
            DATABASE, **self.at, name=DATABASE, owner="p_owner",
            extensions=["timescaledb", "pg_stat_statements"], settings={"timezone": "UTC"},
            opts=pulumi.ResourceOptions(depends_on=[roles["p_owner"]]),
        )  # fmt: skip
        grants: dict[str, list[dict[str, object]]] = {
            "p_api": [{"table": "orders", "privileges": ["select", "insert", "update"]}],
            "p_analyst": [
                {"table": "people", "privileges": ["select"], "columns": ["id", "name"]},
                {"table": "orders", "privileges": ["select"]},
            ],
            "p_owner": [],
        }
        for name in self.roles:
            PostgresGrants(
                f"{name}-grants", **self.at, database=DATABASE, role=name, owner="p_owner", grants=grants[name],
                opts=pulumi.ResourceOptions(depends_on=[database, roles[name]]),
            )  # fmt: skip


@pytest.fixture
def program(postgres: ScratchServer) -> Iterator[Program]:
    with postgres.admin("postgres") as admin:
        admin.execute(f"drop database if exists {DATABASE} with (force)".encode())
    yield Program(postgres)
    with postgres.admin("postgres") as admin:
        admin.execute(f"drop database if exists {DATABASE} with (force)".encode())


@pytest.fixture
def stack(program: Program, make_stack: MakeStack, postgres: ScratchServer) -> ScratchStack:
    """Up, and then migrated: the tables come after the grants, as they do in the platform."""
    made = make_stack(program)
    made.up()
    with postgres.admin(DATABASE) as admin:
        admin.execute(
            b"set role p_owner; create table orders (id serial primary key, note text);"
            b"create table people (id int primary key, name text, secret text); create table other (id int);"
            b"create table candles (at timestamptz not null, price numeric); select create_hypertable('candles', by_range('at'));"
        )
    return made


def login(server: ScratchServer, role: str, password: str) -> psycopg.Connection:
    host, port = server.platform.endpoints["postgres"].address()
    return psycopg.connect(
        host=host, port=port, dbname=DATABASE, user=role, password=password, sslmode="verify-full",
        sslrootcert=str(server.platform.ca_file), autocommit=True,
    )  # fmt: skip


def test_grants_of_tables_that_came_later_are_seen_and_given(stack: ScratchStack, postgres: ScratchServer) -> None:
    preview = stack.preview(refresh=True, diff=True)
    assert preview.ops() == {"p_api-grants": "update", "p_analyst-grants": "update"}, preview.printed
    outputs = stack.up(refresh=True).outputs
    assert stack.preview(refresh=True).ops() == {}
    with login(postgres, "p_api", outputs["p_api"]) as api:
        api.execute("insert into orders (note) values ('serial column: needs its sequence')")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            api.execute("delete from orders")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            api.execute("create table public.mine (id int)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            api.execute("create temp table mine (id int)")
    with login(postgres, "p_analyst", outputs["p_analyst"]) as analyst:
        analyst.execute("select id, name from people")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            analyst.execute("select secret from people")


def test_the_preview_tells_what_differs_and_no_secret(stack: ScratchStack, postgres: ScratchServer) -> None:
    outputs = stack.up(refresh=True).outputs
    with postgres.admin(DATABASE) as admin:
        admin.execute(b"alter role p_api superuser password 'by hand'; grant delete on orders to p_api")
    told = stack.preview(refresh=True, diff=True).printed
    assert "is a superuser" in told
    assert "has another password" in told
    assert "delete on orders is granted, and not declared" in told
    assert not any(outputs[name] in told for name in ("p_api", "p_owner", "p_analyst"))
    assert "SCRAM-SHA-256" not in told
    assert "SCRAM-SHA-256" not in stack.state_text()


def test_a_rotated_password_works_at_once_and_the_old_one_no_more(stack: ScratchStack, program: Program, postgres: ScratchServer) -> None:
    before = stack.up().outputs["p_api"]
    program.keepers = {"generation": "1"}
    run = stack.up()
    assert run.steps["p_api"].op == run.steps["p_api-password"].op == "update"
    after = run.outputs["p_api"]
    assert after != before
    login(postgres, "p_api", after).close()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        login(postgres, "p_api", before)
    assert stack.preview(refresh=True).ops() == {}


def test_a_preview_changes_nothing(stack: ScratchStack, program: Program, postgres: ScratchServer) -> None:
    stack.up(refresh=True)
    program.connection_limit = 3
    program.keepers = {"generation": "2"}
    assert set(stack.preview().ops().values()) == {"update"}
    with postgres.admin() as admin:
        row = admin.execute("select rolconnlimit from pg_roles where rolname = 'p_api'").fetchone()
    assert row == (7,)
