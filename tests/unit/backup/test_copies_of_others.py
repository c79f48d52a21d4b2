"""Which sets in a copy another machine has made since: two that write there in turn would make each other's sets unreadable."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from backup.sets import folders
from backup.sets.model import Manifest
from backup.storage.copies import foreign_sets, prune
from backup.storage.places import FolderPlace
from core.progress import SilentProgress
from infra.backup_places import BackupAccess, LocalPlace
from infra.connections import Platform
from tests.support.manifests import NOON, manifest

OLDER, NEWER, OTHER = "20261123-120000-full-0000", "20261123-130000-full-0001", "20261123-140000-full-0002"


def made(set_id: str, *, timeline: int = 1, system_id: str = "7000000000000000001", hours: int = 0) -> Manifest:
    plain = manifest(set_id, started=NOON + timedelta(hours=hours))
    assert plain.postgres
    return plain.model_copy(update={"postgres": plain.postgres.model_copy(update={"timeline": timeline, "system_id": system_id})})


@pytest.mark.parametrize(
    ("there", "foreign"),
    [
        ([], []),
        ([made(OLDER)], []),
        # The first place has lost it, or prunes by itself: it is one of ours.
        ([made(OTHER, hours=2)], []),
        ([made(OLDER), made(OTHER, timeline=2, hours=2)], [OTHER]),
        ([made(OTHER, system_id="7000000000000000002", hours=2)], [OTHER]),
        ([manifest(OTHER, stores=("redis",))], []),
    ],
)
def test_sets_of_another_database_or_a_later_line_of_history_are_foreign(there: list[Manifest], foreign: list[str]) -> None:
    assert foreign_sets([made(OLDER), made(NEWER, hours=1)], there) == foreign


def test_a_machine_that_was_restored_knows_the_earlier_lines_and_none_of_a_later_one() -> None:
    ours = [made(OLDER), made(NEWER, timeline=3, hours=1)]
    assert foreign_sets(ours, [made(OTHER, timeline=2, hours=2)]) == []
    assert foreign_sets(ours, [made(OTHER, timeline=4, hours=2)]) == [OTHER]


def test_without_a_set_of_its_own_database_nothing_can_be_said_of_others() -> None:
    assert foreign_sets([], [made(OTHER, timeline=2)]) == []
    assert foreign_sets([manifest(OLDER, stores=("redis",))], [made(OTHER, timeline=2)]) == []


@pytest.mark.parametrize("timeline", [1, 2])
def test_what_another_machine_is_copying_is_not_pruned(tmp_path: Path, timeline: int) -> None:
    """Its files are there before its manifest. With sets of our own line alone, files that no set lists are what a prune left."""
    long_ago = [made(f"20251123-120000-full-000{number}", hours=-24 * 365 + number) for number in range(2)]
    ours = [*long_ago, made(OLDER), made(NEWER, hours=1)]
    place = FolderPlace(tmp_path)
    for our in [*ours, made(OTHER, timeline=timeline, hours=2)]:
        place.write(f"sets/{our.id}/{folders.MANIFEST}", folders.render(our))
    place.write("pgbackrest/backup/christmas/unlisted/bundle/1", b"on its way")
    access = BackupAccess(copies={"nas": LocalPlace(path=str(tmp_path))})
    platform = Platform("tests", {}, {}, Path("ca"), {}, {}, "none", "", "", backup=access)
    removed = prune(platform, ours, (), SilentProgress(), dry_run=False)
    another = timeline > 1
    assert bool(removed.get("nas")) is not another
    assert bool(place.sizes("pgbackrest/backup/christmas/unlisted")) is another
