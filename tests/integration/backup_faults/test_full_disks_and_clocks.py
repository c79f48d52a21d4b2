"""Disks that are really full, and clocks that jump."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from backup.make import make
from backup.postgres import pgbackrest
from backup.prune import prune
from backup.restore import restore
from backup.sets import due, folders
from christmas.blueprint.backup_and_drill_rules import BACKUP_RULES
from core.container_commands import execute
from core.errors import PlatformError
from infra.components.pgbackrest_config import REPOSITORY_PATH
from tests.support.backup_faults import ROOT, Sets
from tests.support.waiting import PATIENCE

# Runs in a mount namespace of its own, where the folder of sets is a file system of a few MB: nobody else sees it.
IN_A_SMALL_FOLDER = """
import errno, pickle, sys
from pathlib import Path
from core.errors import PlatformError
from backup.sets import folders
from backup.make import make
from backup.verify import verify
from infra.connections import Platform

platform, folder = Platform(**pickle.loads(Path(sys.argv[1]).read_bytes())), Path(sys.argv[2])
first = make(platform, kind="full", folder=folder)
filler = folder / "filler"
with filler.open("wb", buffering=0) as file:
    try:
        while True:
            file.write(bytes(4096))
    except OSError as error:
        assert error.errno == errno.ENOSPC
filler.open("r+b").truncate(filler.stat().st_size - 24 * 1024)
try:
    make(platform, kind="full", folder=folder)
except PlatformError as error:
    print(error.what, "|", error.next_step)
print([each.id for each in folders.list_sets(folder=folder)] == [first.id], folders.leftovers(folder))
filler.unlink()
print([verdict.good for verdict in verify(platform, folder=folder)])
print(make(platform, kind="incremental", folder=folder).parent == first.id)
"""


@pytest.mark.exhaustive
def test_a_full_disk_under_the_sets_is_told_and_costs_no_earlier_set(made: Sets) -> None:
    small = made.scratch / "small"
    small.mkdir()
    line = 'mount -t tmpfs -o size=4m,mode=700 none "$1" && exec "$2" -c "$3" "$4" "$1"'
    done = subprocess.run(
        [
            "unshare",
            "--user",
            "--map-root-user",
            "--mount",
            "sh",
            "-c",
            line,
            "sh",
            small,
            sys.executable,
            IN_A_SMALL_FOLDER,
            made.stored(),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    told, rest = done.stdout.split("\n", 1)
    assert "the disk is full" in told
    assert "invoke backup.prune" in told
    assert rest.split("\n")[:3] == ["True []", "[True]", "True"]


@contextlib.contextmanager
def full_repository(made: Sets) -> Iterator[None]:
    """The repository's disk without a byte left."""
    container = made.platform.containers["timescaledb"]
    execute(container, ["sh", "-c", f"cat /dev/zero >{REPOSITORY_PATH}/filler 2>&1 || true"], user="postgres")
    try:
        assert made.left_in_repository() == 0, "the repository is not full"
        yield
    finally:
        execute(container, ["rm", f"{REPOSITORY_PATH}/filler"], user="postgres")


@pytest.mark.exhaustive
def test_a_full_repository_is_told_and_costs_no_earlier_set(made: Sets) -> None:
    before = made.ids()
    with full_repository(made):
        with pytest.raises(PlatformError, match=r"postgres: the disk of pgBackRest's repository is full") as caught:
            make(made.platform, kind="full", folder=made.folder)
        assert "make room" in (caught.value.next_step or "")
    assert made.ids() == before
    newest = made.make("full")
    made.assert_good(before[-1], newest.id)
    made.assert_nothing_held()


@pytest.mark.exhaustive
def test_pruning_makes_room_in_a_repository_that_is_full(made: Sets) -> None:
    for _ in range(2):
        made.make("full")
    doomed = made.aged(made.make("full", ["postgres"]), 300)
    newest = made.make("full")
    assert doomed.postgres
    with full_repository(made):
        assert doomed.id in prune(made.platform, folder=made.folder).removed
        assert made.left_in_repository() > 0
    assert pgbackrest.info(made.platform.containers["timescaledb"]).backup(doomed.postgres.label) is None
    made.assert_good(newest.id)
    made.assert_good(made.make("full").id)


@pytest.mark.exhaustive
def test_a_set_from_the_future_holds_nothing_up_and_is_never_taken_for_the_newest(made: Sets) -> None:
    """The clock was two days ahead for a while: the set made then is kept, and what is made afterwards is newer all the same."""
    future = made.aged(made.make("full"), -2)
    assert due.due(datetime.now(UTC), folders.list_sets(folder=made.folder), BACKUP_RULES) == "full"
    newest = made.make("full")
    assert made.ids()[-2:] == [future.id, newest.id]
    outcome = restore(made.platform, "latest", dry_run=True, folder=made.folder)
    assert {store["set"] for store in outcome.stores.values()} == {newest.id}
    assert {future.id, newest.id} <= set(prune(made.platform, dry_run=True, folder=made.folder).staying)
    assert made.make().parent == newest.id
    with pytest.raises(PlatformError, match="in the future"):
        restore(made.platform, (datetime.now(UTC) + timedelta(days=1)).isoformat(), into="faults-never", folder=made.folder)
    made.aged(future, 2)
