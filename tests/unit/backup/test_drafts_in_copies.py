"""What a killed run left of a file in a copy's folder: the next run removes it, and nothing else."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from backup.storage.places import FolderPlace

HOURS_AGO = time.time() - 2 * 3600


def killed_while_writing(place: FolderPlace, path: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The draft that stays where a process ends in the middle of a write, two hours old."""
    place.write("sets/a/whole", b"whole")
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", lambda _: os._exit(9))
        child = os.fork()
        if child == 0:
            place.write(path, b"half")
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    (draft,) = [file for file in (place.root / path).parent.iterdir() if file.name.startswith(".")]
    os.utime(draft, (HOURS_AGO, HOURS_AGO))
    return draft


def test_an_abandoned_draft_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = FolderPlace(tmp_path / "copy")
    draft = killed_while_writing(place, "sets/a/dump.age", monkeypatch)
    place.remove_drafts()
    assert not draft.exists()
    assert place.sizes() == {"sets/a/whole": 5}


def test_a_run_that_still_writes_keeps_its_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = FolderPlace(tmp_path / "copy")
    draft = killed_while_writing(place, "sets/a/dump.age", monkeypatch)
    os.utime(draft)
    place.remove_drafts()
    assert draft.exists()


@pytest.mark.parametrize("name", [".hidden", ".nfs0000000000000001", "dump.0a1b2c3d", ".christmas", ".x.0A1B2C3D"])
def test_other_files_stay(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("somebody's")
    os.utime(path, (HOURS_AGO, HOURS_AGO))
    FolderPlace(tmp_path).remove_drafts()
    assert path.exists()


def test_a_folder_that_is_not_there_has_none(tmp_path: Path) -> None:
    missing = tmp_path / "not mounted"
    FolderPlace(missing).remove_drafts()
    assert not missing.exists()


def test_a_folder_that_another_run_removes_meanwhile_holds_nothing_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A walk names a folder, and is told that there is none when it comes to it."""
    place = FolderPlace(tmp_path)
    place.write("sets/a/whole", b"whole")
    look = os.scandir

    def removed_first(folder: os.PathLike[str] | str) -> Any:
        if Path(folder).name == "b":
            Path(folder).rmdir()
        return look(folder)

    monkeypatch.setattr(os, "scandir", removed_first)
    for walk in (place.sizes, place.remove_drafts):
        (tmp_path / "sets" / "b").mkdir()
        assert walk() in ({"sets/a/whole": 5}, None)
        assert not (tmp_path / "sets" / "b").exists()
