"""Faults of a running stack, each made on purpose and taken back: what `python -m bench.detection` waits to be told of."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from redis.exceptions import ResponseError

from christmas.blueprint.relational import DATABASE
from christmas.blueprint.services import EMBEDDER, REDIS, TIMESCALEDB
from core.container_commands import execute
from core.docker_client import docker_client
from infra.clients import postgres, redis_client
from infra.connections import ROOT, Platform
from infra.provider.weaviate_api import WeaviateApi

_LOOK = (str(ROOT / ".venv/bin/invoke"), "check", "--json")


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault, the check that has to tell of it within `seconds`, and which others it may make critical, by name or prefix.

    `make` gives, as long as it lasts, the command that looks.
    """

    name: str
    check: str
    seconds: float
    make: Callable[[Platform], AbstractContextManager[tuple[str, ...]]]
    brings: tuple[str, ...] = ()

    def explains(self, check: str) -> bool:
        """Whether a check is critical because of this fault."""
        return any(check == name or check.startswith(f"{name}.") for name in (self.check, *self.brings))


def _container(platform: Platform, service: str) -> Any:
    return docker_client().containers.get(platform.containers[service])


def _processes(platform: Platform, service: str, word: str) -> list[int]:
    """The numbers on this machine of a container's processes whose command has this word."""
    rows = _container(platform, service).top(ps_args="-o pid,args")["Processes"]
    return [int(pid) for pid, line in rows if word in line and "docker-init" not in line]


def _superuser(platform: Platform, *statements: str) -> None:
    options = [word for statement in statements for word in ("-c", statement)]
    line = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", DATABASE, *options]
    execute(platform.containers[TIMESCALEDB.name], line, user="postgres")


def _stopped(service: str) -> Callable[[Platform], AbstractContextManager[tuple[str, ...]]]:
    @contextmanager
    def make(platform: Platform) -> Iterator[tuple[str, ...]]:
        container = _container(platform, service)
        container.kill("SIGKILL")
        try:
            yield _LOOK
        finally:
            container.start()

    return make


def _hangs(service: str, word: str) -> Callable[[Platform], AbstractContextManager[tuple[str, ...]]]:
    @contextmanager
    def make(platform: Platform) -> Iterator[tuple[str, ...]]:
        standing = _processes(platform, service, word)
        for pid in standing:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        try:
            yield _LOOK
        finally:
            for pid in standing:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    return make


@contextmanager
def _cut_off(platform: Platform) -> Iterator[tuple[str, ...]]:
    container, network = _container(platform, TIMESCALEDB.name), docker_client().networks.get(platform.network)
    attached = container.attrs["NetworkSettings"]["Networks"][platform.network]
    network.disconnect(container)
    try:
        yield _LOOK
    finally:
        network.connect(container, aliases=attached["Aliases"], ipv4_address=attached["IPAddress"])


@contextmanager
def _full_disk(_: Platform) -> Iterator[tuple[str, ...]]:
    """The checks see a small disk that is full in the place of Docker's; nobody else does."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", folder], check=True)
        try:
            Path(folder, "filler").write_bytes(bytes(int(15.8 * 2**20)))
            seen = 'mount --bind "$0" "$1" && shift && exec "$@"'
            yield ("unshare", "--mount", "sh", "-c", seen, folder, str(docker_client().info()["DockerRootDir"]), *_LOOK)
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)


@contextmanager
def _slow_disk(platform: Platform) -> Iterator[tuple[str, ...]]:
    """The kernel takes one write a second from PostgreSQL, whose clients go on writing."""
    pid = _container(platform, TIMESCALEDB.name).attrs["State"]["Pid"]
    groups = dict(line.split(":", 2)[1:] for line in Path(f"/proc/{pid}/cgroup").read_text("ascii").splitlines())
    device = Path(str(docker_client().info()["DockerRootDir"])).stat().st_dev
    disk = f"{os.major(device)}:{os.minor(device)}"
    old = "blkio" in groups
    file = Path(f"/sys/fs/cgroup/blkio{groups['blkio']}/blkio.throttle.write_iops_device" if old else f"/sys/fs/cgroup{groups['']}/io.max")
    file.write_text(f"{disk} 1" if old else f"{disk} wiops=1")
    try:
        with _beside(lambda: _commit(platform)):
            yield _LOOK
    finally:
        file.write_text(f"{disk} 0" if old else f"{disk} wiops=max")


def _commit(platform: Platform) -> None:
    with contextlib.suppress(psycopg.OperationalError), postgres(platform, "api", autocommit=True) as connection:
        connection.execute("update users set is_active = is_active where id = (select min(id) from users)")


@contextmanager
def _beside(work: Callable[[], object]) -> Iterator[None]:
    """Something that is done again and again until the block ends."""
    over = threading.Event()

    def go_on() -> None:
        while not over.wait(0.2):
            work()

    thread = threading.Thread(target=go_on, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(60)


@contextmanager
def _other_clock(_: Platform) -> Iterator[tuple[str, ...]]:
    """The clock of the process that looks is a quarter of a minute behind, as a machine's is that lost its time server."""
    behind = "import sys, time; now = time.time; time.time = lambda: now() - 15; sys.argv[0] = 'invoke'; from invoke.main import program"
    yield (sys.executable, "-c", f"{behind}; program.run()", *_LOOK[1:])


