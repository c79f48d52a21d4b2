"""Runs that end too soon, killed, interrupted or failed: the next one goes on from what they left."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path

import docker
import pytest

from tests.integration.toolchain.docker_lab import Lab, image
from tests.integration.toolchain.docker_rpc import Plugin
from tests.integration.toolchain.test_docker_plugin_lifecycle import LABELS, NAME, in_container, program
from tests.support.waiting import PATIENCE, wait_for

_OK = {"tests": ["CMD", "test", "-e", "/data/ok"], "interval": "0.3s", "retries": 2}
_SLOW = program(healthcheck={**_OK, "retries": 10000}, wait=True, wait_timeout=240)


@pytest.mark.exhaustive
def test_a_container_that_is_not_healthy_is_recorded_and_finished_by_the_next_up(lab: Lab, engine: docker.APIClient) -> None:
    failed = lab.run("up", program(healthcheck=_OK, wait=True, wait_timeout=10))
    assert failed.code == 1
    assert f"container `{NAME}` is unhealthy" in failed.text
    assert f"docker logs {NAME}" in failed.text
    left = lab.container()
    assert left["id"] == engine.inspect_container(NAME)["Id"]
    assert left["initErrors"]
    in_container(engine, "sh", "-c", ": > /data/ok")
    lab.run("up").succeeded()
    assert lab.container()["id"] == left["id"]
    assert "initErrors" not in lab.container()


@pytest.mark.exhaustive
def test_a_create_that_was_killed_is_taken_over(lab: Lab, engine: docker.APIClient) -> None:
    with lab.start("up", _SLOW) as process:
        left = _running(engine, process)
        for pid in (process.pid, *_descendants(process.pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    lab.run("cancel").succeeded()  # the killed run's lock
    assert not lab.resources("Container")
    in_container(engine, "sh", "-c", ": > /data/ok")
    lab.run("up").succeeded()
    assert lab.container()["id"] == left
    assert lab.run("up", refresh=True).changes == {}


@pytest.mark.exhaustive
def test_an_interrupted_create_is_recorded_and_finished(lab: Lab, engine: docker.APIClient) -> None:
    with lab.start("up", _SLOW) as process:
        left = _running(engine, process)
        (cli,) = [pid for pid in _descendants(process.pid) if Path(f"/proc/{pid}/comm").read_text().strip() == "pulumi"]
        os.kill(cli, signal.SIGINT)
        told, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert f"container `{NAME}` is not ready: the wait was interrupted" in told
    assert lab.container()["id"] == left
    in_container(engine, "sh", "-c", ": > /data/ok")
    lab.run("up").succeeded()
    assert lab.container()["id"] == left


def test_a_create_that_was_never_recorded_is_taken_over_as_it_is(engine: docker.APIClient) -> None:
    inputs = {"name": NAME, "image": image(), "command": ["sleep", "600"], "init": True, "destroyGraceSeconds": 1}
    with Plugin() as plugin:
        network = {"name": NAME, "labels": LABELS}
        first = [plugin.create("Network", network), plugin.create("Volume", {"name": NAME}), plugin.create("Container", inputs)]
        again = [plugin.create("Network", network), plugin.create("Volume", {"name": NAME}), plugin.create("Container", inputs)]
        assert [made.id for made in again] == [made.id for made in first]
        assert again[2].outputs == first[2].outputs
        changed = plugin.create("Container", {**inputs, "envs": ["A=1"]})
        assert changed.id != first[2].id
        assert [item["Id"] for item in engine.containers(all=True, filters={"name": NAME})] == [changed.id]
        for made in (changed, first[1], first[0]):
            plugin.delete(made)


@pytest.mark.exhaustive
def test_a_container_that_was_only_created_is_filled_and_started(engine: docker.APIClient) -> None:
    with Plugin() as plugin:
        inputs = {"name": NAME, "image": image(), "command": ["sleep", "600"], "init": True, "destroyGraceSeconds": 1}
        inputs["uploads"] = [{"file": "/etc/x", "content": "y"}]
        created = plugin.create("Container", {**inputs, "start": False})
        assert engine.inspect_container(NAME)["State"]["Status"] == "created"
        again = plugin.create("Container", inputs)
        assert again.id == created.id
        assert in_container(engine, "cat", "/etc/x") == "y"
        plugin.delete(again)


def _running(engine: docker.APIClient, process: subprocess.Popen[str]) -> str:
    """Return the container's id once it runs."""

    def found() -> str:
        assert process.poll() is None, f"no container came up: {process.communicate()[0]}"
        with contextlib.suppress(docker.errors.NotFound):
            made = engine.inspect_container(NAME)
            if made["State"]["Running"]:
                return str(made["Id"])
        return ""

    try:
        return wait_for(found, "the container runs")
    except AssertionError:
        process.kill()
        raise


def _descendants(process: int) -> list[int]:
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [pid for child in children for pid in (int(child), *_descendants(int(child)))]
