"""Decisions of the schedule, all pure: whether something is due, how long to wait after a failure, whether the clock jumped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from backup.model import Manifest
from blueprint.model import BackupRules

_SHORTEST, _LONGEST = timedelta(minutes=1), timedelta(minutes=30)
_TOLERANCE_SECONDS = 5.0


def drill_due(now: datetime, history: Sequence[Mapping[str, Any]], sets: Sequence[Manifest], rules: BackupRules) -> bool:
    """Whether a drill is due. `history` is that of `backup.drill`, oldest first.

    One that failed is repeated after a day, not after a week. A drill from the future, which a clock that jumped back
    leaves, holds up the next for at most an interval.
    """
    if not sets:
        return False
    if not history:
        return True
    last = history[-1]
    age = now - datetime.fromisoformat(str(last["started"]))
    interval = rules.drill_every if last.get("passed") else min(rules.drill_every, rules.full_every)
    return age >= interval or age < -interval


def pause_after(failures: int) -> timedelta:
    """How long to wait after so many failures in a row: a minute, then twice as long each time, half an hour at most."""
    return min(_LONGEST, _SHORTEST * 2 ** min(failures - 1, 10)) if failures > 0 else timedelta(0)


def clock_jump(wall_seconds: float, steady_seconds: float) -> float:
    """Seconds by which the wall clock went further than time did; 0 where that is within what any clock is corrected by."""
    jump = wall_seconds - steady_seconds
    return jump if abs(jump) > _TOLERANCE_SECONDS else 0.0
