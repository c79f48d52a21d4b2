"""The power is cut in the middle of a live restore of PostgreSQL: task and server die, and what was not flushed to the disk is gone.

Database, repository, sets and the restore's journal are all on one disk, so that they are as old as each other afterwards.
"""

import contextlib
from collections.abc import Iterator

import pytest
from docker.errors import APIError
from docker.models.containers import Container

from backup.make import make
from backup.restore import restore
from backup.restoring.journal import Journal
from backup.sets import folders
from core.docker_client import docker_client
from core.errors import PlatformError
from infra.clients import postgres
from tests.support.backup_faults import Sets
from tests.support.power import disk
from tests.support.scratch_platform import fill, run_scratch_platform
from tests.support.waiting import wait_for


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sets]:
    with disk(tmp_path_factory.mktemp("power"), 1500) as own, run_scratch_platform(disk=own.path) as running:
        fill(running.platform, candles=500, documents=0)
        found = Sets(running.platform, own.path / "sets", running.passphrase, tmp_path_factory.mktemp("killed"), own)
        found.make("full")
        yield found


def write(made: Sets, name: str) -> None:
    with postgres(made.platform, "ingest") as connection:
        connection.execute("insert into market_data (symbol, timestamp, open) values (%s, now(), 1)", (name,))


def written(made: Sets) -> set[str]:
    with postgres(made.platform, "backup") as connection:
        return {row[0] for row in connection.execute("select symbol from market_data where symbol like 'CUT%'").fetchall()}


def power_on(made: Sets) -> None:
    """All that ran on the disk is dead; it is mounted again, which replays its journal, and the engine starts the server if it can."""
    server = made.platform.containers["timescaledb"]

    def helpers() -> list[Container]:
        listed = docker_client().containers.list(all=True, ignore_removed=True)
        return [container for container in listed if container.name == f"{server}-restore"]

    for helper in helpers():
        # The engine may be about to remove it already: it was told to do so when the helper ends.
        with contextlib.suppress(APIError):
            helper.remove(force=True)
    wait_for(lambda: not helpers(), "the restore's helper is gone")
    container = docker_client().containers.get(server)
    with contextlib.suppress(APIError):  # it may have ended by itself: its disk is gone
        container.kill()
    container.wait()
    assert made.disk
    made.disk.unmount()
    made.disk.mount()
    container.start()


STAGES = [
    ("journal: files in place", 0.0),
    ("safety backup", 1.0),
    ("journal: planned", 0.0),
    ("restoring postgres", 1.5),
    ("journal: files in place", 1.5),
    ("journal: promoted", 0.0),
    ("a full backup of the new timeline", 1.0),
]


@pytest.mark.exhaustive
@pytest.mark.parametrize(("stage", "delay"), STAGES, ids=[f"{stage} after {delay} s" for stage, delay in STAGES])
def test_a_live_restore_goes_on_after_the_power_was_cut(made: Sets, stage: str, delay: float) -> None:
    kept = written(made)
    target = made.make("incremental", ["postgres"]).id
    write(made, f"CUT-{len(kept)}-undone")
    made.killed("restore", stage, delay, to=target, stores=["postgres"], live=True, force=True)
    power_on(made)
    begun = Journal(made.folder).read()
    if begun and begun.half:
        with pytest.raises(PlatformError, match=r"begun at .+ and not finished"):
            make(made.platform, folder=made.folder)
    restore(made.platform, target, stores=["postgres"], live=True, force=True, folder=made.folder)
    assert written(made) == kept
    assert Journal(made.folder).read() is None
    write(made, f"CUT-{len(kept)}-kept")
    newest = made.make("incremental", ["postgres"])
    assert newest.sequence == max(manifest.sequence for manifest in folders.list_sets(folder=made.folder))
    made.assert_good(target, newest.id)
