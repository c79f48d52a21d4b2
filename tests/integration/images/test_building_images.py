from __future__ import annotations

import io
import os
import re
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import docker
import docker.errors
import pytest

from airgap.images import base
from airgap.images.build import build_image, ensure_images, missing_images
from airgap.images.catalog import BASE_IMAGE, FOLDER, REPOSITORY, SERVICES, image_reference, inputs_hash
from airgap.images.versions import IMAGES
from airgap.setup import expected
from core.errors import PlatformError
from core.labels import INPUTS_LABEL, TESTS_OWNER_LABEL
from core.progress import PlainProgress, SilentProgress
from tests.support import scratch
from tests.support.cases import in_make_test
from tests.support.inside import printed_alone
from tests.support.waiting import PATIENCE, wait_for

PROJECT = Path(__file__).parents[3]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A copy of the images' sources; what is built from it is removed again, also the layers of builds that failed."""
    copy = tmp_path / "images"
    shutil.copytree(FOLDER, copy, ignore=shutil.ignore_patterns("__pycache__"))
    yield copy
    scratch.remove_images(os.getpid())


def _reference(folder: Path) -> str:
    return f"{REPOSITORY}/redis:{IMAGES['redis'].tag}-{inputs_hash('redis', folder)}"


def _exists(reference: str) -> bool:
    try:
        docker.from_env().images.get(reference)
    except docker.errors.ImageNotFound:
        return False
    return True


def _write_dockerfile(folder: Path, *lines: str) -> int:
    """Replace Redis' Dockerfile; return the number of its last line."""
    label = f"LABEL {TESTS_OWNER_LABEL}={os.getpid()}"
    text = ["# a remark, which is no step", "ARG BASE_IMAGE", "FROM ${BASE_IMAGE}", label, "ARG REDIS_VERSION", *lines]
    (folder / "redis/Dockerfile").write_text("\n".join(text) + "\n")
    return len(text)


def test_what_is_there_is_not_built_again() -> None:
    before = {service: docker.from_env().images.get(image_reference(service)).id for service in SERVICES}
    told = io.StringIO()
    assert ensure_images(progress=PlainProgress("images", told)) == {service: image_reference(service) for service in SERVICES}
    assert told.getvalue() == ""
    assert missing_images() == []
    assert {service: docker.from_env().images.get(image_reference(service)).id for service in SERVICES} == before


def test_a_changed_dockerfile_is_built_under_another_tag_beside_the_first(folder: Path) -> None:
    _write_dockerfile(folder, "LABEL changed=yes")
    reference = build_image(docker.from_env(), "redis", SilentProgress(), folder=folder)
    assert reference == _reference(folder) != image_reference("redis")
    labels = docker.from_env().images.get(reference).labels
    assert labels["changed"] == "yes"
    assert reference.endswith(labels[INPUTS_LABEL])
    assert _exists(image_reference("redis"))


FAILURES = {
    "a command fails": (["RUN echo about to fail; echo the reason >&2; exit 7"], ["exit code 7", "the reason", "step 6/7"]),
    "no such package": (
        ["RUN apt-get update -q && apt-get install -q -y no-such-package-at-all"],
        ["no-such-package-at-all", "exit code 100"],
    ),
    "no such version": (["RUN apt-get update -q && apt-get install -q -y bash=99.*"], ["versions.py", "99.*"]),
    "a missing file": (["COPY missing.conf /etc/"], ["missing.conf", "step 6/7"]),
    "an unknown instruction": (["RNU true"], ["RNU"]),
}


@pytest.mark.parametrize(("lines", "expected"), in_make_test(FAILURES.values(), 0, 4), ids=FAILURES.keys())
def test_a_failing_dockerfile_is_told_by_image_line_and_last_output(folder: Path, lines: list[str], expected: list[str]) -> None:
    label = uuid.uuid4().hex
    line = _write_dockerfile(folder, f"LABEL {BUILD_LABEL}={label}", *lines)
    with pytest.raises(PlatformError) as caught:
        build_image(docker.from_env(), "redis", SilentProgress(), folder=folder)
    message = str(caught.value)
    assert _reference(folder) in message
    assert "airgap/images/redis/Dockerfile" in message
    assert "python -m airgap.images.build redis" in message
    for part in expected:
        assert part in message
    if "step" in message:
        assert f"line {line} " in message
    assert len(message.splitlines()) < 30
    assert not _exists(_reference(folder))
    wait_for(lambda: not _containers(label), "the step's container is gone")


BUILD_LABEL = "com.christmas.tests.build"


def _containers(value: str, status: str | None = None) -> list[str]:
    """The containers of a build whose Dockerfile carries that label; plain answers, because others' containers come and go meanwhile."""
    filters: dict[str, str | bool | list[str]] = {"label": f"{BUILD_LABEL}={value}"}
    if status:
        filters["status"] = status
    return [str(container["Id"]) for container in docker.from_env().api.containers(all=True, filters=filters)]


_BUILD = """
import sys
from pathlib import Path
import docker
from airgap.images.build import build_image
from core.progress import PlainProgress, SilentProgress
build_image(docker.from_env(), "redis", SilentProgress(), folder=Path(sys.argv[1]))
"""


