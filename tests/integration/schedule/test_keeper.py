"""The keeper as a process of its own: it starts the schedule again, ends with its word, and never leaves one behind.

Its stack does not exist, so each work fails and says so; the schedule lives on all the same.
"""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from core import lock
from infra.connections import ROOT
from monitor import signs
from schedule import keeper
from tests.support.waiting import wait_for

INVOKE = str(Path(sys.prefix) / "bin" / "invoke")


@pytest.fixture
def stack() -> Iterator[str]:
    name = f"test-keeper-{os.getpid()}-{threading.get_native_id()}"
    yield name
    keeper.stop(name, now=True)
    shutil.rmtree(signs.folder_of(name), ignore_errors=True)


def child_of(stack: str, *, after: int = 0) -> int:
    """The process that is the schedule now, and is not `after`."""

    def other() -> int:
        process = lock.process_of(signs.folder_of(stack))
        return process if process and process != after else 0

    return wait_for(other, "the schedule is at work")


def test_a_schedule_that_is_killed_is_started_again_and_one_whose_keeper_is_killed_ends(stack: str) -> None:
    assert "runs (process" in keeper.start(stack)
    first = child_of(stack)
    os.kill(first, signal.SIGKILL)
    child_of(stack, after=first)
    wait_for(lambda: "started again in 1 s" in keeper.log_of(stack).read_text(), "the log tells of it")
    keeping = lock.process_of(signs.folder_of(stack) / "keeper")
    assert keeping
    assert os.getsid(keeping) == keeping != os.getsid(0)
    os.kill(keeping, signal.SIGKILL)
    wait_for(lambda: not signs.runs(signs.folder_of(stack)), "the schedule ends with its keeper")
    left = signs.read(signs.folder_of(stack))
    assert left
    assert not left.ended, "nobody told it to end"
    assert "runs (process" in keeper.start(stack)
    child_of(stack)


def test_two_that_start_at_once_start_one(stack: str) -> None:
    program = f"from schedule import keeper; print(keeper.start({stack!r}))"
    started = [subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    lines = [each.communicate()[0] for each in started]
    assert [each.returncode for each in started] == [0, 0, 0], lines
    assert keeper.log_of(stack).read_text().count("schedule: backup, upkeep, drill, check, audit, rotation of stack") == 1


@pytest.mark.exhaustive
def test_it_takes_up_what_is_new_and_stops_when_told(stack: str) -> None:
    assert keeper.renew(stack) == ""
    assert keeper.stop(stack) == ""
    keeper.start(stack)
    first = child_of(stack)
    assert "runs (process" in keeper.renew(stack)
    child_of(stack, after=first)
    # It ended in order: what ends otherwise is told.
    assert "ended with" not in keeper.log_of(stack).read_text()
    assert keeper.stop(stack) == f"the schedule of stack {stack} is stopped"
    assert not signs.runs(signs.folder_of(stack))
    left = signs.read(signs.folder_of(stack))
    assert left
    assert left.ended
    assert keeper.log_of(stack).stat().st_mode & 0o077 == 0


@pytest.mark.exhaustive
def test_work_that_fails_is_told_in_signs_and_log_and_does_not_end_it(stack: str) -> None:
    keeper.start(stack)

    def failed() -> bool:
        told = signs.read(signs.folder_of(stack))
        return bool(told and told.works.get("backup", signs.WorkSigns()).failures)

    wait_for(failed, "the failure is in the signs")
    told = signs.read(signs.folder_of(stack))
    assert told
    assert f"there is no stack {stack}" in told.works["backup"].message
    assert f"backup: FAILED, next try in 1 min: there is no stack {stack}" in keeper.log_of(stack).read_text()
    assert signs.runs(signs.folder_of(stack))


def test_a_stack_that_does_not_exist_is_not_started_by_hand(stack: str) -> None:
    done = subprocess.run([INVOKE, "schedule.start", "--stack", stack], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert f"there is no stack {stack}" in done.stderr
    assert not signs.folder_of(stack).exists()
