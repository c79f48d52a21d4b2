"""Each delay has a name: what a schedule finds out about the time in which it wasn't at work, and what it makes of late work."""

import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from christmas.blueprint.backup_and_drill_rules import BACKUP_RULES
from christmas.blueprint.schedule_rules import SCHEDULE_RULES
from infra.connections import ROOT
from monitor import signs
from schedule import history
from schedule.decide import backup_since, drill_since
from schedule.delays import Delays, Gap
from schedule.service import ClockWatch, Passed, Service, SignsOfLife
from tests.support.manifests import NOON, manifest

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def written(path: Path) -> list[dict[str, Any]]:
    return [{key: value for key, value in each.items() if key != "at"} for each in history.read(path)]


def test_late_work_is_told_with_what_held_it_up_the_longest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    delays = Delays(tmp_path / "delays")
    delays.note(Gap(NOON - 5 * HOUR, NOON - 3 * HOUR, "busy", "long over"))
    delays.note(Gap(NOON - HOUR, NOON - 50 * MINUTE, "busy", "drill was under way for 10 min"))
    delays.note(Gap(NOON - 3 * HOUR, NOON - HOUR, "asleep", "the machine slept for 2 h"))
    delays.late("backup", NOON - 2 * HOUR, NOON)
    delays.late("upkeep", NOON - 9 * MINUTE, NOON)
    delays.late("check", None, NOON)
    delays.late("drill", NOON - 30 * MINUTE, NOON)
    assert written(tmp_path / "delays") == [
        {"work": "backup", "name": "asleep", "seconds": 7200, "why": "the machine slept for 2 h; drill was under way for 10 min"},
        {"work": "drill", "name": "unexplained", "seconds": 1800, "why": "cause unknown"},
    ]
    assert "backup: 2 h late: the machine slept for 2 h" in capsys.readouterr().out


def test_a_gap_is_told_where_it_matters_and_a_clock_that_was_set_always(tmp_path: Path) -> None:
    delays = Delays(tmp_path / "delays")
    delays.tell(Gap(NOON - 9 * MINUTE, NOON, "killed", "short"))
    delays.tell(Gap(NOON - 11 * MINUTE, NOON, "killed", "long"))
    delays.tell(Gap(NOON + 6 * MINUTE, NOON, "clock set", "back"))
    assert [(each["name"], each["seconds"], each["why"]) for each in written(tmp_path / "delays")] == [
        ("killed", 660, "long"),
        ("clock set", -360, "back"),
    ]


def end_by(folder: Path, number: int) -> None:
    """A schedule without work, started and ended by a signal."""
    program = (
        "import signal, sys; from pathlib import Path\n"
        "from schedule.service import Service\n"
        "service = Service([], Path(sys.argv[1]), wake_seconds=0.1); signal.signal(signal.SIGTERM, service.stop)\n"
        "beat = service._signs.beat; service._signs.beat = lambda: (beat(), print('lives', flush=True)); service.run()"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "lives\n"
        process.send_signal(number)


@pytest.mark.parametrize(("number", "name"), [(signal.SIGKILL, "killed"), (signal.SIGTERM, "stopped")], ids=["killed", "stopped"])
def test_what_ended_the_schedule_before_is_found_out(tmp_path: Path, number: int, name: str) -> None:
    end_by(tmp_path, number)
    gap = SignsOfLife(tmp_path).gap()
    assert gap
    assert gap.name == name
    before = signs.read(tmp_path)
    assert before
    signs.write(tmp_path, replace(before, boot="another start"))
    gap = SignsOfLife(tmp_path).gap()
    assert gap
    assert gap.name == "machine restarted"


def test_the_first_schedule_of_a_stack_follows_nothing(tmp_path: Path) -> None:
    assert SignsOfLife(tmp_path).gap() is None


def clocks(*steps: tuple[float, float, float]) -> ClockWatch:
    """A watch on clocks that go by these steps: wall, steady, awake."""
    at, every = [0.0, 0.0, 0.0], iter(((0.0, 0.0, 0.0), *steps))

    def wall() -> float:
        at[:] = [before + step for before, step in zip(at, next(every), strict=True)]
        return at[0]

    return ClockWatch(wall=wall, steady=lambda: at[1], awake=lambda: at[2])


@pytest.mark.parametrize(
    ("step", "passed"),
    [
        ((30, 30, 30), Passed(30, 0, 0)),
        ((3630, 3630, 30), Passed(3630, 3600, 0)),
        ((3630, 30, 30), Passed(30, 0, 3600)),
        ((-570, 30, 30), Passed(30, 0, -600)),
        ((7230, 3630, 30), Passed(3630, 3600, 3600)),
    ],
    ids=["nothing", "asleep", "set-forward", "set-back", "set-in-its-sleep"],
)
def test_sleep_is_told_from_a_clock_that_was_set(step: tuple[float, float, float], passed: Passed) -> None:
    assert clocks(step).look() == passed


@pytest.mark.parametrize(
    ("step", "name"),
    [((3630, 3630, 30), "asleep"), ((3630, 30, 30), "clock set"), ((-570, 30, 30), "clock set"), ((3600, 3600, 3600), "stood still")],
)
def test_each_is_in_the_history_by_its_name(tmp_path: Path, step: tuple[float, float, float], name: str) -> None:
    service = Service([], tmp_path, watch=clocks((30, 30, 30), step))
    service.look_at_the_clock()
    assert history.read(tmp_path / "delays.jsonl") == []
    service.look_at_the_clock()
    assert [each["name"] for each in history.read(tmp_path / "delays.jsonl")] == [name]


@pytest.mark.parametrize(
    ("told", "since"),
    [
        (lambda: backup_since("full", [], BACKUP_RULES), None),
        (lambda: backup_since("full", [manifest()], BACKUP_RULES), NOON + BACKUP_RULES.full_every),
        (lambda: backup_since("incremental", [manifest()], BACKUP_RULES), NOON + BACKUP_RULES.incremental_every),
        (lambda: drill_since([], BACKUP_RULES), None),
        (lambda: drill_since([{"started": NOON.isoformat(), "passed": True}], BACKUP_RULES), NOON + BACKUP_RULES.drill_every),
        (lambda: drill_since([{"started": NOON.isoformat(), "passed": False}], BACKUP_RULES), NOON + BACKUP_RULES.full_every),
    ],
    ids=["first-full", "full", "incremental", "first-drill", "drill", "drill-that-failed"],
)
def test_since_when_something_is_due(told: Callable[[], datetime | None], since: datetime | None) -> None:
    assert told() == since


def test_a_history_is_bounded_whatever_is_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "_SHORTEN_AT", 20_000)
    monkeypatch.setattr(history, "_KEPT_AT_MOST", 10_000)
    now = datetime.now(UTC)
    for number in range(300):
        history.add(tmp_path / "h", {"at": (now + number * MINUTE).isoformat(), "why": "가" * 100, "number": number}, now)
        assert (tmp_path / "h").stat().st_size < 20_500
    kept = [each["number"] for each in history.read(tmp_path / "h")]
    assert kept == list(range(kept[0], 300))
    assert len(kept) > 10
    assert SCHEDULE_RULES.keep_history > timedelta(days=30)
