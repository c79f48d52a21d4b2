"""pgBackRest stands still while commits wait long, goes on whatever happens to who asked for it, and ends on any disk."""

import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from backup.make import make
from backup.postgres import giving_way
from backup.postgres.giving_way import Syncs, too_slow
from backup.postgres.pgbackrest import USER
from core.container_commands import execute, while_running
from tests.support.scratch_platform import ScratchPlatform
from tests.support.waiting import wait_for

# Has the name of one of pgBackRest's processes, and as little to do with the others.
LIKE_A_WORKER = """echo here; exec -a pgbackrest bash -c 'trap "kill \\$!; exit 0" TERM; sleep 600 & wait' "$1" """


def states(container: str, verb: str) -> list[str]:
    """The states of pgBackRest's processes for a verb: T is stopped."""
    listed = execute(container, ["ps", "-eo", "stat=,args="]).text().splitlines()
    rows = [line.split(maxsplit=1) for line in listed]
    return [row[0][0] for row in rows if row[1].startswith("pgbackrest ") and row[1].endswith(f" {verb}")]


@pytest.mark.parametrize(
    ("lately", "usual", "slow"),
    [
        pytest.param(Syncs(10, 150.0), 1.0, True, id="beyond the bound"),
        pytest.param(Syncs(10, 90.0), 1.0, False, id="within it"),
        pytest.param(Syncs(10, 150.0), 9.0, False, id="a disk that is slow anyway"),
        pytest.param(Syncs(10, 250.0), 9.0, True, id="slower than it is anyway"),
        pytest.param(Syncs(0, 0.0), 0.0, False, id="nobody writes"),
    ],
)
def test_what_is_too_slow(lately: Syncs, usual: float, slow: bool) -> None:
    assert too_slow(lately, usual, timedelta(milliseconds=10)) is slow


def test_a_server_that_began_to_count_anew_is_no_negative_time() -> None:
    assert Syncs(5, 8.0).since(Syncs(3, 2.0)) == Syncs(2, 6.0)
    assert Syncs(2, 8.0).since(Syncs(90, 900.0)) == Syncs(2, 8.0)


def test_a_backup_stands_still_again_and_again_and_ends(
    scratch_platform: ScratchPlatform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = scratch_platform.platform
    container = platform.containers["timescaledb"]
    monkeypatch.setattr(giving_way, "too_slow", lambda *_: True)
    # This database is copied within a second or two.
    monkeypatch.setattr(giving_way, "_LOOK_SECONDS", 0.05)
    seen: set[str] = set()
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            seen.update(states(container, "backup:local"))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        for _ in range(5):
            assert make(platform, kind="full", stores=["postgres"], folder=tmp_path, logical="copy")
            if "T" in seen:
                break
    finally:
        done.set()
        watcher.join()
    assert "T" in seen
    wait_for(lambda: not states(container, "backup:local"), "none is left")


def test_they_go_on_though_who_asked_is_killed_and_the_archiver_never_stops(scratch_platform: ScratchPlatform) -> None:
    container = scratch_platform.platform.containers["timescaledb"]
    program = (
        "import sys; from backup.postgres import giving_way; from core.container_commands import execute\n"
        f"execute(sys.argv[1], ['sh', '-c', giving_way._HOLD, 'sh', giving_way.WORKERS, '600'], user={USER!r})\n"
    )
    with (
        while_running(container, ["bash", "-c", LIKE_A_WORKER, "bash", "backup:local"], user=USER),
        while_running(container, ["bash", "-c", LIKE_A_WORKER, "bash", "archive-push:local"], user=USER),
    ):
        victim = subprocess.Popen([sys.executable, "-c", program, container])
        try:
            wait_for(lambda: "T" in states(container, "backup:local"), "it stands still")
            assert "T" not in states(container, "archive-push:local")
        finally:
            victim.kill()
            victim.wait()
        wait_for(lambda: "T" not in states(container, "backup:local"), "it goes on")
        assert states(container, "backup:local")
