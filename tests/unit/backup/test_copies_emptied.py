"""A copy whose sets are gone: it is told by every run, filled again only where somebody asks for it, and never proven."""

from __future__ import annotations

import os
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from backup.sets import folders
from backup.sets.model import Manifest
from backup.storage import copies
from backup.storage.places import FolderPlace
from backup.verify import verify
from core.progress import SilentProgress
from infra.backup_places import BackupAccess, LocalPlace
from infra.connections import Platform
from monitor import losses
from tests.support.manifests import NOON, manifest

OLDER, NEWER = "20261123-120000-full-0000", "20261123-130000-full-0001"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two sets on this machine. They have no files: what is copied is their manifests."""
    made = [manifest(set_id, started=NOON + timedelta(hours=at), stores=()) for at, set_id in enumerate((OLDER, NEWER))]
    for each in made:
        FolderPlace(tmp_path / "sets").write(f"{each.id}/{folders.MANIFEST}", folders.render(each))
    return tmp_path / "sets"


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    (tmp_path / "mnt").mkdir()
    access = BackupAccess(passphrase="a repository's", copies={"nas": LocalPlace(path=str(tmp_path / "mnt/nas"))})
    return Platform("tests", {}, {}, Path("ca"), {"timescaledb": "none"}, {"pgbackrest": "none"}, "none", "", "", backup=access)


def copied(platform: Platform, folder: Path) -> copies.CopyState:
    """As each backup does it."""
    (state,) = copies.catch_up(platform, folder, SilentProgress())
    return state


def there(tmp_path: Path) -> list[Manifest]:
    return folders.list_at(FolderPlace(tmp_path / "mnt/nas/sets"))


@pytest.mark.parametrize("mount_point", [False, True])
def test_a_disk_that_is_not_mounted_gets_no_copy_in_its_place(platform: Platform, folder: Path, tmp_path: Path, mount_point: bool) -> None:
    assert (copied(platform, folder).sets, copied(platform, folder).failure) == (2, "")
    shutil.move(tmp_path / "mnt/nas", tmp_path / "disk")
    if mount_point:
        (tmp_path / "mnt/nas").mkdir()
    for _ in range(2):  # it is not forgotten after the first time
        state = copied(platform, folder)
        assert state.behind == 2
        assert "copy nas had 2 sets, and now it" in state.failure
        assert "is it mounted?" in state.failure
        assert there(tmp_path) == []
        assert copies.exit_code(platform, folder) == 1
    shutil.rmtree(tmp_path / "mnt/nas", ignore_errors=True)
    shutil.move(tmp_path / "disk", tmp_path / "mnt/nas")
    assert (copied(platform, folder).behind, copied(platform, folder).failure) == (0, "")


def test_the_check_tells_a_copy_that_is_gone_before_the_next_backup_does(platform: Platform, folder: Path, tmp_path: Path) -> None:
    copied(platform, folder)
    state = copies.state(folder)["nas"]
    long_ago = manifest("20261122-120000-full-0002", started=NOON - timedelta(days=1), stores=())
    FolderPlace(folder).write(f"{long_ago.id}/{folders.MANIFEST}", folders.render(long_ago))
    assert copies.lost_sets(platform, folder, state) == [long_ago.id]
    folders.discard(folder / long_ago.id)
    assert losses.copies(platform, folder).status == "ok"
    shutil.rmtree(tmp_path / f"mnt/nas/sets/{NEWER}")
    finding = losses.copies(platform, folder)
    assert (finding.status, NEWER in finding.message, OLDER in finding.message) == ("critical", True, False)
    shutil.rmtree(tmp_path / "mnt/nas")
    assert "nas has lost 2 sets" in losses.copies(platform, folder).message
    (tmp_path / "mnt/nas").write_text("a file where the folder was")
    assert losses.copies(platform, folder).status == "critical"


def test_a_copy_that_is_lost_is_filled_again_where_its_folder_is(platform: Platform, folder: Path, tmp_path: Path) -> None:
    copied(platform, folder)
    shutil.rmtree(tmp_path / "mnt/nas")
    (state,) = copies.run(platform, SilentProgress(), folder)
    assert "make the folder, then invoke backup.copy" in state.failure
    (tmp_path / "mnt/nas").mkdir()
    (state,) = copies.run(platform, SilentProgress(), folder)
    assert (state.sets, state.behind, state.failure) == (2, 0, "")
    assert [each.id for each in there(tmp_path)] == [OLDER, NEWER]


@pytest.mark.parametrize(("every", "lacking"), [(True, [OLDER, NEWER]), (False, [NEWER])])
def test_a_set_that_a_copy_lacks_is_not_called_good(platform: Platform, folder: Path, every: bool, lacking: list[str]) -> None:
    verdicts = verify(platform, every=every, place="nas", folder=folder)
    assert [(each.set_id, each.good, each.place) for each in verdicts] == [(set_id, False, "nas") for set_id in lacking]
    assert "invoke backup.copy" in verdicts[0].faults[0]


def test_drafts_of_killed_runs_go_and_files_of_others_beside_the_copy_stay(platform: Platform, folder: Path, tmp_path: Path) -> None:
    copied(platform, folder)
    others, left = tmp_path / "mnt/nas/photos/.album.0a1b2c3d", tmp_path / "mnt/nas/sets" / OLDER / ".dump.age.0a1b2c3d"
    others.parent.mkdir()
    for path in (others, left):
        path.write_text("half")
        os.utime(path, (0, 0))
    copied(platform, folder)
    assert others.exists()
    assert not left.exists()
