"""Faults of the machine below a running stack, by the pages of docs/runbooks: its disk, its memory, its pace. See test_runbooks.py.

Nothing is taken from the real machine. Monitoring's volume, whose file system stands for the disk, is a small one here, and the memory that
node exporter and the checks are shown is a container's.
"""

from __future__ import annotations

import contextlib
import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import docker
import psycopg
import pytest
from docker.models.containers import Container

from airgap.images.catalog import BASE_IMAGE
from christmas.blueprint.machine_alarms import HOST_ALARMS
from christmas.blueprint.services import MONITORING
from core.labels import PROJECT_LABEL, STACK_LABEL
from infra import clients
from infra.components.monitoring_container import DATA, DATA_PATH
from monitor.containers import memory_of
from tests.end_to_end.conftest import Stack
from tests.end_to_end.watched import Watched, carry_out, fires, forget_figures, is_counted, is_over, run_of, watching
from tests.support import runbooks, scratch
from tests.support.inside import inside, printed_alone, signal_named
from tests.support.this_machine import seeing, shown_in, slow_disk, small_disk
from tests.support.waiting import wait_for

pytestmark = pytest.mark.exhaustive

_MIB = 2**20
DISK_MIB = 256
FILLER = f"{DATA_PATH}/filler"
MEMORY_MIB = 256


@pytest.fixture(scope="module")
def watched(stack: Stack) -> Iterator[Watched]:
    """The stack with monitoring, whose volume is a file system of its own, which can really be full."""
    client = docker.from_env()
    forget_figures(stack)
    volume = client.volumes.create(f"christmas-{stack.name}-{DATA}", labels={PROJECT_LABEL: "christmas", STACK_LABEL: stack.name})
    folder = volume.attrs["Mountpoint"]
    try:
        with small_disk(folder, DISK_MIB, MONITORING.user), watching(stack) as seen:
            # The checks of the machine see that disk in the place of Docker's.
            seen.through = seeing(folder, client.info()["DockerRootDir"])
            is_counted(seen, "christmas:disk_free:share")
            yield seen
    finally:
        volume.remove()


def share_left(watched: Watched) -> float:
    (share,) = watched.query("christmas:disk_free:share").values()
    return share


@contextlib.contextmanager
def filled(watched: Watched, share: float) -> Iterator[Container]:
    """Another program's file takes all of the disk but this share."""
    container = watched.stack.container(MONITORING.name)
    free = int(inside(container, "df", "--output=avail", "-B1", DATA_PATH).split()[-1])
    taken = free - int(share * DISK_MIB * _MIB)
    inside(container, "sh", "-c", f"head -c {taken} /dev/zero >{FILLER}")
    try:
        yield container
    finally:
        inside(container, "rm", "-f", FILLER)


@contextlib.contextmanager
def sooner(watched: Watched, before: str, after: str) -> Iterator[None]:
    """Prometheus' rules with a time that an alert waits changed, and put back."""
    container = watched.stack.container(MONITORING.name)

    def change(one: str, other: str) -> None:
        volume = f"christmas-{watched.stack.name}-{MONITORING.name}-config"
        said = printed_alone(
            BASE_IMAGE,
            *("sed", "-i", f"s/for: {one}$/for: {other}/w /dev/stdout", "/config/rules/platform.yml"),
            volumes={volume: {"bind": "/config", "mode": "rw"}},
            network_mode="none",
        )
        assert said.count("\n") == 1, "one rule waits so long"
        signal_named(container, "prometheus", "HUP")

    change(before, after)
    try:
        yield
    finally:
        change(after, before)


def test_a_disk_that_fills_up(watched: Watched) -> None:
    # Before the other test of the disk: what it freed again would be among the six hours.
    with sooner(watched, "30m", "61s"), filled(watched, 0.45) as container:
        began = time.monotonic()
        container.exec_run(["sh", "-c", f"echo $$ >/tmp/filling; while sleep 1; do head -c 200000 /dev/zero >>{FILLER}; done"], detach=True)
        try:
            labels = fires(watched, "DiskFillsUp", began)
            assert labels["severity"] == "warning"
            assert share_left(watched) > HOST_ALARMS.disk_warn, "there is time left"
            assert carry_out(watched, "DiskFillsUp", "Confirm")[1] == 0
        finally:
            inside(container, "sh", "-c", "kill $(cat /tmp/filling); rm /tmp/filling")
    is_over(watched, "DiskFillsUp")


def test_a_disk_that_is_nearly_full(watched: Watched) -> None:
    assert share_left(watched) > 0.5
    began = time.monotonic()
    with filled(watched, HOST_ALARMS.disk_critical * 0.7):
        assert fires(watched, "DiskAlmostFull", began)["severity"] == "critical"
        assert carry_out(watched, "DiskAlmostFull", "Confirm") == [2, 0]
        # The other two would take what is somebody else's on this machine: here another program's file goes.
        mending = [line for line in runbooks.commands("DiskAlmostFull", "Mend") if not line.startswith("docker ")]
        assert [run_of(watched, line) for line in mending] == [0]
    is_over(watched, "DiskAlmostFull")


