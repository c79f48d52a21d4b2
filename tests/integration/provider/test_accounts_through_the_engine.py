"""The whole round on the real engine, in all three stores: up, altered by hand, seen in a preview, repaired by `up`, rotated, destroyed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import psycopg
import pulumi
import pytest
import redis
from docker.models.containers import Container

from christmas.blueprint.accounts import account
from infra.connections import Platform
from infra.provider.passwords import Password
from infra.provider.postgres_database import PostgresDatabase
from infra.provider.postgres_grants import PostgresGrants
from infra.provider.postgres_role import PostgresRole
from infra.provider.redis_acl import redis_rules
from infra.provider.redis_user import RedisUser
from infra.provider.weaviate_api import WeaviateApi
from infra.provider.weaviate_role import WeaviateRole
from infra.provider.weaviate_user import WeaviateUser
from tests.integration.provider.conftest import MakeStack
from tests.integration.provider.engine import EngineError
from tests.integration.provider.test_redis_kinds import write_password_file
from tests.support.postgres_server import ScratchServer
from tests.support.redis_server import run_scratch_redis
from tests.support.weaviate_server import ScratchWeaviate

DATABASE = "engine_db"


@dataclass
class Program:
    """One account in each store; `generation` is turned to rotate its secrets."""

    postgres: tuple[str, str]
    redis: tuple[str, str]
    weaviate: tuple[str, str, str, str] = field(repr=False)
    generation: str = "0"

    def __call__(self) -> None:
        keepers = {"generation": self.generation}
        container, server = self.postgres
        owner_password, api_password = Password("owner-password"), Password("api-password", keepers=keepers)
        owner = PostgresRole("owner", container=container, server=server, name="e_owner", password=owner_password.result)
        api = PostgresRole("api", container=container, server=server, name="e_api", password=api_password.result, connection_limit=7)
        database = PostgresDatabase(
            "database", container=container, server=server, name=DATABASE, owner="e_owner", extensions=["timescaledb"],
            opts=pulumi.ResourceOptions(depends_on=[owner]),
        )  # fmt: skip
        PostgresGrants(
            "grants", container=container, server=server, database=DATABASE, role="e_api", owner="e_owner",
            grants=[{"table": "orders", "privileges": ["select"], "columns": None}],
            opts=pulumi.ResourceOptions(depends_on=[database, api]),
        )  # fmt: skip
        container, server = self.redis
        RedisUser(
            "redis-user", container=container, server=server, name="e_api", rules=list(redis_rules(account("api").redis)),
            password=api_password.result,
        )  # fmt: skip
        endpoint, ca, key, server = self.weaviate
        role = WeaviateRole(
            "weaviate-role", endpoint=endpoint, ca_certificate_pem=ca, admin_key=key, server=server, name="e_rag",
            permissions=[{"action": "read_data", "collection": "ChristmasDocument*"}],
        )  # fmt: skip
        user = WeaviateUser(
            "weaviate-user", endpoint=endpoint, ca_certificate_pem=ca, admin_key=key, server=server, name="e_rag", roles=["e_rag"],
            keepers=keepers, opts=pulumi.ResourceOptions(depends_on=[role]),
        )  # fmt: skip
        pulumi.export("password", api_password.result)
        pulumi.export("key", user.api_key)


@pytest.fixture
def redis_server() -> Iterator[tuple[Platform, Container]]:
    with run_scratch_redis() as (platform, container):
        write_password_file(container, platform.secret("admin", "redis"))
        yield platform, container


def login(server: ScratchServer, password: str) -> psycopg.Connection:
    host, port = server.platform.endpoints["postgres"].address()
    return psycopg.connect(
        host=host, port=port, dbname=DATABASE, user="e_api", password=password, sslmode="verify-full",
        sslrootcert=str(server.platform.ca_file),
    )  # fmt: skip


@pytest.mark.exhaustive
def test_the_whole_round(
    postgres: ScratchServer, redis_server: tuple[Platform, Container], weaviate: ScratchWeaviate, make_stack: MakeStack
) -> None:
    redis_platform, redis_container = redis_server
    endpoint, ca = weaviate.platform.weaviate_url(), weaviate.platform.ca_file.read_text()
    root_key = weaviate.platform.secret("root", "weaviate")
    program = Program(
        (str(postgres.container.name), str(postgres.container.id)),
        (str(redis_container.name), str(redis_container.id)),
        (endpoint, ca, root_key, str(weaviate.container.id)),
    )
    stack = make_stack(program)
    first = stack.up()
    assert set(first.ops().values()) == {"create"}
    secrets = [first.outputs["password"], first.outputs["key"], root_key]
    assert stack.preview(refresh=True).ops() == {}

    with postgres.admin(DATABASE) as admin:
        admin.execute(b"set role e_owner; create table orders (id int); reset role")
        admin.execute(b"alter role e_api superuser password 'by hand'; grant create on schema public to e_api")
    host, port = redis_platform.endpoints["redis"].address()
    redis_admin = redis.Redis(
        host=host, port=port, username="admin", password=redis_platform.secret("admin", "redis"), ssl=True,
        ssl_ca_certs=str(redis_platform.ca_file),
    )  # fmt: skip
    redis_admin.execute_command("ACL SETUSER e_api ~* nopass")
    redis_admin.close()
    api = WeaviateApi(endpoint, ca, root_key)
    api.post("authz/users/e_rag/assign", {"roles": ["admin"], "userType": "db"})
    api.post("authz/roles/e_rag/remove-permissions", {"permissions": (api.get("authz/roles/e_rag") or {})["permissions"]})

    altered = {"api", "grants", "redis-user", "weaviate-role", "weaviate-user"}
    seen = stack.preview(refresh=True, diff=True)
    assert seen.ops() == dict.fromkeys(altered, "update")
    for told in (
        "is a superuser", "has another password", "create on schema public is granted, but not declared", "select on orders is missing",
        "needs no password", "has role admin, which is not declared", "read_data on collection ChristmasDocument*",
    ):  # fmt: skip
        assert told in seen.printed
    assert not [secret for secret in secrets if secret in seen.printed]
    assert "SCRAM-SHA-256" not in seen.printed + stack.state_text()
    assert not [secret for secret in secrets if secret in stack.state_text()]

    assert stack.up(refresh=True).ops() == dict.fromkeys(altered, "update")
    assert stack.preview(refresh=True).ops() == {}
    login(postgres, first.outputs["password"]).close()

    program.generation = "1"
    started = [each.attrs["State"]["StartedAt"] for each in (postgres.container, redis_container, weaviate.container)]
    assert set(stack.preview().ops()) == {"api-password", "api", "redis-user", "weaviate-user"}
    login(postgres, first.outputs["password"]).close()  # a preview changes nothing
    rotated = stack.up()
    login(postgres, rotated.outputs["password"]).close()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        login(postgres, first.outputs["password"])
    assert api.accepts_key(rotated.outputs["key"])
    assert not api.accepts_key(first.outputs["key"])
    for container, before in zip((postgres.container, redis_container, weaviate.container), started, strict=True):
        container.reload()
        assert container.attrs["State"]["StartedAt"] == before

    program.generation = "2"
    redis_container.pause()
    try:
        with pytest.raises(EngineError) as failure:
            stack.up()
    finally:
        redis_container.unpause()
    assert f"container {redis_container.name} is paused" in str(failure.value)
    assert "Traceback" not in str(failure.value)
    assert "rpc error" not in str(failure.value)
    assert "redis-user" in stack.up().ops()
    assert stack.preview(refresh=True).ops() == {}
