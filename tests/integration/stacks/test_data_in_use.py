"""Data that something else uses is not deleted, nothing is taken down for it, and what removes its user is named."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import docker
import pytest

from airgap.images import catalog
from backup.restore import remove
from core.errors import PlatformError
from infra import stacks

STACK = f"test-use-{os.getpid()}"
BESIDE = f"restore-{os.getpid()}"
VOLUME = f"christmas-{STACK}-pgbackrest"


@pytest.fixture
def engine() -> Iterator[docker.DockerClient]:
    with contextlib.closing(docker.from_env()) as client:
        client.volumes.create(VOLUME, labels={"com.christmas.project": "christmas", "com.christmas.stack": STACK})
        yield client
        for container in client.containers.list(all=True, ignore_removed=True, filters={"volume": VOLUME}):
            container.remove(force=True)
        with contextlib.suppress(docker.errors.NotFound):
            client.volumes.get(VOLUME).remove()


def use(engine: docker.DockerClient, name: str, **labels: str) -> None:
    image = catalog.image_reference("redis")
    owned = {"com.christmas.project": "christmas", **{f"com.christmas.{key}": value for key, value in labels.items()}}
    engine.containers.create(image, ["true"], name=name, labels=owned, volumes={VOLUME: {"bind": "/kept", "mode": "ro"}})


def test_a_restore_beside_is_named_and_its_removal_offered(engine: docker.DockerClient, monkeypatch: pytest.MonkeyPatch) -> None:
    use(engine, f"christmas-{BESIDE}-timescaledb", stack=BESIDE, purpose="restore")
    use(engine, f"somebody-{os.getpid()}")
    destroyed: list[str] = []
    monkeypatch.setattr(stacks, "stacks", lambda: [STACK])
    monkeypatch.setattr(stacks, "_pulumi", lambda *_, **__: destroyed.append("destroy"))
    for take_down in (lambda: stacks.down(STACK, volumes=True), lambda: stacks.remove_volumes(STACK)):
        with pytest.raises(PlatformError) as refused:
            take_down()
        assert f"the data of stack {STACK} is in use by restore {BESIDE}, somebody-{os.getpid()}" in refused.value.what
        assert f"christmas-{BESIDE}-timescaledb" in refused.value.where
        assert f"invoke backup.remove {BESIDE}" in refused.value.next_step
        assert f"docker rm -f somebody-{os.getpid()}" in refused.value.next_step
    assert destroyed == []
    assert remove(BESIDE) == 1  # what was offered
    engine.containers.get(f"somebody-{os.getpid()}").remove(force=True)
    stacks.down(STACK, volumes=True)
    assert destroyed == ["destroy"]
    assert stacks.data_volumes(STACK) == []


def test_the_stacks_own_containers_are_no_reason(engine: docker.DockerClient) -> None:
    use(engine, f"christmas-{STACK}-timescaledb", stack=STACK)
    stacks._refuse_use(STACK)
