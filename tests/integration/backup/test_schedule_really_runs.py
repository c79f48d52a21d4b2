"""The schedule as a process of its own, against real stores: it makes what is due at once, drills, and ends when told."""

import dataclasses
import pickle
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from backup.drill import history
from backup.sets import folders, marks
from core import lock
from tests.support.scratch_platform import ScratchPlatform

pytestmark = pytest.mark.exhaustive

PROGRAM = """
import pickle, sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from christmas.blueprint import backup_and_drill_rules as rules
# What somebody gets who writes it into the blueprint: the first set is proven without a pause.
rules.BACKUP_RULES = replace(rules.BACKUP_RULES, first_drill_after=timedelta())
from schedule.jobs import Job
from schedule.service import serve
from infra.connections import Platform

platform = Platform(**pickle.loads(Path(sys.argv[1]).read_bytes()))
jobs = [Job(work, platform.stack, lambda _: platform, Path(sys.argv[2])) for work in sys.argv[3:]]
serve(jobs, Path(sys.argv[2] + "-signs"), wake_seconds=1)
"""
SECONDS = 180


class Running:
    """The process, its lines as they come."""

    def __init__(self, platform: Path, folder: Path, *works: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(platform), str(folder), *works],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.said: list[str] = []
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout
        with self.process.stdout as lines:
            for line in lines:
                self._lines.put(line.rstrip("\n"))

    def until(self, words: str) -> str:
        """The next line with these words."""
        while True:
            line = self._lines.get(timeout=SECONDS)
            self.said.append(line)
            if words in line:
                return line

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(SECONDS)


@pytest.fixture(scope="module")
def pickled(scratch_platform: ScratchPlatform, tmp_path_factory: pytest.TempPathFactory) -> Path:
    platform = scratch_platform.platform
    path = tmp_path_factory.mktemp("platform") / "platform"
    path.write_bytes(pickle.dumps({field.name: getattr(platform, field.name) for field in dataclasses.fields(platform)}))
    path.chmod(0o600)
    return path


@pytest.fixture
def started() -> Iterator[list[Running]]:
    every: list[Running] = []
    yield every
    for each in every:
        if each.process.poll() is None:
            each.process.kill()
            each.process.wait()


def test_what_fell_due_is_made_at_once_and_a_run_under_way_is_finished(pickled: Path, tmp_path: Path, started: list[Running]) -> None:
    first = Running(pickled, tmp_path, "backup", "drill")
    started.append(first)
    first.until("backup: full set is due")
    first.process.send_signal(signal.SIGTERM)
    first.until("finishing the present run")
    first.until("backup: made ")
    first.until("schedule: ended")
    assert first.process.wait(SECONDS) == 0
    (made,) = folders.list_sets(folder=tmp_path)
    assert made.kind == "full"
    assert folders.leftovers(tmp_path) == []
    # Not begun: it was told to stop before.
    assert history(tmp_path) == []

    second = Running(pickled, tmp_path, "backup", "drill")
    started.append(second)
    assert made.id in second.until("verify: ")
    assert "passed" in second.until(f"drill: {made.id}")
    assert second.stop(signal.SIGINT) == 0
    assert [line for line in second.said if "backup:" in line] == []
    marked = marks.read(tmp_path)[made.id]
    assert marked.verified
    assert marked.drilled


def test_a_lock_that_is_held_is_told_and_waited_for(pickled: Path, tmp_path: Path, started: list[Running]) -> None:
    with lock.hold(tmp_path, "a backup by hand"):
        running = Running(pickled, tmp_path, "backup")
        started.append(running)
        running.until("another run is at work here: a backup by hand")
    made = running.until("backup: made ")
    running.until("prune: 0 sets removed")
    assert running.stop() == 0
    assert folders.list_sets(folder=tmp_path)[0].id in made
    assert sum("another run" in line for line in running.said) == 1
