"""What `make up` says first, by what is there already; and when there is too little room."""

from __future__ import annotations

from pathlib import Path

import pytest

from airgap.images.catalog import SERVICES
from airgap.setup import expected, probe
from airgap.setup.announcement import Room, State, announcement, available_memory, require, rooms
from core.errors import PlatformError

NAMES = list(expected.STEPS)


def states(*done: bool | None) -> list[State]:
    return [State(name, each) for name, each in zip(NAMES, done, strict=True)]


def test_a_bare_machine_is_told_every_step_with_its_time_and_their_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expected, "STEPS", {name: expected.Expected(60 * number, 1) for number, name in enumerate(NAMES, 1)})
    message = "\n".join(announcement("dev", states(*[False] * 5)))
    assert "stack dev" in message
    assert "Nothing is asked" in message
    assert "Python environment (60 s), Docker engine (2 min), Pulumi CLI (3 min), images (4 min), platform and data (5 min)" in message
    assert "about 15 min on two quiet cores" in message
    assert "ready:" not in message


def test_what_is_ready_is_named_and_costs_only_a_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expected, "STEPS", {name: expected.Expected(600, 2) for name in NAMES})
    message = "\n".join(announcement("dev", states(True, True, False, True, True)))
    assert "to do:   Pulumi CLI (10 min)" in message
    assert "ready:   Python environment, Docker engine, images, platform and data" in message
    assert "about 10 min" in message
    nothing = "\n".join(announcement("dev", states(*[True] * 5)))
    assert "to do:   only to look again" in nothing
    assert "about 10 s" in nothing


def test_what_cant_be_known_yet_makes_the_time_a_bound() -> None:
    message = "\n".join(announcement("dev", states(True, None, True, None, None)))
    assert "up to " in message
    assert "unknown: Docker engine, images, platform and data" in message


def test_room_is_asked_for_once_for_each_file_system(tmp_path: Path) -> None:
    bare = rooms(states(*[False] * 5), tmp_path / "clone", tmp_path / "cache", tmp_path / "docker")
    assert len(bare) == 1
    everything = expected.CLI_BYTES + expected.WEAVIATE_BYTES + expected.WHEELS_BYTES + expected.CLONE_BYTES
    assert bare[0].needed == everything + expected.STACK_BYTES + sum(expected.IMAGE_BYTES[service] for service in SERVICES)
    assert bare[0].free > 0
    ready = rooms(states(*[True] * 5), tmp_path, tmp_path, None)
    assert ready[0].needed == 0
    assert len(rooms(states(*[False] * 5), tmp_path, Path("/dev/shm"), None)) == 2


def test_too_little_room_is_refused_with_where_and_how_much() -> None:
    with pytest.raises(PlatformError) as refused:
        require([Room(Path("/a"), 10, 20), Room(Path("/b"), 5 * 10**9, 10**9)], None, running=False)
    assert "the file system of /b: 5.0 GB needed, 1.0 GB free" in str(refused.value)
    assert "/a" not in str(refused.value)


def test_little_memory_is_warned_of_but_not_where_the_platform_has_its_share() -> None:
    assert require([], expected.MEMORY_BYTES, running=False) == []
    assert "1.0 GB are available" in require([], 10**9, running=False)[0]
    assert require([], 10**9, running=True) == []
    assert require([], None, running=False) == []


def test_memory_is_what_both_the_machine_and_the_container_allow(tmp_path: Path) -> None:
    meminfo, limit = tmp_path / "meminfo", tmp_path / "max"
    meminfo.write_text("MemTotal: 9 kB\nMemAvailable:    2000 kB\n")
    assert available_memory(meminfo, limit) == 2000 * 1024
    limit.write_text("max\n")
    assert available_memory(meminfo, limit) == 2000 * 1024
    limit.write_text("1000\n")
    assert available_memory(meminfo, limit) == 1000
    assert available_memory(tmp_path / "none", limit) is None


@pytest.mark.parametrize("host", ["unix:///nowhere/at/all", "tcp://127.0.0.1:1", "ssh://elsewhere"])
def test_no_engine_and_one_elsewhere_are_not_known(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("DOCKER_HOST", host)
    with pytest.raises(OSError, match=r"No such file|is behind"):
        probe.engine_has("/version")
