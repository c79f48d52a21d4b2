"""Decisions of the schedule, all pure: whether something is due, the pause after a failure, whether the clock jumped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from backup.sets import due
from backup.sets.model import STORES, Manifest, SetKind
from christmas.blueprint.model import BackupRules, ScheduleRules
from christmas.blueprint.schedule_rules import SCHEDULE_RULES

_TOLERANCE_SECONDS = 5.0


def drill_due(now: datetime, history: Sequence[Mapping[str, Any]], sets: Sequence[Manifest], rules: BackupRules) -> bool:
    """Whether a drill is due. `history` is from `backup.drill`, oldest first.

    The first waits until the stack is a few minutes old. A failed one is repeated after a day, not after a week. A drill or set from the
    future (the clock was set back since) delays the next drill by one interval at most.
    """
    if not sets:
        return False
    if history:
        last = history[-1]
        age = now - datetime.fromisoformat(str(last["started"]))
        interval = rules.drill_every if last.get("passed") else min(rules.drill_every, rules.full_every)
    else:
        age, interval = now - min(manifest.started for manifest in sets), rules.first_drill_after
    return age >= interval or age < -interval


def dump_due(history: Sequence[Mapping[str, Any]], sets: Sequence[Manifest]) -> str | None:
    """The newest set if it awaits its logical backup from a drill and had none yet; where that failed, the next set's may do better."""
    awaiting = [manifest.id for manifest in sets if manifest.awaits_logical][-1:]
    return next((set_id for set_id in awaiting if all(past.get("set_id") != set_id for past in history)), None)


def drill_since(history: Sequence[Mapping[str, Any]], rules: BackupRules) -> datetime | None:
    """When a due drill became due; None if there was no drill yet: the first is not late."""
    if not history:
        return None
    last = history[-1]
    interval = rules.drill_every if last.get("passed") else min(rules.drill_every, rules.full_every)
    return datetime.fromisoformat(str(last["started"])) + interval


def backup_since(kind: SetKind, sets: Sequence[Manifest], rules: BackupRules) -> datetime | None:
    """When a due set of this kind became due; None if it has no earlier set to follow."""
    usable = due.covering(sets, STORES)
    followed = [manifest for manifest in usable if kind == "incremental" or manifest.kind == "full"]
    if not followed:
        return None
    return followed[-1].started + (rules.full_every if kind == "full" else rules.incremental_every)


def pause_after(failures: int, rules: ScheduleRules = SCHEDULE_RULES) -> timedelta:
    """The pause after that many failures in a row: twice as long each time, up to the longest pause."""
    return min(rules.retry_last, rules.retry_first * 2 ** min(failures - 1, 10)) if failures > 0 else timedelta(0)


def clock_jump(wall_seconds: float, steady_seconds: float) -> float:
    """Seconds by which the wall clock was set; 0 if within the usual correction of clocks."""
    jump = wall_seconds - steady_seconds
    return jump if abs(jump) > _TOLERANCE_SECONDS else 0.0
