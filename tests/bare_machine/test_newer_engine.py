"""The whole platform on Debian 13's Docker engine, which stands beside this machine's own."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from airgap.images.build import ensure_images
from airgap.setup.docker_engine import parse_version
from tests.bare_machine.engine import Engine, newer_engine
from tests.bare_machine.stack_on_engine import Stack
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.exhaustive, pytest.mark.timeout(2400)]


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """The newer engine, with this project's images."""
    with newer_engine() as made:
        made.take_images(list(ensure_images().values()))
        yield made


def _docker(*arguments: str, host: str = "") -> list[str]:
    done = subprocess.run(["docker", *(["--host", host] if host else []), *arguments], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_a_whole_stack_lives_there_and_nowhere_else(engine: Engine, tmp_path: Path) -> None:
    assert parse_version(engine.version()) >= (26, 1)
    stack = Stack(engine, tmp_path)
    label = f"label=com.christmas.stack={stack.name}"
    try:
        assert f"Docker engine: {engine.url}" in stack.run("invoke", "up")
        assert len(_docker("ps", "-q", "--filter", label, host=engine.url)) >= 4
        assert _docker("ps", "-aq", "--filter", label) == []
        stack.run("invoke", "migrate")
        stack.run("invoke", "seed")
        stack.run("invoke", "backup")
        stack.run("invoke", "backup.drill")
        stack.check()
        stack.run("pulumi", "preview", "--refresh", "--expect-no-changes", "--non-interactive")
        _comes_back_with_its_machine(stack, engine, label)
    finally:
        stack.run("invoke", "down", "--volumes", "--yes")
    for kind in (("ps", "-aq"), ("volume", "ls", "-q"), ("network", "ls", "-q")):
        assert _docker(*kind, "--filter", label, host=engine.url) == []
        assert _docker(*kind, "--filter", label) == []


def _comes_back_with_its_machine(stack: Stack, engine: Engine, label: str) -> None:
    """Cut the power in the middle of everything: with the engine alone the containers come back, and what they hold."""
    before = sorted(_docker("ps", "-q", "--filter", label, host=engine.url))
    engine.lose_power()
    engine.boot()
    # The schedule of the tests' is outside of that machine, in the network of before.
    assert "is stopped" in stack.run("invoke", "schedule.stop", "--now")
    healthy = ["ps", "-q", "--filter", label, "--filter", "health=healthy"]
    wait_for(lambda: sorted(_docker(*healthy, host=engine.url)) == before, "the containers are back", 600)
    assert "runs (process" in stack.run("invoke", "schedule.start")
    stack.check()
    stack.run("pulumi", "preview", "--refresh", "--expect-no-changes", "--non-interactive")
