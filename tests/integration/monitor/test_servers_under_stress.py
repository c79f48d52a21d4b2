"""Each check of PostgreSQL, Weaviate or the machine, on real servers: ok before, not ok during the real fault, ok after."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from weaviate.classes.config import Configure
from weaviate.classes.query import Filter
from weaviate.collections.collections.sync import _Collections
from weaviate.collections.queries.near_vector.query.sync import _NearVectorQuery

from christmas.blueprint.machine_alarms import HOST_ALARMS
from christmas.blueprint.server_alarms import POSTGRES_ALARMS
from core.container_commands import execute
from core.docker_client import docker_client
from infra.clients import postgres, weaviate_client
from infra.connections import Credentials, Platform
from infra.provider.weaviate_api import WeaviateApi
from monitor import host, postgres_server, weaviate_server
from monitor.checks import every, run, run_checks
from tests.support.checking import only, turned
from tests.support.scratch_platform import DOCUMENTS, ROOT_KEY, ScratchPlatform
from tests.support.standing_still import processes_stand_still
from tests.support.waiting import wait_for


@pytest.fixture
def platform(scratch_platform: ScratchPlatform) -> Platform:
    return scratch_platform.platform


def superuser(platform: Platform, *statements: str, check: bool = True) -> str:
    words = [word for statement in statements for word in ("-c", statement)]
    command = ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", "christmas_db", *words]
    return execute(platform.containers["timescaledb"], command, user="postgres", check=check).text()


# PostgreSQL


def test_connections_that_an_account_does_not_give_back(platform: Platform) -> None:
    assert only(platform, "postgres.connections").status == "ok"
    with contextlib.ExitStack() as opened:
        for _ in range(9):
            opened.enter_context(psycopg.connect(platform.postgres_url("analyst")))
        found = only(platform, "postgres.connections")
        few = postgres_server.connections(platform, replace(POSTGRES_ALARMS, connections_warn=0.05, connections_critical=0.06))
    assert (found.status, "analyst has 9 of its 10" in found.message) == ("warning", True)
    assert few.status == "critical"
    assert "analyst 9" in few.message


def test_a_queue_for_a_lock_is_told_with_its_head(platform: Platform) -> None:
    assert only(platform, "postgres.locks").message == "no session waits for a lock"
    eager = replace(POSTGRES_ALARMS, lock_wait_warn=_seconds(0.05), lock_wait_critical=_seconds(3600))
    ended = threading.Event()
    with psycopg.connect(platform.postgres_url("api")) as head:
        head.execute("update users set is_active = is_active where username = 'user1'")

        def wait() -> None:
            with contextlib.suppress(psycopg.Error), psycopg.connect(platform.postgres_url("app")) as other:
                other.execute("update users set is_active = is_active where username = 'user1'")
                other.rollback()
            ended.set()

        threading.Thread(target=wait, daemon=True).start()
        found = turned(lambda: postgres_server.locks(platform, eager), "warning", "somebody waits")
        pid = head.info.backend_pid
        head.rollback()
    assert ended.wait(60)
    assert "1 sessions wait for a lock" in found.message
    assert f"at the head: api from {_gateway(platform)}, process {pid}, idle" in found.message
    assert f"pg_terminate_backend({pid})" in found.next_step
    assert only(platform, "postgres.locks").status == "ok"


def test_a_slot_that_nobody_uses(platform: Platform) -> None:
    assert only(platform, "postgres.slots").message == "no slots"
    superuser(platform, "select pg_create_physical_replication_slot('forgotten', true)")
    try:
        found = only(platform, "postgres.slots")
        grave = postgres_server.slots(platform, replace(POSTGRES_ALARMS, slot_bytes_critical=0))
    finally:
        superuser(platform, "select pg_drop_replication_slot('forgotten')")
    assert (found.status, "forgotten (inactive" in found.message) == ("warning", True)
    assert grave.status == "critical"
    assert only(platform, "postgres.slots").status == "ok"


@pytest.mark.exhaustive
def test_a_database_near_the_turn_of_the_counter(platform: Platform) -> None:
    assert only(platform, "postgres.wraparound").status == "ok"
    before = superuser(platform, "select datfrozenxid from pg_database where datname = 'template1'")
    # As if nobody had vacuumed it for so many transactions. The server itself acts only on its other databases' behalf, and later.
    aged = "((pg_current_xact_id()::text::bigint - {age} + 4294967296) % 4294967296)::text::xid"
    try:
        found = []
        for age in (600_000_000, 1_200_000_000):
            superuser(platform, f"update pg_database set datfrozenxid = {aged.format(age=age)} where datname = 'template1'")
            found.append(only(platform, "postgres.wraparound"))
    finally:
        superuser(platform, f"update pg_database set datfrozenxid = '{before}' where datname = 'template1'")
    assert [each.status for each in found] == ["warning", "critical"]
    assert "template1 is 600 million transactions" in found[0].message
    assert only(platform, "postgres.wraparound").status == "ok"


def test_a_column_that_has_counted_nearly_all_its_numbers(platform: Platform) -> None:
    assert only(platform, "postgres.sequences").status == "ok"
    sequence = "public.users_id_seq"
    before = superuser(platform, f"select last_value from {sequence}")
    most = int(superuser(platform, "select case atttypid when 'integer'::regtype then 2147483647 else 9223372036854775807 end"
                                   " from pg_attribute where attrelid = 'users'::regclass and attname = 'id'"))  # fmt: skip
    try:
        found = []
        for share in (8, 95):
            superuser(platform, f"select setval('{sequence}', {most // 10 * 8 if share == 8 else most // 100 * 95})")
            found.append(only(platform, "postgres.sequences"))
    finally:
        superuser(platform, f"select setval('{sequence}', {before})")
    assert [each.status for each in found] == ["warning", "critical"]
    assert "users.id is at" in found[0].message
    assert only(platform, "postgres.sequences").status == "ok"


@pytest.mark.exhaustive
def test_checkpoints_that_are_asked_for(platform: Platform) -> None:
    only(platform, "postgres.checkpoints")
    for _ in range(POSTGRES_ALARMS.checkpoints_warn):
        superuser(platform, "create table if not exists dirty (n int)", "insert into dirty values (1)", "checkpoint")
    superuser(platform, "drop table dirty")
    found = only(platform, "postgres.checkpoints")
    assert (found.status, (found.value or 0) >= POSTGRES_ALARMS.checkpoints_warn) == ("warning", True)


@pytest.mark.exhaustive
def test_sorts_that_go_to_disk(platform: Platform) -> None:
    eager = replace(POSTGRES_ALARMS, temporary_bytes_warn=1_000_000)
    postgres_server.temporary(platform, eager)
    with psycopg.connect(platform.postgres_url("analyst")) as connection:
        connection.execute("set work_mem = '64kB'")
        connection.execute("select count(*) from (select n from generate_series(1, 200000) as n order by md5(n::text)) as sorted")
    found = turned(lambda: postgres_server.temporary(platform, eager), "warning", "it was counted")
    assert "MB in temporary files" in found.message


@pytest.mark.exhaustive
def test_transactions_that_wait_for_one_another(platform: Platform) -> None:
    eager = replace(POSTGRES_ALARMS, deadlocks_warn=1)
    postgres_server.deadlocks(platform, eager)
    lock = "update users set is_active = is_active where username = '{}'"
    both, failed = threading.Barrier(2), []

    def take(first: str, second: str) -> None:
        with psycopg.connect(platform.postgres_url("api")) as connection:
            try:
                connection.execute(lock.format(first).encode())
                both.wait(60)
                connection.execute(lock.format(second).encode())
            except psycopg.errors.DeadlockDetected as error:
                failed.append(error)
            connection.rollback()

    threads = [threading.Thread(target=take, args=each) for each in (("user1", "user2"), ("user2", "user1"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(failed) == 1
    found = turned(lambda: postgres_server.deadlocks(platform, eager), "warning", "it was counted")
    assert "1 deadlocks" in found.message


@pytest.mark.exhaustive
def test_a_page_that_is_not_as_it_was_written(platform: Platform) -> None:
    assert only(platform, "postgres.checksums").status == "ok"
    superuser(platform, "create table torn as select n from generate_series(1, 100) as n", "checkpoint")
    path = superuser(platform, "select pg_relation_filepath('torn')")
    try:
        garbage = f'head -c 8192 /dev/urandom >> "$PGDATA/{path}"'
        execute(platform.containers["timescaledb"], ["sh", "-c", garbage], user="postgres")
        superuser(platform, "select count(*) from torn", check=False)
        found = turned(lambda: only(platform, "postgres.checksums"), "critical", "it was counted")
    finally:
        superuser(platform, "drop table torn", "select pg_stat_reset()")
    assert found.message.startswith("1 checksum failures")
    wait_for(lambda: only(platform, "postgres.checksums").status == "ok", "the counter begins anew")


def test_an_index_whose_build_failed(platform: Platform) -> None:
    assert only(platform, "postgres.invalid_indexes").status == "ok"
    superuser(platform, "create table twice as select 1 as n from generate_series(1, 2)")
    try:
        superuser(platform, "create unique index concurrently twice_n on twice (n)", check=False)
        found = only(platform, "postgres.invalid_indexes")
    finally:
        superuser(platform, "drop table twice")
    assert (found.status, found.value) == ("warning", 1)
    assert "twice_n of twice" in found.message
    assert "reindex index concurrently twice_n" in found.next_step


# Weaviate


def test_a_shard_that_takes_no_writes(scratch_platform: ScratchPlatform) -> None:
    platform = scratch_platform.platform
    assert only(platform, "weaviate.shards").status == "ok"
    assert only(platform, "weaviate.queue").status == "ok"
    api = WeaviateApi(platform.weaviate_url(), platform.ca_file.read_text(), ROOT_KEY)
    (only_one,) = api.get(f"schema/{DOCUMENTS}/shards") or [{}]
    shard = f"schema/{DOCUMENTS}/shards/{only_one['name']}"
    api._request("PUT", shard, {"status": "READONLY"})
    try:
        found = only(platform, "weaviate.shards")
    finally:
        api._request("PUT", shard, {"status": "READY"})
    assert found.status == "critical"
    assert f"of {DOCUMENTS} is READONLY" in found.message
    wait_for(lambda: only(platform, "weaviate.shards").status == "ok", "it takes writes again")


def test_what_goes_from_weaviate_while_it_is_looked_at_is_not_lost(
    scratch_platform: ScratchPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A collection that is removed after it was listed, and an object after it was read."""
    root = replace(scratch_platform.platform, accounts={**scratch_platform.platform.accounts, "root": Credentials(weaviate=ROOT_KEY)})
    list_all, near_vector = _Collections.list_all, _NearVectorQuery.near_vector
    with weaviate_client(root, "root") as client:
        client.collections.create("Fleeting", vector_config=Configure.Vectors.self_provided())
        fleeting = client.collections.use("Fleeting")
        fleeting.data.insert({"t": "x"}, vector=[1.0, 0.0])

        def with_one_that_is_gone(collections: Any, *, simple: bool = True) -> Any:
            found = list_all(collections, simple=simple)
            return {**found, "GoneMeanwhile": found["Fleeting"]}

        def after_its_removal(query: Any, *arguments: Any, **options: Any) -> Any:
            fleeting.data.delete_many(where=Filter.by_property("t").equal("x"))
            return near_vector(query, *arguments, **options)

        monkeypatch.setattr(_Collections, "list_all", with_one_that_is_gone)
        monkeypatch.setattr(_NearVectorQuery, "near_vector", after_its_removal)
        try:
            found = weaviate_server.index(root)
            left = fleeting.aggregate.over_all(total_count=True).total_count
        finally:
            client.collections.delete("Fleeting")
    assert (found.status, left) == ("ok", 0), found