@contextmanager
def _runaway(platform: Platform) -> Iterator[tuple[str, ...]]:
    with psycopg.connect(platform.postgres_url("api")) as connection:
        connection.execute("set statement_timeout = 0")
        # As a table the series would be written to the disk, and end at the account's bound for temporary files.
        statement = "select count(*) from (select generate_series(1, 1000000000000)) as numbers"
        running = threading.Thread(target=_ended, args=(connection, statement), daemon=True)
        running.start()
        try:
            yield _LOOK
            if not running.is_alive():
                raise RuntimeError("the query ended before it was cancelled")
        finally:
            connection.cancel()
            running.join(60)


def _ended(connection: psycopg.Connection, statement: str) -> None:
    with contextlib.suppress(psycopg.Error):
        connection.execute(statement.encode())


@contextmanager
def _lock_queue(platform: Platform) -> Iterator[tuple[str, ...]]:
    statement = "update users set is_active = is_active where id = (select min(id) from users)"
    with psycopg.connect(platform.postgres_url("api")) as head, psycopg.connect(platform.postgres_url("app")) as other:
        head.execute(statement)
        other.execute("set lock_timeout = 0")
        waiting = threading.Thread(target=_ended, args=(other, statement), daemon=True)
        waiting.start()
        try:
            yield _LOOK
        finally:
            head.rollback()
            waiting.join(60)


@contextmanager
def _flood(platform: Platform) -> Iterator[tuple[str, ...]]:
    """Connections that never log in, opened again as soon as the server ends them."""
    address = platform.endpoints["postgres"].address()
    over = threading.Event()

    def stay() -> None:
        while not over.is_set():
            with contextlib.suppress(OSError), socket.create_connection(address, timeout=0.5) as silent:
                while not over.is_set():
                    with contextlib.suppress(TimeoutError):
                        if not silent.recv(1):
                            break

    threads = [threading.Thread(target=stay, daemon=True) for _ in range(60)]
    for thread in threads:
        thread.start()
    try:
        yield _LOOK
    finally:
        over.set()
        for thread in threads:
            thread.join(10)


@contextmanager
def _evicting(platform: Platform) -> Iterator[tuple[str, ...]]:
    names = [f"rate_limit:192.0.2.{number}" for number in range(3000)]
    with redis_client(platform, "admin") as admin, redis_client(platform, "api") as api:
        with api.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.set(name, "1", ex=300)
            pipe.execute()
        before = str(admin.config_get("maxmemory")["maxmemory"])
        # Those that would expire soonest go first, so it is these.
        admin.config_set("maxmemory", str(int(admin.info("memory")["used_memory"]) - 50_000))
        try:
            api.set(names[0], "1", ex=300)
            yield _LOOK
        finally:
            admin.config_set("maxmemory", before)
            api.delete(*names)


@contextmanager
def _no_log_of_redis(platform: Platform) -> Iterator[tuple[str, ...]]:
    """Redis can't write its append-only file anew: the folder takes no file."""
    container = platform.containers[REDIS.name]
    execute(container, ["chmod", "500", "/data/appendonlydir"])
    try:
        with redis_client(platform, "admin") as admin, contextlib.suppress(ResponseError):
            admin.bgrewriteaof()  # some versions say so at once
        yield _LOOK
    finally:
        execute(container, ["chmod", "700", "/data/appendonlydir"])
        with redis_client(platform, "admin") as admin:
            admin.bgrewriteaof()


