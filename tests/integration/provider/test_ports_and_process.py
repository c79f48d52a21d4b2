"""Host ports between stacks, and the plugin as a process: quiet, gone with its engine."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import uuid
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import docker
import pytest

from core.labels import TESTS_OWNER_LABEL
from tests.integration.provider.kept import Kept
from tests.support import scratch
from tests.support.waiting import PATIENCE, wait_for

PLUGIN = Path(__file__).resolve().parents[3] / "infra/provider/bin/pulumi-resource-christmas"
FIRST = 28_700  # away from the platform's own


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def block(stack: str = "one", **preferred: int) -> Kept:
    return Kept("PortBlock", {"preferred": preferred}, stack=stack)


def _choose(stack: str) -> dict[str, int]:
    return dict(block(stack, redis=FIRST, https=FIRST, grpc=FIRST + 1).up()["ports"])


@pytest.mark.exhaustive
def test_stacks_that_come_up_at_once_get_different_ports() -> None:
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as pool:
        blocks = list(pool.map(_choose, [f"stack{number}" for number in range(3)]))
    ports = [port for each in blocks for port in each.values()]
    assert len(ports) == len(set(ports)) == 9


def test_a_port_in_use_or_published_by_a_stopped_container_is_passed_over() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", FIRST))
        listener.listen()
        client = docker.from_env()
        stopped = client.containers.create(
            scratch.image("redis"), name=f"christmas-tests-ports-{uuid.uuid4().hex[:8]}", labels=scratch.labels(),
            ports={"6379/tcp": ("127.0.0.1", FIRST + 1)},
        )  # fmt: skip
        try:
            assert block(redis=FIRST).up()["ports"] == {"redis": FIRST + 2}
        finally:
            stopped.remove(force=True)


def test_a_stack_whose_state_was_lost_keeps_the_ports_that_its_containers_hold() -> None:
    client = docker.from_env()
    running = client.containers.run(
        scratch.image("redis"), ["60"], entrypoint=["sleep"], name=f"christmas-tests-ports-{uuid.uuid4().hex[:8]}", detach=True,
        labels={"com.christmas.project": "christmas", "com.christmas.stack": "lost-scratch", TESTS_OWNER_LABEL: str(os.getpid())},
        ports={"6379/tcp": ("127.0.0.1", FIRST + 3)},
    )  # fmt: skip
    try:
        assert block("lost-scratch", redis=FIRST + 3).up()["ports"] == {"redis": FIRST + 3}
        assert block("another", redis=FIRST + 3).up()["ports"] == {"redis": FIRST + 4}
    finally:
        running.remove(force=True)


def test_a_block_is_kept_grows_and_frees_its_reservation() -> None:
    ports = block(redis=FIRST + 10)
    ports.up()
    ports.inputs = {"preferred": {"redis": FIRST + 10, "https": FIRST + 10}}
    with socket.socket() as listener:  # its own service, by now
        listener.bind(("127.0.0.1", FIRST + 10))
        assert ports.up()["ports"] == {"redis": FIRST + 10, "https": FIRST + 11}
    assert block("another", redis=FIRST + 10).up()["ports"] == {"redis": FIRST + 12}
    ports.destroy()
    assert block("third", redis=FIRST + 10).up()["ports"] == {"redis": FIRST + 10}


def test_an_address_of_another_machine_is_an_error() -> None:
    with pytest.raises(Exception, match=r"192\.0\.2\.1 is not an address of this machine"):
        Kept("PortBlock", {"preferred": {"redis": FIRST}, "address": "192.0.2.1"}).up()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_plugin_ends_quietly_on_a_signal(number: signal.Signals) -> None:
    plugin = subprocess.Popen([PLUGIN, "-logtostderr", "127.0.0.1:1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert plugin.stdout is not None
    assert plugin.stderr is not None
    with plugin.stdout, plugin.stderr:
        assert 0 < int(plugin.stdout.readline()) < 65536
        plugin.send_signal(number)
        assert plugin.wait(PATIENCE) == 0
        assert plugin.stdout.read() == plugin.stderr.read() == ""


@pytest.mark.exhaustive
def test_the_plugin_ends_with_an_engine_that_was_killed() -> None:
    script = f"import subprocess as s; p = s.Popen([{str(PLUGIN)!r}, '127.0.0.1:1']); print(p.pid, flush=True); p.wait()"
    engine = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert engine.stdout is not None
    with engine.stdout:
        plugin, port = int(engine.stdout.readline()), int(engine.stdout.readline())
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE):
            pass
        engine.kill()
        engine.wait(PATIENCE)
        wait_for(lambda: not Path(f"/proc/{plugin}").exists(), "the plugin is gone")