# The machine


def test_the_machine_is_looked_at(platform: Platform) -> None:
    found = {each.name: each for each in run(platform, ["host"], timeout=120)}
    assert {name for name, each in found.items() if each.status == "unknown"} == set()
    assert {each.value is not None for each in found.values()} == {True}
    assert "weaviate" in found["host.clock"].message
    assert "redis" in found["host.clock"].message


@pytest.mark.exhaustive
def test_disk_and_memory_that_run_out(platform: Platform) -> None:
    assert host.disk(platform, replace(HOST_ALARMS, disk_warn=1.0, disk_critical=0.0)).status == "warning"
    assert host.disk(platform, replace(HOST_ALARMS, disk_critical=1.0)).status == "critical"
    assert host.memory(platform, replace(HOST_ALARMS, container_memory_warn=0.0001, container_memory_critical=2.0)).status == "warning"
    assert host.memory(platform, replace(HOST_ALARMS, memory_critical=1.0)).status == "critical"


@pytest.mark.exhaustive
def test_a_process_that_the_kernel_ended(platform: Platform) -> None:
    only(platform, "host.oom")
    hungry = "head -c 3000m /dev/zero | tail >/dev/null"  # tail keeps what has no end of a line
    execute(platform.containers["redis"], ["sh", "-c", hungry], check=False)
    found = turned(lambda: only(platform, "host.oom"), "critical", "the kernel has ended it")
    assert "of redis" in found.message
    wait_for(lambda: only(platform, "redis.accounts").status == "ok", "redis itself goes on, or is there again")