def memory(machine: Container) -> int:
    """What a container has of memory, as Docker counts it."""
    used, _ = memory_of(docker.from_env().api.stats(str(machine.id), stream=False, one_shot=True))
    assert used is not None
    return used


def _line(real: re.Match[str], sizes: Mapping[str, int]) -> str:
    """A line of /proc/meminfo with the size in its place, if there is one of that name."""
    return f"{real[1]}: {sizes[real[1]] // 1024:15}" if real[1] in sizes else real[0]


@contextlib.contextmanager
def another_machine(watched: Watched) -> Iterator[tuple[Container, Path]]:
    """A container with little memory as the machine: yields it, and a file that always tells its memory in the form of /proc/meminfo."""
    real = Path("/proc/meminfo").read_text("ascii")
    data = Path(docker.from_env().volumes.get(f"christmas-{watched.stack.name}-{DATA}").attrs["Mountpoint"])
    file, over = data / "meminfo", threading.Event()
    machine = docker.from_env().containers.run(
        BASE_IMAGE,
        ["sleep", "infinity"],
        init=True,
        mem_limit=f"{MEMORY_MIB}m",
        memswap_limit=f"{MEMORY_MIB}m",
        network_mode="none",
        labels=scratch.labels(),
        detach=True,
    )

    def tell() -> None:
        used, limit = memory(machine), MEMORY_MIB * _MIB
        sizes = {"MemTotal": limit, "MemFree": limit - used, "MemAvailable": limit - used}
        text = re.sub(r"^(\w+):\s+\d+", lambda line: _line(line, sizes), real, flags=re.MULTILINE)
        # In one write, and of one length: whoever reads meanwhile sees the one or the other.
        with file.open("r+" if file.exists() else "w", encoding="ascii") as open_file:
            open_file.write(text)

    def go_on_telling() -> None:
        while not over.wait(1):
            tell()

    try:
        tell()
        file.chmod(0o644)
        with ThreadPoolExecutor(1) as pool:
            telling = pool.submit(go_on_telling)
            try:
                yield machine, file
            finally:
                over.set()
            telling.result()
    finally:
        machine.remove(force=True)
        file.unlink(missing_ok=True)


def test_memory_that_runs_out(watched: Watched) -> None:
    container = watched.stack.container(MONITORING.name)
    with another_machine(watched) as (machine, file), shown_in(container, f"{DATA_PATH}/meminfo", "/proc/meminfo"):
        there = Watched(watched.stack, watched.receiver, seeing(str(file), "/proc/meminfo"))
        assert run_of(there, "invoke check --only host.memory") == 0
        began = time.monotonic()
        taken = int(MEMORY_MIB * _MIB * 0.98) - memory(machine)
        machine.exec_run(["sh", "-c", f"(head -c {taken} /dev/zero; sleep 3600) | tail -c {taken}"], detach=True)
        assert fires(there, "MemoryRunsOut", began)["severity"] == "critical"
        assert carry_out(there, "MemoryRunsOut", "Confirm") == [2, 0]
        # "End what does not belong there."
        signal_named(machine, "tail", "TERM")
        is_over(there, "MemoryRunsOut")


def commits(watched: Watched) -> None:
    with contextlib.suppress(psycopg.OperationalError), clients.postgres(watched.platform, "api", autocommit=True) as connection:
        for _ in range(3):
            assert connection.execute("update users set is_active = is_active where id = (select min(id) from users)").rowcount == 1


def saves(watched: Watched) -> None:
    with clients.redis_client(watched.platform, "api") as client:
        for number in range(100):
            client.set(f"rate_limit:192.0.2.{number}", "1" * 100, ex=300)
            time.sleep(0.02)


@pytest.mark.parametrize(
    ("service", "check", "write"), [("timescaledb", "postgres.commits", commits), ("redis", "redis.persistence", saves)]
)
def test_a_disk_that_is_slow(watched: Watched, service: str, check: str, write: Callable[[Watched], None]) -> None:
    container = watched.stack.container(service)

    def look() -> tuple[str, float]:
        """What it says, and the delays or milliseconds that it counts; on a busy machine there may be some before."""
        write(watched)
        (found,) = json.loads(watched.stack.invoke("check", "--json", "--only", check, check=False).stdout)["checks"]
        return found["status"], found["value"] if found["unit"] in {"delays", "milliseconds"} else 0

    def tells() -> bool:
        status, value = look()
        return status in {"warning", "critical"} and value > before

    look()
    _, before = look()
    began = time.monotonic()
    with slow_disk(container, 1):
        wait_for(tells, f"{check} tells of it", pause=1)
        print(f"{check} told of it {time.monotonic() - began:.0f} s after the disk became slow")
        reached = ",".join(f"{each}.reachable" for each in ("postgres", "redis", "weaviate"))
        assert watched.stack.check("--only", reached).returncode == 0, "nothing is called down that is only slow"
    if check == "postgres.commits":
        wait_for(lambda: look()[0] == "ok", f"{check} is ok again", pause=1)
