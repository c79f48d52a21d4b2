"""Delays: when the schedule could not work, and what was late because of that, each with a name and a reason."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from christmas.blueprint.model import ScheduleRules
from christmas.blueprint.schedule_rules import SCHEDULE_RULES
from core.words import span_text
from schedule import history
from schedule.said import say

Name = Literal["machine restarted", "killed", "stopped", "asleep", "stood still", "clock set", "busy", "failed", "held", "unexplained"]
_REMEMBERED = 100


@dataclass(frozen=True, slots=True)
class Gap:
    """A time without work; `why` follows a colon in messages. `seconds` is negative if the clock was set back."""

    since: datetime
    until: datetime
    name: Name
    why: str

    @property
    def seconds(self) -> float:
        """Its length."""
        return (self.until - self.since).total_seconds()

    def within(self, since: datetime, until: datetime) -> float:
        """Its seconds between two moments."""
        return max(0.0, (min(self.until, until) - max(self.since, since)).total_seconds())


class Delays:
    """The known gaps, and the file of delays that they caused: one JSON line each, kept as long as the history of checks.

    Without a path nothing is known of earlier runs: for example for a timer that runs one look.
    """

    def __init__(self, path: Path | None, rules: ScheduleRules = SCHEDULE_RULES) -> None:
        self._path = path
        self._rules = rules
        self._gaps: deque[Gap] = deque(maxlen=_REMEMBERED)
        self._lock = threading.Lock()

    def note(self, gap: Gap) -> None:
        """Remember a possible cause of a delay."""
        with self._lock:
            self._gaps.append(gap)

    def tell(self, gap: Gap) -> None:
        """Remember it, and report it if it was long enough to matter or the clock was set."""
        self.note(gap)
        if gap.name == "clock set" or gap.seconds >= self._rules.late_after.total_seconds():
            self._write("", gap.name, gap.seconds, gap.why, gap.until)
            say(f"schedule: {gap.why}")

    def late(self, work: str, since: datetime | None, began: datetime) -> None:
        """Report work that was due at `since` and began too late, with the main causes."""
        if self._path is None or since is None or began - since < self._rules.late_after:
            return
        with self._lock:
            gaps = sorted(self._gaps, key=lambda gap: gap.within(since, began), reverse=True)
        causes = [gap for gap in gaps if gap.within(since, began) > 0][:2]
        name: Name = causes[0].name if causes else "unexplained"
        why = "; ".join(dict.fromkeys(gap.why for gap in causes)) or "cause unknown"
        self._write(work, name, (began - since).total_seconds(), why, began)
        say(f"{work}: {span_text(began - since)} late: {why}")

    def _write(self, work: str, name: Name, seconds: float, why: str, at: datetime) -> None:
        if self._path is None:
            return
        line = {"at": at.isoformat(timespec="seconds"), "work": work, "name": name, "seconds": round(seconds), "why": why}
        try:
            history.add(self._path, line, datetime.now(UTC))
        except OSError as error:
            # Even if the disk is full, the schedule continues.
            say(f"schedule: {self._path.name} can't be written: {error}")