# What hangs


@pytest.mark.parametrize(
    "service", ["timescaledb", pytest.param("redis", marks=pytest.mark.exhaustive), pytest.param("weaviate", marks=pytest.mark.exhaustive)]
)
def test_a_store_that_hangs_hides_no_other(platform: Platform, service: str) -> None:
    others = {"timescaledb": ["redis", "weaviate"], "redis": ["postgres", "weaviate"], "weaviate": ["postgres", "redis"]}[service]
    own = {"timescaledb": "postgres", "redis": "redis", "weaviate": "weaviate"}[service]

    def of_others() -> dict[str, str]:
        return {each.name: str(each.status) for each in run(platform, others, timeout=120)}

    before = of_others()
    assert len(before) > 10
    container = docker_client().containers.get(platform.containers[service])
    # So that the test is short: whatever may wait for it is given up sooner.
    chosen = [replace(each, timeout=60.0 if each.name in {*before, "containers.health"} else 2.0) for each in every()]
    container.pause()
    try:
        found = {check.name: check for check in run_checks(platform, chosen)}
    finally:
        container.unpause()
    after = of_others()  # one may have changed meanwhile: what earlier tests did is counted for a while
    assert {name: found[name].status for name in before if found[name].status not in {before[name], after[name]}} == {}
    its = {name: each.status for name, each in found.items() if name.startswith(f"{own}.") and name not in _NEEDS_NO_ANSWER}
    assert {name: status for name, status in its.items() if status not in ("unknown", "critical")} == {}
    assert found["containers.health"].status == "critical"
    assert f"{service} is paused" in found["containers.health"].message
    wait_for(lambda: only(platform, f"{own}.accounts").status == "ok", "it answers again")


@pytest.mark.parametrize("service", ["timescaledb", pytest.param("redis", marks=pytest.mark.exhaustive)])
def test_a_store_whose_processes_stand_still_is_critical_though_docker_and_the_kernel_see_nothing(platform: Platform, service: str) -> None:
    own = {"timescaledb": "postgres", "redis": "redis"}[service]
    container = docker_client().containers.get(platform.containers[service])
    with processes_stand_still(container):
        found = only(platform, f"{own}.reachable")
    assert found.status == "critical"
    assert "takes connections, and nobody speaks on them" in found.message
    assert f"docker restart {platform.containers[service]}" in found.next_step
    wait_for(lambda: only(platform, f"{own}.reachable").status == "ok", "it answers again")


# Docker tells of its log, and HAProxy of its clients.
_NEEDS_NO_ANSWER = {*(f"{each}.refusals" for each in ("postgres", "redis", "weaviate")), "weaviate.clients"}


def _seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def _gateway(platform: Platform) -> str:
    with postgres(platform, "monitor") as connection:
        row = connection.execute("select host(inet_client_addr())").fetchone()
    assert row is not None
    return str(row[0])
