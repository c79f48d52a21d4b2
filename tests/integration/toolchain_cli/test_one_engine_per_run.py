"""Set-up, tasks, the `pulumi` command and the Docker plugin work on one engine, also where the machine's own socket leads nowhere."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import subprocess
import sys
import uuid
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from core.docker_client import connect
from tests.support.cases import in_make_test
from tests.support.engine_forwarder import Forwarder, forward

if TYPE_CHECKING:
    from .conftest import Clone

PROJECT = Path(__file__).parents[3]
PROGRAM = """
import pulumi_docker as docker
docker.Volume("one", name={name!r}, labels=[docker.VolumeLabelArgs(label="com.christmas.stack", value={name!r})])
"""
SETUP = """
from core.progress import SilentProgress
from airgap.setup.docker_engine import ensure_engine
ensure_engine(SilentProgress())
"""
TASKS = """
from infra.stacks import data_volumes
print(data_volumes("test-nothing"))
"""


@pytest.fixture
def forwarder(tmp_path: Path) -> Iterator[Forwarder]:
    """Another address of the engine."""
    with forward(tmp_path / "forwarded.sock") as made:
        yield made


@pytest.fixture(params=in_make_test(["DOCKER_HOST", "DOCKER_CONTEXT", "currentContext"], 2))
def named_by(request: pytest.FixtureRequest, forwarder: Forwarder, tmp_path: Path) -> dict[str, str]:
    """The variables of a user who names that address in one of the three ways."""
    if request.param == "DOCKER_HOST":
        return {"DOCKER_HOST": forwarder.url}
    folder = tmp_path / "docker-config"
    meta = folder / "contexts" / "meta" / sha256(b"other").hexdigest() / "meta.json"
    meta.parent.mkdir(parents=True)
    meta.write_text(json.dumps({"Name": "other", "Metadata": {}, "Endpoints": {"docker": {"Host": forwarder.url}}}))
    (folder / "config.json").write_text(json.dumps({"currentContext": "other"} if request.param == "currentContext" else {}))
    return {"DOCKER_CONFIG": str(folder)} | ({"DOCKER_CONTEXT": "other"} if request.param == "DOCKER_CONTEXT" else {})


def _without_the_local_socket(command: list[str], folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command where /var/run/docker.sock is a file that nobody listens at; only the command sees that."""
    assert os.geteuid() == 0, "hiding the engine's socket takes a mount namespace: run this test as root"
    script = f"mount --bind /dev/null $(readlink -f /var/run/docker.sock) && exec {shlex.join(command)}"
    return subprocess.run(
        ["unshare", "--mount", "--propagation=private", "/bin/sh", "-c", script],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


@pytest.mark.exhaustive
def test_the_engine_that_is_named_is_the_only_one(stack: Clone, forwarder: Forwarder, named_by: dict[str, str]) -> None:
    name = f"christmas-test-engine-{uuid.uuid4().hex[:8]}"
    stack.program.write_text(PROGRAM.format(name=name))
    environment = {**stack.environment(), **named_by}
    pulumi = str(Path(sys.executable).with_name("pulumi"))

    def volumes() -> list[str]:
        with contextlib.closing(connect()) as client:
            return [str(volume.name) for volume in client.volumes.list()]

    for program in (SETUP, TASKS):
        before = len(forwarder.calls)
        done = _without_the_local_socket([sys.executable, "-c", program], PROJECT, environment)
        assert done.returncode == 0, done.stdout + done.stderr
        assert len(forwarder.calls) > before

    up = _without_the_local_socket([pulumi, "up", "--yes", "--skip-preview"], stack.root, environment)
    try:
        assert up.returncode == 0, up.stdout + up.stderr
        assert f"Docker engine: {forwarder.url}" in up.stderr
        assert any(call.startswith("POST ") and call.split()[1].endswith("/volumes/create") for call in forwarder.calls)
        assert name in volumes()
        down = _without_the_local_socket([pulumi, "destroy", "--yes", "--skip-preview"], stack.root, environment)
        assert down.returncode == 0, down.stdout + down.stderr
        assert name not in volumes()
    finally:
        with contextlib.closing(connect()) as client:
            for left in client.volumes.list(filters={"name": name}):
                left.remove(force=True)


def test_a_context_that_is_gone_stops_everything_in_one_message(stack: Clone) -> None:
    environment = {**stack.environment(), "DOCKER_CONTEXT": "gone"}
    said = stack.pulumi("up", "--yes", check=False, DOCKER_CONTEXT="gone")
    assert said.returncode == 1
    assert "The Docker context `gone` can't be read" in said.stderr
    assert stack.pulumi("version", DOCKER_CONTEXT="gone").stdout
    tasks = subprocess.run([sys.executable, "-c", TASKS], cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    assert "The Docker context `gone` can't be read" in tasks.stderr
