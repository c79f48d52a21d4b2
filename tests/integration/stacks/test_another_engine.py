"""The state says that the stack is up, and the engine that is named has nothing of it: nothing is done there, and nothing forgotten."""

from __future__ import annotations

import contextlib
import gc
import gzip
import os
from pathlib import Path

import docker
import pytest

from airgap.toolchain.environment import LOOKS_FIRST, with_refresh
from core.errors import PlatformError
from core.labels import PROJECT_LABEL, STACK_LABEL
from infra import stacks
from infra.ownership import PROJECT, refuse_elsewhere

STACK = f"test-elsewhere-{os.getpid()}"


@pytest.fixture
def backend(tmp_path: Path) -> str:
    """The state of a stack that is up."""
    folder = tmp_path / ".pulumi/stacks/christmas"
    folder.mkdir(parents=True)
    (folder / f"{STACK}.json").write_text(f'{{"name": "{PROJECT}-{STACK}-network"}}')
    return tmp_path.as_uri()


def test_an_engine_without_anything_of_it_is_refused_by_up_and_down(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    monkeypatch.setattr(stacks, "stacks", lambda: [STACK])
    monkeypatch.setattr(stacks, "ensure_stack", lambda _: None)
    monkeypatch.setattr(stacks, "_backend", lambda: backend)
    monkeypatch.setattr(stacks, "_pulumi", lambda arguments, *_, **__: ran.append(arguments[0]))
    for refused in (lambda: stacks.up(STACK), lambda: stacks.down(STACK), lambda: stacks.down(STACK, volumes=True)):
        with pytest.raises(PlatformError, match="this engine has nothing of it") as caught:
            refused()
        assert "DOCKER_CONTEXT" in caught.value.next_step
        assert f"invoke up --refresh --stack {STACK}" in caught.value.next_step
    assert ran == []
    stacks.up(STACK, refresh=True)  # as it says
    assert ran == ["up"]


def test_one_volume_is_enough_to_know_the_engine(backend: str) -> None:
    with contextlib.closing(docker.from_env()) as client:
        volume = client.volumes.create(f"{PROJECT}-{STACK}-keys", labels={PROJECT_LABEL: PROJECT, STACK_LABEL: STACK})
        try:
            refuse_elsewhere(STACK, backend)
        finally:
            volume.remove()


def test_a_packed_state_is_read_too(backend: str, tmp_path: Path) -> None:
    file = tmp_path / f".pulumi/stacks/christmas/{STACK}.json"
    packed = file.with_suffix(".json.gz")
    packed.write_bytes(gzip.compress(file.read_bytes()))
    file.unlink()
    with pytest.raises(PlatformError, match="this engine has nothing of it"):
        refuse_elsewhere(STACK, backend)
    packed.write_bytes(gzip.compress(b"{}"))
    refuse_elsewhere(STACK, backend)  # it was taken down, or never up
    refuse_elsewhere(STACK, "s3://a-bucket")  # can't be looked into


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Docker's library leaves its socket open
def test_an_engine_that_does_not_answer_ends_a_down_before_the_servers_are_reached(
    backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    monkeypatch.setattr(stacks, "stacks", lambda: [STACK])
    monkeypatch.setattr(stacks, "_backend", lambda: backend)
    with pytest.raises(PlatformError, match="does not answer"):
        stacks.down(STACK)
    gc.collect()


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        (["up", "--refresh", "--yes"], True),
        (["preview", "-r"], True),
        (["up", "--refresh=true"], True),
        (["up"], False),
        (["up", "--refresh=false"], False),
    ],
)
def test_the_program_is_told_of_a_refresh(arguments: list[str], asked: bool) -> None:
    assert (LOOKS_FIRST in with_refresh(arguments, {LOOKS_FIRST: "of a command around it"})) is asked
