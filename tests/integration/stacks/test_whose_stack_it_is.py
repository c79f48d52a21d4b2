"""The engine's record of the clone that runs a stack: who may go on, who is refused, and what they are told. On a real engine."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pwd
import shutil
import socket
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import docker
import pytest

from core.errors import PlatformError
from infra import ownership
from infra.stacks import remove_volumes

STACK = f"test-owner-{os.getpid()}"
ME = pwd.getpwuid(os.geteuid()).pw_name


@pytest.fixture
def engine() -> Iterator[docker.DockerClient]:
    with contextlib.closing(docker.from_env()) as client:
        yield client
        for name in (ownership.record_name(STACK), ownership.record_name(f"{STACK}-2")):
            with contextlib.suppress(docker.errors.NotFound):
                client.volumes.get(name).remove()


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> At:
    return At(tmp_path, monkeypatch)


class At:
    """Clones side by side: `at("one")` works from the clone of that name from now on, and returns its state's address."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self._monkeypatch = monkeypatch

    def __call__(self, name: str) -> str:
        root = self.folder / name
        (root / ".christmas" / "state").mkdir(parents=True, exist_ok=True)
        self._monkeypatch.setattr(ownership, "ROOT", root)
        return f"file://{root}/.christmas/state"


def recorded(engine: docker.DockerClient) -> ownership.Owner:
    owner = ownership.recorded(engine, STACK)
    assert owner is not None
    return owner


def refusal(backend: str) -> str:
    with pytest.raises(PlatformError) as refused:
        ownership.claim(STACK, backend, dry_run=True)
    with pytest.raises(PlatformError):
        ownership.claim(STACK, backend)
    return str(refused.value)


def test_the_first_clone_is_written_down_and_goes_on(engine: docker.DockerClient, at: At) -> None:
    backend = at("one")
    ownership.claim(STACK, backend, dry_run=True)
    assert ownership.recorded(engine, STACK) is None, "a preview writes nothing"
    ownership.claim(STACK, backend)
    first = recorded(engine)
    assert (first.clone, first.user, first.host) == (str(at.folder / "one"), ME, socket.gethostname())
    ownership.claim(STACK, backend)
    assert recorded(engine) == first
    volume = engine.volumes.get(ownership.record_name(STACK))
    assert volume.attrs["Labels"]["com.christmas.stack"] == STACK  # found as everything of a stack is
    remove_volumes(STACK)
    assert ownership.recorded(engine, STACK) is None


def test_a_second_clone_is_told_whose_it_is_and_another_name(engine: docker.DockerClient, at: At) -> None:
    ownership.claim(STACK, at("one"))
    message = refusal(at("two"))
    assert f"stack {STACK} on this Docker engine belongs to another clone" in message
    assert f"clone {at.folder / 'one'} of user {ME} on host {socket.gethostname()}, since 20" in message
    assert f"CHRISTMAS_STACK={STACK}-2 make up" in message
    assert "docker network rm" not in message
    ownership.claim(f"{STACK}-2", at("two"))
    assert f"CHRISTMAS_STACK={STACK}-3 make up" in refusal(at("two")), "the name proposed is free"


def test_a_clone_whose_folder_is_gone_is_told_as_such(engine: docker.DockerClient, at: At) -> None:
    ownership.claim(STACK, at("one"))
    shutil.rmtree(at.folder / "one")
    message = refusal(at("two"))
    assert "That folder is gone" in message
    assert f"docker volume rm {ownership.record_name(STACK)}" in message


def test_a_clone_that_moved_goes_on_and_is_found_at_its_new_place(engine: docker.DockerClient, at: At) -> None:
    ownership.claim(STACK, at("one"))
    before = recorded(engine)
    (at.folder / "one").rename(at.folder / "moved")
    ownership.claim(STACK, at("moved"))
    after = recorded(engine)
    assert after.clone == str(at.folder / "moved")
    assert (after.state, after.since) == (before.state, before.since)


@pytest.mark.exhaustive
def test_a_copy_of_a_clone_is_another_one(engine: docker.DockerClient, at: At) -> None:
    ownership.claim(STACK, at("one"))
    shutil.copytree(at.folder / "one", at.folder / "copy")
    assert str(at.folder / "one") in refusal(at("copy"))


def test_a_clone_that_lost_its_state_is_the_same_still(engine: docker.DockerClient, at: At) -> None:
    ownership.claim(STACK, at("one"))
    shutil.rmtree(at.folder / "one" / ".christmas")
    ownership.claim(STACK, at("one"))
    assert recorded(engine).clone == str(at.folder / "one")


def test_whoever_shares_a_state_elsewhere_shares_the_stack(engine: docker.DockerClient, at: At) -> None:
    at("one")
    ownership.claim(STACK, "s3://key:secret@bucket/state?region=x")
    assert "secret" not in str(engine.volumes.get(ownership.record_name(STACK)).attrs)
    shutil.rmtree(at.folder / "one")
    at("two")
    ownership.claim(STACK, "s3://other:login@bucket/state")
    at("three")
    with pytest.raises(PlatformError):
        ownership.claim(STACK, "s3://bucket/another")


def test_a_stack_from_before_there_were_records(engine: docker.DockerClient, at: At) -> None:
    network = engine.networks.create(
        f"christmas-{STACK}-network", labels={"com.christmas.stack": STACK, "com.christmas.project": "christmas"}
    )
    try:
        message = refusal(at("two"))
        assert "this clone did not make" in message
        assert "CHRISTMAS_STACK=" in message
        backend = at("one")
        state = at.folder / "one" / ".christmas" / "state" / ".pulumi" / "stacks" / "christmas" / f"{STACK}.json"
        state.parent.mkdir(parents=True)
        state.write_text(f'{{"name": "christmas-{STACK}-network"}}')
        ownership.claim(STACK, backend)
        assert recorded(engine).clone == str(at.folder / "one")
    finally:
        network.remove()


def test_of_clones_that_come_at_once_one_gets_it(engine: docker.DockerClient, tmp_path: Path) -> None:
    with ProcessPoolExecutor(4, mp_context=multiprocessing.get_context("spawn")) as pool:
        outcomes = list(pool.map(_claim_from, [(STACK, tmp_path / str(number)) for number in range(4)]))
    winner = recorded(engine).clone
    assert [outcome for outcome in outcomes if outcome] == [winner]


def _claim_from(of: tuple[str, Path]) -> str | None:
    """In a process of its own: claim that stack from a clone there; where it is, if it got the stack."""
    stack, root = of
    (root / ".christmas" / "state").mkdir(parents=True)
    vars(ownership)["ROOT"] = root
    try:
        ownership.claim(stack, f"file://{root}/.christmas/state")
    except PlatformError:
        return None
    return str(root)
