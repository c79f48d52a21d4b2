"""An update that fails half-way leaves a state from which the next `up` completes, even where the program went back meanwhile."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

import docker
import pulumi
import pytest

from infra.provider.config_files import ConfigFiles
from tests.integration.provider.conftest import MakeStack
from tests.integration.provider.engine import EngineError
from tests.support import scratch


@dataclass
class Program:
    """Two files in a volume, one of them a secret."""

    volume: str
    image: str
    content: str = "first"

    def __call__(self) -> None:
        files: dict[str, pulumi.Input[str]] = {"open.conf": "port 0", "secret": pulumi.Output.secret(self.content)}
        ConfigFiles("files", volume=self.volume, image=self.image, uid=999, gid=999, files=files)


@pytest.mark.exhaustive
def test_what_was_begun_is_completed(make_stack: MakeStack) -> None:
    client = docker.from_env()
    volume = str(client.volumes.create(f"christmas-tests-files-{uuid.uuid4().hex[:8]}", labels=scratch.labels()).name)
    try:
        begun = Program(volume, scratch.image("redis"), "first-secret-content")
        stack = make_stack(begun)
        stack.up()
        stack.program = Program(volume, "christmas/not-there:1", "second-secret-content")
        with pytest.raises(EngineError) as failure:
            stack.up()
        assert "image christmas/not-there:1 does not exist here" in str(failure.value)
        assert "secret-content" not in str(failure.value) + stack.state_text()
        stack.program = begun  # the engine can't know how far it came, so it asserts everything again
        assert stack.up().ops() == {"files": "update"}
        assert stack.preview(refresh=True).ops() == {}
    finally:
        client.volumes.get(volume).remove(force=True)
