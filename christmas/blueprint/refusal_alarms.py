"""Bounds from which refused logins and commands are reported: a typo happens once or twice, guessing a password more often."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalAlarms:
    """Counts per store within the last `window`. `logins` have no or a wrong password, `denials` are of logged-in accounts."""

    window: timedelta
    logins_warn: int
    logins_critical: int
    denials_warn: int
    denials_critical: int


REFUSAL_ALARMS = RefusalAlarms(
    # Longer than the interval of the schedule's checks, so that one of them sees it.
    window=timedelta(hours=1),
    logins_warn=10,
    logins_critical=200,
    denials_warn=10,
    denials_critical=200,
)
