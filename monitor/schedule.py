"""Whether the stack looks after itself: its schedule lives, is not late, and what it does succeeds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from christmas.blueprint.model import ScheduleRules
from christmas.blueprint.schedule_rules import SCHEDULE_RULES
from core.words import span_text
from infra.connections import Platform
from monitor import signs
from monitor.result import Finding, Status, critical, ok, warning

_STARTED_AGAIN_WITHIN = timedelta(minutes=1)
_START = "invoke schedule.start (invoke up does it, too)"


def judge(
    signs_of_life: signs.Signs | None,
    *,
    runs: bool,
    keeps_itself: bool,
    rules: ScheduleRules,
    now: datetime,
    boot: str = "",
    has_keeper: bool = False,
) -> Finding:
    """From the last signs of life. `runs`: one is at work now. `keeps_itself`: this clone runs it, not a scheduler of the machine's.

    `has_keeper`: its keeper is there, which starts it again within seconds where it was told to end, as after each `up`.

    `boot` names this machine's last start, as signs do theirs.
    """
    failing = {name: work for name, work in (signs_of_life.works if signs_of_life else {}).items() if work.failures}
    if not keeps_itself and not runs:
        finding = ok("another scheduler does the work, as the setting `schedule` says; backup.newest shows whether it does")
    elif signs_of_life is None:
        finding = warning("nothing runs by itself: the schedule was never started", _START)
    elif not runs and has_keeper and signs_of_life.ended and now - signs_of_life.at < _STARTED_AGAIN_WITHIN:
        finding = ok("the schedule is being started again, with the newest code and settings")
    elif not runs and boot and signs_of_life.boot and signs_of_life.boot != boot:
        finding = critical(
            f"the machine was started again and the schedule was not: its last sign of life is {span_text(now - signs_of_life.at)} old",
            f"{_START}; it says what will start it the next time",
        )
    elif not runs and signs_of_life.ended:
        finding = critical(f"the schedule is stopped, since {span_text(now - signs_of_life.at)}: nothing runs by itself", _START)
    elif not runs:
        finding = critical(f"the schedule is dead: its last sign of life is {span_text(now - signs_of_life.at)} old", _START)
    elif now - signs_of_life.at > rules.late_after:
        what = f" in {signs_of_life.doing}" if signs_of_life.doing else ""
        finding = critical(
            f"the schedule hangs{what}: its last sign of life is {span_text(now - signs_of_life.at)} old",
            "invoke schedule.stop --now schedule.start",
        )
    else:
        doing = (
            f"; {signs_of_life.doing} since {span_text(now - signs_of_life.since)}" if signs_of_life.doing and signs_of_life.since else ""
        )
        finding = ok(
            f"the schedule runs since {span_text(now - signs_of_life.started)}{doing}",
            max(0.0, (now - signs_of_life.at).total_seconds()),
            "seconds",
        )
    if failing and finding.status is not Status.CRITICAL:
        words = "; ".join(f"{name} failed {work.failures} times in a row: {work.message}" for name, work in sorted(failing.items()))
        return warning(words, "invoke schedule shows the log's end; do the work by hand to see what is wrong")
    return finding


def alive(platform: Platform) -> Finding:
    """The schedule is alive and its work succeeds."""
    folder = signs.folder_of(platform.stack)
    return judge_now(folder, keeps_itself=platform.keeps_itself)


def judge_now(folder: Path, *, keeps_itself: bool) -> Finding:
    """The same, from the present signs in a stack's folder."""
    now, boot = datetime.now(UTC), signs.boot_id()
    # In this order: one that starts in between is seen.
    has_keeper, runs = signs.is_kept(folder), signs.runs(folder)
    return judge(signs.read(folder), runs=runs, keeps_itself=keeps_itself, rules=SCHEDULE_RULES, now=now, boot=boot, has_keeper=has_keeper)
