"""The Docker engine asked without any library, as set-up does before anything is installed; a real engine answers."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import docker
import pytest

from airgap.images.catalog import SERVICES, image_reference
from airgap.setup import probe

_STACK = f"test-probe-{os.getpid()}"
_LABELS = {"com.christmas.project": "christmas", "com.christmas.stack": _STACK}


@pytest.fixture
def engine() -> Iterator[docker.DockerClient]:
    with contextlib.closing(docker.from_env()) as client:
        yield client


def test_its_version_is_the_one_that_the_library_is_told(engine: docker.DockerClient) -> None:
    assert probe.engine_has("/version")["Version"] == engine.version()["Version"]


def test_images_that_are_there_are_told_from_those_that_are_missing() -> None:
    there = [image_reference(service) for service in SERVICES]
    assert probe.missing_images([*there, "christmas/redis:no-such-tag"]) == ["christmas/redis:no-such-tag"]


def test_containers_count_while_they_run_and_have_all_labels(engine: docker.DockerClient) -> None:
    labels = [f"{name}={value}" for name, value in _LABELS.items()]
    assert not probe.containers_run(labels)
    container = engine.containers.run(image_reference("redis"), ["60"], entrypoint="sleep", labels=_LABELS, detach=True, init=True)
    try:
        assert probe.containers_run(labels)
        assert not probe.containers_run([*labels, "com.christmas.service=none"])
        container.kill()
        container.wait()
        assert not probe.containers_run(labels)
    finally:
        container.remove(force=True)


def test_a_socket_that_a_user_may_not_use_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///proc/1/fd/0")
    with pytest.raises(OSError, match=r"refused|denied"):
        probe.engine_has("/version")