@contextmanager
def _read_only(platform: Platform) -> Iterator[tuple[str, ...]]:
    api = WeaviateApi(platform.weaviate_url(), platform.ca_file.read_text(), platform.secret("admin", "weaviate"))
    collection = (api.get("schema") or {"classes": []})["classes"][0]["class"]
    (shard,) = api.get(f"schema/{collection}/shards") or [{}]
    path = f"schema/{collection}/shards/{shard['name']}"
    api._request("PUT", path, {"status": "READONLY"})
    try:
        yield _LOOK
    finally:
        api._request("PUT", path, {"status": "READY"})


@contextmanager
def _not_archived(platform: Platform) -> Iterator[tuple[str, ...]]:
    _superuser(platform, "alter system set archive_command = 'false'", "select pg_reload_conf()")
    try:
        _superuser(platform, "select pg_create_restore_point('bench')", "select pg_switch_wal()")
        yield _LOOK
    finally:
        _superuser(platform, "alter system reset archive_command", "select pg_reload_conf()")


@contextmanager
def _altered(platform: Platform) -> Iterator[tuple[str, ...]]:
    """Somebody gave Redis' container another limit of memory."""
    container = _container(platform, REDIS.name)
    before = container.attrs["HostConfig"]["Memory"]
    container.update(mem_limit=before // 2, memswap_limit=before // 2)
    try:
        yield _LOOK
    finally:
        container.update(mem_limit=before, memswap_limit=before)


@contextmanager
def _deleted_volume(platform: Platform) -> Iterator[tuple[str, ...]]:
    """Redis' volume, and with it the container that used it: Docker deletes no volume that is in use. `invoke up` makes both anew."""
    _container(platform, REDIS.name).remove(force=True)
    docker_client().volumes.get(platform.volumes["redis"]).remove(force=True)
    try:
        yield _LOOK
    finally:
        subprocess.run([_LOOK[0], "up", "--stack", platform.stack], cwd=ROOT, check=True, capture_output=True)
        time.sleep(5)


_POSTGRES, _REDIS, _WEAVIATE = ("postgres", "backup"), ("redis",), ("weaviate", "weaviate_grpc")
FAULTS = (
    Fault("Redis is killed", "redis.reachable", 30, _stopped(REDIS.name), (*_REDIS, "containers.health")),
    Fault("Redis hangs (SIGSTOP)", "redis.reachable", 30, _hangs(REDIS.name, "redis-server"), (*_REDIS, "containers.health")),
    Fault("PostgreSQL hangs (SIGSTOP)", "postgres.reachable", 30, _hangs(TIMESCALEDB.name, "postgres"), (*_POSTGRES, "containers.health")),
    Fault("the disk is full", "host.disk", 30, _full_disk),
    Fault("PostgreSQL's disk is slow", "postgres.commits", 60, _slow_disk),
    Fault("PostgreSQL is cut off from the network", "postgres.reachable", 30, _cut_off, _POSTGRES),
    Fault("the clock is 15 s behind", "host.clock", 30, _other_clock),
    Fault("a runaway query", "postgres.sessions", 60, _runaway),
    Fault("a queue for a lock", "postgres.locks", 30, _lock_queue),
    Fault("a flood of connections", "postgres.logins", 30, _flood, _POSTGRES),
    Fault("Redis throws keys away", "redis.evictions", 60, _evicting, ("redis.memory",)),
    Fault("Redis can't write its log anew", "redis.persistence", 30, _no_log_of_redis),
    Fault("Weaviate is read-only", "weaviate.shards", 30, _read_only),
    Fault("the embedder is down", "embedder.reachable", 30, _stopped(EMBEDDER.name), ("embedder", "containers.health")),
    Fault("the log can't be archived", "backup.archive", 30, _not_archived, ("backup.waiting",)),
    Fault("a container was altered", "containers.settings", 30, _altered),
    Fault("Redis' volume is deleted", "redis.reachable", 30, _deleted_volume, (*_REDIS, "containers.health")),
)