@pytest.mark.exhaustive
@pytest.mark.parametrize("signal_", [signal.SIGINT, signal.SIGKILL])
def test_a_build_cut_off_leaves_no_tag_and_no_container_and_the_next_completes(folder: Path, signal_: signal.Signals) -> None:
    label = uuid.uuid4().hex
    _write_dockerfile(folder, f"LABEL {BUILD_LABEL}={label}", "RUN sleep 300")
    process = subprocess.Popen([sys.executable, "-c", _BUILD, str(folder)], cwd=PROJECT, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: _containers(label, "running"), "the step runs")
        process.send_signal(signal_)
        assert process.wait(PATIENCE) != 0
    finally:
        process.kill()
        process.wait()
    # Docker notices that nobody listens any more, ends the step and removes its container.
    wait_for(lambda: not _containers(label), "the step's container is gone")
    assert not _exists(_reference(folder))

    _write_dockerfile(folder, f"LABEL {BUILD_LABEL}={label}", "RUN true")
    assert _exists(build_image(docker.from_env(), "redis", SilentProgress(), folder=folder))


def test_no_room_is_said_before_anything_is_built(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(expected.IMAGE_BYTES, "redis", 10**18)
    with pytest.raises(PlatformError, match=f"No room on disk for building {REPOSITORY}/redis") as caught:
        build_image(docker.from_env(), "redis", SilentProgress(), folder=folder)
    assert "free" in caught.value.next_step


def test_an_engine_that_is_not_there_is_said_with_what_to_do(tmp_path: Path) -> None:
    environment = {**os.environ, "DOCKER_HOST": f"unix://{tmp_path}/no.sock"}
    outcome = _command("redis", environment=environment)
    assert outcome.returncode == 1
    assert "Docker engine can't be reached" in outcome.stderr
    assert "next:" in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_the_command_prints_references_and_refuses_unknown_services() -> None:
    outcome = _command("redis", "embedder")
    assert (outcome.returncode, outcome.stdout.split()) == (0, [image_reference("redis"), image_reference("embedder")])
    outcome = _command("mongodb")
    assert outcome.returncode == 1
    assert "mongodb" in outcome.stderr
    assert "timescaledb" in outcome.stderr


@pytest.mark.exhaustive
@pytest.mark.parametrize("service", SERVICES)
def test_the_written_context_is_all_that_an_ordinary_build_needs(service: str, tmp_path: Path) -> None:
    context = tmp_path / "context"
    outcome = _command(service, "--context", str(context))
    assert outcome.returncode == 0, outcome.stderr
    command = outcome.stdout.split()
    assert command[:4] == ["docker", "build", "--tag", image_reference(service)]
    assert command[-1] == str(context)
    options = iter(command[4:-1])
    arguments = dict(value.split("=", 1) for option, value in zip(options, options, strict=True) if option == "--build-arg")
    client = docker.from_env()
    events = client.api.build(path=str(context), buildargs=arguments, rm=True, forcerm=True, decode=True)
    built = re.search(r"Successfully built (\w+)", "".join(str(event.get("stream", "")) for event in events))
    assert built
    made, ours = (client.images.get(name).attrs["Config"] for name in (built[1], image_reference(service)))
    for part in ("User", "Env", "Entrypoint", "Cmd", "Healthcheck", "StopSignal", "WorkingDir"):
        assert made.get(part) == ours.get(part)


def _command(*arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "airgap.images.build", *arguments]
    return subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.exhaustive
def test_a_base_that_no_registry_has_is_bootstrapped_and_then_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"christmas-tests-base-{uuid.uuid4().hex[:8]}:scratch"
    monkeypatch.setattr(base, "BASE_IMAGE", name)
    client = docker.from_env()
    try:
        assert not base.base_is_ready(client)
        base.ensure_base(client, SilentProgress())
        assert base.base_is_ready(client)
        made = client.images.get(name)
        assert "VERSION_CODENAME=trixie" in printed_alone(made.id or "", "cat", "/etc/os-release", network_mode="none")
        base.ensure_base(client, SilentProgress())
        assert client.images.get(name).id == made.id
        monkeypatch.setattr(base, "REFRESHED", "2031-01-01")
        assert not base.base_is_ready(client)
    finally:
        client.images.remove(name)


def test_a_base_from_elsewhere_is_used_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"christmas-tests-base-{uuid.uuid4().hex[:8]}"
    client = docker.from_env()
    # Without the label that a bootstrapped base carries, as a pulled one would be.
    created = client.containers.create(BASE_IMAGE, ["true"], labels=scratch.labels())
    try:
        plain = client.api.import_image_from_data(b"".join(created.get_archive("/etc/hostname")[0]), repository=name, tag="pulled")
        assert "sha256:" in str(plain)
        monkeypatch.setattr(base, "BASE_IMAGE", f"{name}:pulled")
        monkeypatch.setattr(base, "REFRESHED", "2031-01-01")
        assert base.base_is_ready(client)
    finally:
        created.remove(force=True)
        client.images.remove(f"{name}:pulled")
