"""The schedule's decisions as tables, and its clock: what falls due, what a failure changes, what a jump of the clock does."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from backup.sets import folders
from backup.sets.model import Manifest
from christmas.blueprint.backup_and_drill_rules import BACKUP_RULES
from core import lock
from core.errors import PlatformError
from infra.connections import Platform
from schedule.decide import clock_jump, drill_due, dump_due, pause_after
from schedule.jobs import Job
from schedule.service import ClockWatch, Service
from tests.support.manifests import NOON, manifest
from tests.support.waiting import PATIENCE, wait_for


def drilled(days_ago: float, *, passed: bool = True) -> dict[str, Any]:
    return {"started": (NOON - timedelta(days=days_ago)).isoformat(), "passed": passed}


@pytest.mark.parametrize(
    ("history", "due"),
    [
        pytest.param([], True, id="never-drilled"),
        pytest.param([drilled(6.9)], False, id="young"),
        pytest.param([drilled(7)], True, id="a-week-old"),
        pytest.param([drilled(30), drilled(1)], False, id="the-last-counts"),
        pytest.param([drilled(2), drilled(0.9, passed=False)], False, id="failed-today"),
        pytest.param([drilled(2), drilled(1, passed=False)], True, id="failed-yesterday"),
        pytest.param([drilled(-1)], False, id="from-tomorrow"),
        pytest.param([drilled(-8)], True, id="from-the-far-future"),
    ],
)
def test_when_a_drill_is_due(history: list[dict[str, Any]], due: bool) -> None:
    assert drill_due(NOON, history, [manifest(started=NOON - timedelta(hours=1))], BACKUP_RULES) is due
    assert drill_due(NOON, history, [], BACKUP_RULES) is False


def test_the_first_drill_leaves_a_new_stack_alone_for_a_while() -> None:
    sets = [manifest()]
    made = sets[0].started
    assert not drill_due(made + BACKUP_RULES.first_drill_after - timedelta(seconds=1), [], sets, BACKUP_RULES)
    assert drill_due(made + BACKUP_RULES.first_drill_after, [], sets, BACKUP_RULES)
    assert drill_due(made - timedelta(days=300), [], sets, BACKUP_RULES), "the clock was set back"


def _awaiting(set_id: str) -> Manifest:
    plain = manifest(set_id, logical=False)
    assert plain.postgres
    return plain.model_copy(update={"postgres": plain.postgres.model_copy(update={"logical_from": "copy"})})


def test_a_set_is_drilled_once_for_its_logical_backup() -> None:
    older, newer = _awaiting("20261122-120000-full-0000"), _awaiting("20261123-120000-full-0000")
    hourly = manifest("20261123-130000-incremental-0001", kind="incremental", logical=False)
    assert dump_due([], [manifest()]) is None
    assert dump_due([], [older, newer, hourly]) == newer.id
    # A drill that could not make it is not repeated each minute, nor is an older set's turn then.
    assert dump_due([{"set_id": newer.id}], [older, newer, hourly]) is None


def test_pauses_after_failures_double_up_to_half_an_hour() -> None:
    assert [pause_after(number).total_seconds() / 60 for number in (0, 1, 2, 3, 5, 6, 7, 1000)] == [0, 1, 2, 4, 16, 30, 30, 30]


@pytest.mark.parametrize(
    ("wall", "steady", "jump"), [(60.2, 60.0, 0.0), (56.0, 60.0, 0.0), (3660.0, 60.0, 3600.0), (-86340.0, 60.0, -86400.0)]
)
def test_which_differences_are_jumps(wall: float, steady: float, jump: float) -> None:
    assert clock_jump(wall, steady) == jump


class Counting(Job):
    """A job that only counts how often it is woken."""

    def wake(self) -> bool:
        self.failures += 1
        woken.set()
        return True


woken = threading.Event()


def test_a_clock_that_is_set_back_does_not_put_the_schedule_to_sleep(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What APScheduler waits for is a day away then, since it was counted on the clock from before."""
    wall = [1_000_000.0]
    job = Counting("backup", "tests", load_nothing, tmp_path)
    service = Service(
        [job], tmp_path / "signs", wake_seconds=3600, watch=ClockWatch(wall=lambda: wall[0], steady=lambda: 0.0, awake=lambda: 0.0)
    )
    running = threading.Thread(target=service.run)
    woken.clear()
    running.start()
    try:
        assert woken.wait(PATIENCE)
        woken.clear()
        service.look_at_the_clock()
        assert not woken.wait(0.5)

        def jump() -> bool:
            # One that comes before the scheduler has noted the end of the first run is passed over.
            wall[0] -= 86_400
            service.look_at_the_clock()
            return woken.wait(1)

        wait_for(jump, "a jump wakes it")
    finally:
        service.stop()
        running.join(PATIENCE)
    assert not running.is_alive()
    assert "the clock jumped by -86400 s" in capsys.readouterr().out


def load_nothing(stack: str) -> Platform:
    raise PlatformError(what=f"stack {stack} is not up", where="its outputs", next_step="invoke up")


def test_a_run_that_fails_is_told_and_tried_again_later(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    job = Job("backup", "tests", load_nothing, tmp_path)
    assert job.wake() is False
    assert job.wake() is True
    out = capsys.readouterr().out
    assert out.count("backup: FAILED, next try in 1 min: stack tests is not up") == 1
    assert "next:  invoke up" in out
    assert job.failures == 1


@pytest.mark.parametrize("wrapped", [True, False], ids=["told", "unexpected"])
def test_no_row_of_anybody_gets_into_the_log(tmp_path: Path, capsys: pytest.CaptureFixture[str], wrapped: bool) -> None:
    said = (
        'duplicate key value violates unique constraint "users_email_key"\n'
        "LINE 1: insert into users values ('minji@example.org')\n"
        "                                  ^\n"
        "DETAIL:  Key (email)=(minji@example.org) already exists.\n"
        "CONTEXT:  SQL statement insert minji@example.org\n"
        "HINT:  try again"
    )

    def fail(_: str) -> Platform:
        if wrapped:
            raise PlatformError(what=said, where="postgres", next_step="invoke check")
        raise RuntimeError(said)

    job = Job("upkeep", "tests", fail, tmp_path, history=tmp_path / "history")
    assert job.wake() is False
    out = capsys.readouterr().out
    assert "duplicate key value" in out
    assert "try again" in out
    assert "minji" not in out + job.reason


def test_nothing_is_due_for_a_drill_without_sets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert Job("drill", "tests", load_nothing, tmp_path).wake() is True
    assert capsys.readouterr().out == ""


def test_a_held_lock_is_told_once_and_is_no_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bare = Platform("tests", {}, {}, tmp_path / "ca", {}, {}, "none", "embedded", "")
    job = Job("backup", "tests", lambda _: bare, tmp_path)
    with lock.hold(tmp_path, "a backup by hand"):
        assert job.wake() is True
        assert job.wake() is True
    out = capsys.readouterr().out
    assert out.count("another run is at work here: a backup by hand by ") == 1
    assert job.failures == 0


def test_what_is_young_enough_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    now = datetime.now(UTC)
    young = manifest(f"{now:%Y%m%d-%H%M%S}-full-0000", started=now - timedelta(minutes=59))
    (tmp_path / young.id).mkdir()
    folders.publish(tmp_path, young)
    assert Job("backup", "tests", load_nothing, tmp_path).wake() is True
    assert capsys.readouterr().out == ""
