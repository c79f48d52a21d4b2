"""What a schedule writes down of itself, and what a check makes of it."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import shorten

import pytest

from christmas.blueprint.schedule_rules import SCHEDULE_RULES
from core import lock
from monitor import signs
from monitor.result import CheckResult, Status
from monitor.schedule import judge, judge_now
from schedule import history
from schedule.said import worst_first
from schedule.service import SignsOfLife

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
STARTED = NOW - timedelta(days=2)
FRESH = signs.Signs(NOW - timedelta(seconds=30), STARTED)
LATE = replace(FRESH, at=NOW - SCHEDULE_RULES.late_after - timedelta(minutes=1), doing="drill")
FAILING = replace(FRESH, works={"backup": signs.WorkSigns(failed=NOW, failures=3, message="the disk is full"), "check": signs.WorkSigns()})


@pytest.mark.parametrize(
    ("told", "runs", "kept", "status", "words"),
    [
        (FRESH, True, True, Status.OK, "runs since 2 d"),
        (replace(FRESH, doing="backup", since=NOW - timedelta(minutes=4)), True, True, Status.OK, "backup since 4 min"),
        (FAILING, True, True, Status.WARNING, "backup failed 3 times in a row: the disk is full"),
        (LATE, True, True, Status.CRITICAL, "hangs in drill: its last sign of life is 11 min old"),
        (FRESH, False, True, Status.CRITICAL, "dead"),
        (FAILING, False, True, Status.CRITICAL, "dead"),
        (None, False, True, Status.WARNING, "never started"),
        (None, False, False, Status.OK, "another scheduler"),
        (FRESH, False, False, Status.OK, "another scheduler"),
        (FAILING, False, False, Status.WARNING, "backup failed 3 times"),
    ],
)
def test_a_schedule_that_is_dead_late_or_failing_is_told(
    told: signs.Signs | None, runs: bool, kept: bool, status: Status, words: str
) -> None:
    finding = judge(told, runs=runs, keeps_itself=kept, rules=SCHEDULE_RULES, now=NOW)
    assert (finding.status, words in finding.message) == (status, True), finding
    assert bool(finding.next_step) == (status is not Status.OK)


@pytest.mark.parametrize(
    ("boot", "now", "words"),
    [("a", "b", "the machine was started again"), ("a", "a", "is dead"), ("", "b", "is dead"), ("a", "", "is dead")],
    ids=["restarted", "killed", "signs-of-before", "unknown"],
)
def test_a_restart_of_the_machine_is_told_from_a_death(boot: str, now: str, words: str) -> None:
    finding = judge(replace(FRESH, boot=boot), runs=False, keeps_itself=True, rules=SCHEDULE_RULES, now=NOW, boot=now)
    assert (finding.status, words in finding.message) == (Status.CRITICAL, True), finding
    assert "invoke schedule.start" in finding.next_step
    alive = judge(replace(FRESH, boot=boot), runs=True, keeps_itself=True, rules=SCHEDULE_RULES, now=NOW, boot=now)
    assert alive.status is Status.OK


def test_one_that_is_being_started_again_with_new_code_is_no_fault(tmp_path: Path) -> None:
    ended = replace(FRESH, ended=True)

    def judged(told: signs.Signs, *, kept: bool, now: datetime = NOW) -> tuple[Status, str]:
        finding = judge(told, runs=False, keeps_itself=True, rules=SCHEDULE_RULES, now=now, has_keeper=kept)
        return finding.status, finding.message

    assert judged(ended, kept=True) == (Status.OK, "the schedule is being started again, with the newest code and settings")
    for finding, words in (
        (judged(ended, kept=False), "is stopped"),
        (judged(ended, kept=True, now=NOW + timedelta(minutes=1)), "is stopped"),
        (judged(FRESH, kept=True), "is dead"),
    ):
        assert (finding[0], words in finding[1]) == (Status.CRITICAL, True)
    SignsOfLife(tmp_path).beat()
    told = signs.read(tmp_path)
    assert told
    signs.write(tmp_path, replace(told, ended=True))
    assert judge_now(tmp_path, keeps_itself=True).status is Status.CRITICAL
    with lock.hold(signs.keeper_folder(tmp_path), "keeping"):
        assert judge_now(tmp_path, keeps_itself=True).status is Status.OK


def test_what_a_schedule_writes_down_names_the_start_of_the_machine(tmp_path: Path) -> None:
    SignsOfLife(tmp_path).beat()
    told = signs.read(tmp_path)
    assert told
    assert told.boot == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert judge_now(tmp_path, keeps_itself=True).message.startswith("the schedule is dead")


def test_signs_are_read_as_they_were_written(tmp_path: Path) -> None:
    working = FAILING.begin("backup")
    signs.write(tmp_path / "new", working)
    assert signs.read(tmp_path / "new") == replace(working, at=_milliseconds(working.at), since=_milliseconds(working.since or NOW))


@pytest.mark.parametrize("damaged", ["", "{", "[]", "null", '{"at": "yesterday"}', '{"at": null, "started": null, "works": {}}'])
def test_damaged_signs_are_none(tmp_path: Path, damaged: str) -> None:
    (tmp_path / "signs.json").write_text(damaged)
    assert signs.read(tmp_path) is None


def test_only_a_lock_that_is_held_means_that_one_runs(tmp_path: Path) -> None:
    assert not signs.runs(tmp_path)
    with lock.hold(tmp_path, "the schedule"):
        assert signs.runs(tmp_path)
        assert lock.process_of(tmp_path)
        with pytest.raises(lock.HeldError, match="the schedule by"), lock.hold(tmp_path, "the schedule"):
            pass
    assert not signs.runs(tmp_path)
    assert lock.process_of(tmp_path) is None


def test_whoever_types_a_command_waits_for_the_run_of_a_schedule(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    program = (
        "import sys; from pathlib import Path; from core import lock; lock.be_the_schedule()\n"
        "with lock.hold(Path(sys.argv[1]), 'a drill'): print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with holder:
        assert holder.stdout
        assert holder.stdin
        assert holder.stdout.readline() == "held\n"
        end = holder.stdin.close
        monkeypatch.setattr("core.lock.time.sleep", lambda _: end())  # the drill ends while it is waited for
        with lock.hold(tmp_path, "a backup by hand"):
            assert lock.process_of(tmp_path) == os.getpid()
    assert "waiting for the schedule to finish a drill by " in capsys.readouterr().err


def test_a_schedule_waits_for_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock._Process, "is_schedule", True)
    with lock.hold(tmp_path, "a drill"), pytest.raises(lock.HeldError, match="a drill by"), lock.hold(tmp_path, "a backup"):
        pass


def test_the_history_of_checks_is_kept_as_long_as_the_blueprint_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "checks.jsonl"
    results = [CheckResult(name="a", status=Status.OK, message="fine"), CheckResult(name="b", status=Status.CRITICAL, message="가득 찼다")]
    history.append(path, results, NOW - SCHEDULE_RULES.keep_history - timedelta(days=1))
    with path.open("a") as file:
        file.write('{"at": "2026-11')  # what a crash leaves
    history.append(path, results, NOW)
    assert [each["status"] for each in history.read(path)] == ["critical", "critical"]
    assert history.read(path)[1]["not_ok"] == [{"name": "b", "status": "critical", "message": "가득 찼다"}]
    monkeypatch.setattr(history, "_SHORTEN_AT", 0)
    history.append(path, results[:1], NOW)
    assert [(each["at"], each["status"]) for each in history.read(path)] == [(NOW.isoformat(), "critical"), (NOW.isoformat(), "ok")]
    assert len(path.read_text().splitlines()) == 2
    assert path.stat().st_mode & 0o077 == 0


def test_every_line_of_the_history_is_json(tmp_path: Path) -> None:
    path = tmp_path / "checks.jsonl"
    history.append(path, [CheckResult(name="a", status=Status.UNKNOWN, message="two\nlines")], NOW)
    assert json.loads(path.read_text())["not_ok"][0]["message"] == "two\nlines"


def _milliseconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def test_a_line_of_the_log_has_the_worst_checks_and_not_all() -> None:
    order = (Status.OK, Status.WARNING, Status.UNKNOWN, Status.CRITICAL)
    results = [CheckResult(name=f"{status}-{number}", status=status, message="why " * 100) for number in range(3) for status in order]
    told = worst_first(results)
    assert [each.split()[0] for each in told] == [*(f"critical-{number}" for number in range(3)), "unknown-0", "unknown-1", "and"]
    assert told[-1] == "and 4 more: invoke check"
    assert max(map(len, told)) < 150
    assert worst_first(results[:1]) == []
    assert worst_first(results[:2]) == [f"warning-0 warning: {shorten('why ' * 100, 120)}"]
