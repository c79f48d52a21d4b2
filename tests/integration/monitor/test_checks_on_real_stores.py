"""Every check against real stores: right when all is well, and right about each thing broken on purpose."""

import dataclasses
import socket
import threading
from datetime import timedelta

import pytest

from christmas.blueprint.backup_alarms import BACKUP_ALARMS
from christmas.blueprint.redis_policy import REDIS_POLICY
from core.container_commands import execute
from core.docker_client import docker_client
from infra.clients import postgres, redis_client
from infra.connections import Endpoint, Platform
from monitor import backup_alarms, keyspaces
from monitor.checks import run
from monitor.postgres import query
from tests.support.checking import only
from tests.support.scratch_platform import ScratchPlatform, run_scratch_platform
from tests.support.waiting import wait_for

MINUTE = timedelta(minutes=1)


@pytest.fixture
def platform(scratch_platform: ScratchPlatform) -> Platform:
    return scratch_platform.platform


def superuser(platform: Platform, statement: str, database: str = "christmas_db") -> None:
    container = platform.containers["timescaledb"]
    execute(container, ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", database, "-c", statement], user="postgres")


def moved(platform: Platform, endpoint: str, host: str, port: int) -> Platform:
    return dataclasses.replace(platform, endpoints={**platform.endpoints, endpoint: Endpoint(host, port, endpoint, port)})


def test_all_is_well() -> None:
    """On a platform of its own: what other tests do to theirs, counters and the audit remember for an hour and a day."""
    with run_scratch_platform() as untouched:
        what_the_checks_say_is_well(untouched.platform)


def what_the_checks_say_is_well(platform: Platform) -> None:
    # The stores answer before Docker has looked at them for the first time, so the check looks itself.
    results = {each.name: each for each in run(platform, timeout=120)}
    # This platform has no embedder, no documents of the blueprint's shape, no backup of its own yet, and nothing of it elsewhere.
    backups = tuple(f"backup.{each}" for each in ("newest", "full", "timeline", "redundancy", "copies", "kit"))
    # How much of its machine the tests take is no matter of the stores.
    others = ("embedder.", *backups, "weaviate.collections", "host.", "containers.settings")
    expected = {name for name in results if not name.startswith(others)}
    assert {name: (results[name].status, results[name].message) for name in expected if results[name].status != "ok"} == {}
    assert {results[name].status for name in results if name.startswith("embedder.")} == {"unknown"}
    assert "invoke up" in results["containers.settings"].next_step  # no `up` made these
    assert results["weaviate.collections"].status == "critical"
    assert {results[f"backup.{name}"].status for name in ("newest", "full", "timeline")} == {"critical"}
    assert results["backup.copies"].status == results["backup.kit"].status == "warning"


def test_a_closed_port_is_critical_and_what_needs_it_unknown(platform: Platform) -> None:
    closed = moved(platform, "redis", "127.0.0.1", 9)
    assert only(closed, "redis.reachable").status == "critical"
    assert only(closed, "redis.tls").status == "unknown"
    assert only(closed, "redis.accounts").status == "critical"
    assert only(closed, "redis.keyspaces").status == "unknown"


def test_a_store_that_is_away_is_one_cause_with_its_container(platform: Platform) -> None:
    away = dataclasses.replace(
        moved(platform, "redis", "127.0.0.1", 9), containers={**platform.containers, "redis": "christmas-test-nobody-made-this"}
    )
    results = {each.name: each for each in run(away, ["redis"], timeout=120)}
    assert "container christmas-test-nobody-made-this does not exist" in results["redis.reachable"].message
    assert "invoke up" in results["redis.reachable"].next_step
    assert results["redis.accounts"].next_step == "first redis.reachable"
    told = {(each.message, each.next_step) for each in results.values() if each.status == "unknown"}
    assert told == {("could not be checked: see redis.reachable", "")}


def test_a_certificate_for_another_name_is_critical(platform: Platform) -> None:
    # Every address of 127/8 is this machine, and the certificate names only one of them.
    for endpoint in ("postgres", "redis", "weaviate"):
        here = platform.endpoints[endpoint]
        with Forward(here.host, here.port) as port:
            result = only(moved(platform, endpoint, "127.0.0.2", port), f"{endpoint}.tls")
            assert result.status == "critical", result
            assert "verify" in result.message or "mismatch" in result.message


def test_another_authority_is_not_trusted(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> None:
    from infra.provider.certificates import issue_authority

    stranger = tmp_path_factory.mktemp("ca") / "ca.pem"
    stranger.write_text(issue_authority("somebody else", 1)[1])
    for endpoint in ("postgres", "redis", "weaviate", "weaviate_grpc"):
        assert only(dataclasses.replace(platform, ca_file=stranger), f"{endpoint}.tls").status == "critical"


@pytest.mark.parametrize(
    ("endpoint", "answer"),
    [
        ("postgres", b"R\x00\x00\x00\x08\x00\x00\x00\x0a"),
        ("redis", b"-NOAUTH Authentication required.\r\n"),
        ("weaviate", b"HTTP/1.0 200 OK\r\n\r\n"),
        ("weaviate_grpc", b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"),
    ],
)
def test_a_server_that_takes_plain_text_is_recognized(platform: Platform, endpoint: str, answer: bytes) -> None:
    from monitor.ports_and_certificates import PORTS
    from monitor.wire import say_plain

    port = next(each for each in PORTS if each.endpoint == endpoint)
    with Talker(answer) as number:
        assert port.accepted(say_plain("127.0.0.1", number, port.greeting))
    real = platform.endpoints[endpoint]
    assert not port.accepted(say_plain(real.host, real.port, port.greeting))


def test_a_lost_login_is_named(platform: Platform) -> None:
    superuser(platform, "alter role analyst nologin", "postgres")
    try:
        result = only(platform, "postgres.accounts")
    finally:
        superuser(platform, "alter role analyst login", "postgres")
    assert result.status == "critical"
    assert result.value == 1
    assert "analyst" in result.message
    wrong = {**platform.accounts, "rag": dataclasses.replace(platform.accounts["rag"], weaviate="wrong")}
    assert "rag: HTTP 401" in only(dataclasses.replace(platform, accounts=wrong), "weaviate.accounts").message
    wrong = {**platform.accounts, "api": dataclasses.replace(platform.accounts["api"], redis="wrong")}
    assert only(dataclasses.replace(platform, accounts=wrong), "redis.accounts").status == "critical"


def test_a_changed_table_is_told(platform: Platform) -> None:
    superuser(platform, "alter table orders add column surprise text")
    try:
        result = only(platform, "postgres.tables")
    finally:
        superuser(platform, "alter table orders drop column surprise")
    assert (result.status, result.message) == ("warning", "orders.surprise is not declared")
    superuser(platform, "alter table trades rename to hidden")
    try:
        result = only(platform, "postgres.tables")
    finally:
        superuser(platform, "alter table hidden rename to trades")
    assert result.status == "critical"
    assert "table trades is missing" in result.message


def test_an_old_revision_is_critical(platform: Platform) -> None:
    from migrations.run import status

    head = status(platform).head
    superuser(platform, f"update alembic_version set version_num = '{int(head) - 1:04d}'")
    try:
        result = only(platform, "postgres.revision")
    finally:
        superuser(platform, f"update alembic_version set version_num = '{head}'")
    assert (result.status, result.value) == ("critical", 1)
    assert only(platform, "postgres.revision").status == "ok"


def test_planted_keys_are_found_and_the_fixable_ones_mended(platform: Platform) -> None:
    # Other tests use these stores too, and may have left keys.
    present = only(platform, "redis.keyspaces")
    before = 0 if present.status == "ok" else present.value or 0
    with redis_client(platform, "api") as client:
        client.set("rate_limit:10.0.0.1", 1)
        client.set("rate_limit:10.0.0.2", 1, ex=timedelta(hours=1))
        client.set("rate_limit:10.0.0.3", "9" * 30, ex=timedelta(minutes=1))
    try:
        result = only(platform, "redis.keyspaces")
        mended = keyspaces.mend(platform)
        left = only(platform, "redis.keyspaces")
        with redis_client(platform, "api") as client:
            lives = [int(client.ttl(f"rate_limit:10.0.0.{number}")) for number in (1, 2)]
    finally:
        with redis_client(platform, "api") as client:
            client.delete(*(f"rate_limit:10.0.0.{number}" for number in (1, 2, 3)))
    assert (result.status, result.value) == ("critical", before + 3)
    for fault in ("without an expiry", "with a longer expiry than declared", "of another shape than declared"):
        assert f"rate_limit {fault}" in result.message
    assert "session" in result.message
    assert "10.0.0.1" not in result.message
    assert mended >= 2
    assert all(0 < life <= 60 for life in lives)
    assert (left.status, left.value) == ("warning", before - (mended - 2) + 1)


def test_a_setting_changed_by_hand_is_told(platform: Platform) -> None:
    with redis_client(platform, "admin") as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        client.config_set("save", "")
        try:
            result = only(platform, "redis.policy")
        finally:
            client.config_set("maxmemory-policy", "volatile-ttl")
            client.config_set("save", REDIS_POLICY.fixed["save"])
    assert (result.status, result.value) == ("warning", 2)
    assert "maxmemory-policy is allkeys-lru, not volatile-ttl" in result.message
    assert only(platform, "redis.policy").status == "ok"


@pytest.mark.parametrize(
    ("by_hand", "undone", "told"),
    [
        ("alter system set work_mem = '5MB'", "alter system reset work_mem", "work_mem set by alter system"),
        ("alter system set max_connections = 77", "alter system reset max_connections", "max_connections waits for a restart"),
        ("alter database christmas_db set jit = on", "alter database christmas_db reset jit", "jit set for database christmas_db"),
        ("alter role all set jit = on", "alter role all reset jit", "jit set for everybody"),
    ],
    ids=["system", "after a restart", "database", "everybody"],
)
def test_a_setting_of_postgresql_made_by_hand_is_told_by_name(platform: Platform, by_hand: str, undone: str, told: str) -> None:
    superuser(platform, by_hand)
    superuser(platform, "select pg_reload_conf()")
    try:
        wait_for(lambda: told in only(platform, "postgres.settings").message, told)
        assert only(platform, "postgres.settings").status == "warning"
    finally:
        superuser(platform, undone)
        superuser(platform, "select pg_reload_conf()")
    wait_for(lambda: only(platform, "postgres.settings").status == "ok", "it is as before")


def test_memory_running_out_is_told_before_anything_is_evicted(platform: Platform) -> None:
    with redis_client(platform, "admin") as client:
        bound = int(client.config_get("maxmemory")["maxmemory"] or 0)
        used = int(client.info("memory")["used_memory"])
        evicted = int(client.info("stats")["evicted_keys"])  # by other tests of these stores
        try:
            client.config_set("maxmemory", round(used / 0.8))
            tight = only(platform, "redis.memory")
            client.config_set("maxmemory", round(used / 0.95))
            tighter = only(platform, "redis.memory")
            client.config_set("maxmemory", 0)
            boundless = only(platform, "redis.memory")
        finally:
            client.config_set("maxmemory", bound)
        assert int(client.info("stats")["evicted_keys"]) == evicted
    assert [each.status for each in (tight, tighter, boundless)] == ["warning", "critical", "critical"]
    assert only(platform, "redis.memory").status == "ok"


def test_a_stopped_container_is_critical(platform: Platform) -> None:
    client = docker_client()
    image = client.containers.get(platform.containers["redis"]).image
    assert image is not None
    stopped = client.containers.create(str(image.id), ["true"], labels={"com.christmas.project": "christmas-tests"})
    try:
        seen = dataclasses.replace(platform, containers={**platform.containers, "redis": str(stopped.name), "more": "christmas-nowhere"})
        result = only(seen, "containers.health")
    finally:
        stopped.remove(force=True)
    assert result.status == "critical"
    assert "redis is created" in result.message
    assert "more has no container" in result.message


def test_an_archive_that_fails_is_critical(platform: Platform) -> None:
    superuser(platform, "alter system set archive_command = 'false'")
    superuser(platform, "select pg_reload_conf()")
    superuser(platform, "select pg_create_restore_point('x'); ")
    superuser(platform, "select pg_switch_wal()")
    try:
        assert only(platform, "backup.archive").status == "critical"
        wait_for(lambda: "fails" in only(platform, "backup.archive").message, "the server has failed to archive", pause=0.5)
        result = only(platform, "backup.archive")
        late = backup_alarms.judge_waiting(
            *waiting_log(platform), dataclasses.replace(BACKUP_ALARMS, waiting_warn_after=timedelta(0)), MINUTE
        )
        assert late.status == "warning"
        # On a slow machine the server has meanwhile begun another one by itself.
        assert "segments wait to be archived, the oldest for" in late.message
        assert only(platform, "backup.waiting").status == "ok"
    finally:
        superuser(platform, "alter system reset archive_command")
        superuser(platform, "select pg_reload_conf()")
    assert result.status == "critical"
    assert "archiving fails" in result.message
    wait_for(lambda: only(platform, "backup.archive").status == "ok", "the server archives again", pause=1)


def waiting_log(platform: Platform) -> tuple[int, float | None, int]:
    with postgres(platform, "monitor") as connection:
        row = connection.execute(query("waiting")).fetchone()
    assert row is not None
    return row[0], row[1], row[2]


def test_log_that_is_never_finished_is_critical(platform: Platform) -> None:
    superuser(platform, "alter system set archive_timeout = 0")
    superuser(platform, "select pg_reload_conf()")
    try:
        wait_for(lambda: only(platform, "backup.waiting").status != "ok", "the server has read its settings again", pause=0.2)
        result = only(platform, "backup.waiting")
    finally:
        superuser(platform, "alter system reset archive_timeout")
        superuser(platform, "select pg_reload_conf()")
    assert result.status == "critical"
    assert "archive_timeout is 0 s" in result.message


class Talker:
    """A server that answers anything with the same bytes."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def __enter__(self) -> int:
        self._server = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()
        return int(self._server.getsockname()[1])

    def _serve(self) -> None:
        try:
            with self._server.accept()[0] as client:
                client.recv(100)
                client.sendall(self._answer)
        except OSError:
            return

    def __exit__(self, *_: object) -> None:
        self._server.close()


class Forward:
    """A port on 127.0.0.2 that leads to another address, for a few connections."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)

    def __enter__(self) -> int:
        self._server = socket.create_server(("127.0.0.2", 0))
        threading.Thread(target=self._serve, daemon=True).start()
        return int(self._server.getsockname()[1])

    def _serve(self) -> None:
        while True:
            try:
                client = self._server.accept()[0]
            except OSError:
                return
            other = socket.create_connection(self._target)
            for source, sink in ((client, other), (other, client)):
                threading.Thread(target=_pump, args=(source, sink), daemon=True).start()

    def __exit__(self, *_: object) -> None:
        self._server.close()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while piece := source.recv(65_536):
            sink.sendall(piece)
    except OSError:
        pass
    finally:
        for each in (source, sink):
            each.close()
