"""What a drill's proofs see that the stores themselves would not tell: each fault is made on purpose in real stores."""

from collections.abc import Iterator

import pytest

from backup.postgres.proofs import constraints, indexes
from backup.proving import proofs
from backup.proving.account_queries import weaviate as weaviate_query
from backup.proving.proof import Disproved, RestoredPlatform
from backup.redis.proofs import keyspaces
from backup.restoring.scratch import Scratch
from christmas.blueprint.accounts import ACCOUNTS
from christmas.blueprint.collections_and_properties import CHRISTMAS_DOCUMENT
from core.container_commands import execute
from core.docker_client import docker_client
from core.labels import PURPOSE_LABEL, STACK_LABEL
from infra.clients import redis_client
from infra.connections import Platform
from infra.provider.weaviate_api import WeaviateApi, permissions
from tests.support.manifests import manifest
from tests.support.scratch_platform import ROOT_KEY, ScratchPlatform


@pytest.fixture(scope="module")
def restored(scratch_platform: ScratchPlatform) -> RestoredPlatform:
    return RestoredPlatform(scratch_platform.platform, manifest())


def psql(platform: Platform, *statements: str) -> None:
    options = [option for statement in statements for option in ("-c", statement)]
    line = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", "christmas_db", *options]
    execute(platform.containers["timescaledb"], line, user="postgres")


@pytest.fixture
def broken(restored: RestoredPlatform) -> Iterator[Platform]:
    """Rows that break a foreign key, a CHECK, a unique constraint and a NOT NULL, while PostgreSQL believes that all hold."""
    platform = restored.platform
    psql(
        platform,
        "create table broken_a (id int primary key)",
        "create table broken_b (id int not null constraint doubled unique, a int references broken_a, v int)",
        "insert into broken_a values (1)",
        "insert into broken_b values (1, 1, 1), (2, 1, -1)",
        "alter table broken_b add constraint positive check (v > 0) not valid",
        "update pg_constraint set convalidated = true where conname = 'positive'",
    )
    psql(
        platform,
        "set session_replication_role = replica",
        "insert into broken_b values (3, 9, 1)",
        "update pg_index set indisunique = false, indisready = false, indislive = false where indexrelid = 'doubled'::regclass",
        "insert into broken_b values (1, 1, 1)",
        "update pg_index set indisunique = true, indisready = true, indislive = true where indexrelid = 'doubled'::regclass",
        "update pg_attribute set attnotnull = false where attrelid = 'broken_b'::regclass and attname = 'id'",
        "insert into broken_b values (null, 1, 1)",
        "update pg_attribute set attnotnull = true where attrelid = 'broken_b'::regclass and attname = 'id'",
    )
    yield platform
    psql(platform, "drop table broken_b, broken_a", "drop extension if exists amcheck")


def test_the_schema_of_the_platform_keeps_its_promises(restored: RestoredPlatform) -> None:
    assert "violated by no row" in constraints(restored)


def test_rows_that_break_a_promise_are_found_although_postgresql_believes_in_it(restored: RestoredPlatform, broken: Platform) -> None:
    with pytest.raises(Disproved) as caught:
        constraints(restored)
    assert sorted(str(caught.value).split(", ")) == [
        "1 rows of broken_b violate broken_b_a_fkey",
        "1 rows of broken_b violate doubled",
        "1 rows of broken_b violate not null",
        "1 rows of broken_b violate positive",
    ]
    with pytest.raises(Disproved, match='lacks matching index tuple within index "doubled"'):
        indexes(restored)


@pytest.mark.exhaustive
def test_an_account_that_logs_in_and_can_do_nothing_is_found(restored: RestoredPlatform, scratch_platform: ScratchPlatform) -> None:
    platform = restored.platform
    assert f"{sum(account.postgres is not None for account in ACCOUNTS)} accounts log in" in proofs.accounts("postgres")(restored)
    psql(platform, "revoke select on orders from api")
    try:
        with pytest.raises(Disproved, match=r"api: permission denied for table orders"):
            proofs.accounts("postgres")(restored)
    finally:
        psql(platform, "grant select on orders to api")
    api = WeaviateApi(platform.weaviate_url(), platform.ca_file.read_text(), ROOT_KEY)
    rule = {"permissions": permissions("read_data", CHRISTMAS_DOCUMENT.names)}
    api.post("authz/roles/rag/remove-permissions", rule)
    try:
        assert "403" in weaviate_query(platform, "rag")
    finally:
        api.post("authz/roles/rag/add-permissions", rule)
    assert weaviate_query(platform, "rag") == ""


def test_keys_without_a_ttl_or_of_another_type_are_found(restored: RestoredPlatform) -> None:
    # Applications can't make a key of another type than its keyspace's.
    with redis_client(restored.platform, "admin") as client:
        for key, value, told in (("session:odd", "no hash", "is of type string"), ("rate_limit:10.1.1.1", "1", "expires never")):
            client.set(key, value, ex=60 if key == "session:odd" else None)
            try:
                with pytest.raises(Disproved, match=told):
                    keyspaces(restored)
            finally:
                client.delete(key)


def test_a_key_of_a_user_newer_than_the_rows_is_found(restored: RestoredPlatform) -> None:
    expected = "20 users named by keys, all exist"
    assert proofs.references(restored) == expected
    with redis_client(restored.platform, "admin") as client:
        session, preferences, text = "session:of-nobody", "user:1000001:preferences", "session:of-no-type"
        client.hset(session, mapping={"user_id": "1000000"})
        client.set(preferences, "{}")
        for key in (session, preferences):
            with pytest.raises(Disproved, match=r"keys of users that don't exist: .* of user 100000"):
                proofs.references(restored)
            client.delete(key)
        client.set(text, "no hash")
        assert proofs.references(restored) == f"{expected}; 1 sessions name no user"
        client.delete(text)
        # A set made before the account had this right.
        client.execute_command("ACL", "SETUSER", "backup", "-hget")
        try:
            assert "100 sessions are not compared: in this set account backup may not read them" in proofs.references(restored)
        finally:
            client.execute_command("ACL", "SETUSER", "backup", "+hget")


def test_scratch_stores_never_take_a_name_that_something_has(restored: RestoredPlatform, tmp_path_factory: pytest.TempPathFactory) -> None:
    live = Scratch(restored.platform.stack, "drill", tmp_path_factory.mktemp("live"))
    with pytest.raises(Exception, match="is taken"):
        live.open()
    name = "tests-taken-by-a-volume"
    volume = docker_client().volumes.create(f"christmas-{name}-redis-data", labels={STACK_LABEL: name, PURPOSE_LABEL: "tests"})
    try:
        with pytest.raises(Exception, match="is taken"):
            Scratch(name, "drill", tmp_path_factory.mktemp("taken")).open()
    finally:
        volume.remove()
