"""From when on refused logins and commands are worth a word: who mistypes a password does so once or twice, who guesses it more often."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalAlarms:
    """Counts of one store within the last `window`. `logins` have no or a wrong password, `denials` are of accounts that had logged in."""

    window: timedelta
    logins_warn: int
    logins_critical: int
    denials_warn: int
    denials_critical: int


REFUSAL_ALARMS = RefusalAlarms(
    # Longer than the time between two checks of the schedule, so that one of them sees it.
    window=timedelta(hours=1),
    logins_warn=10,
    logins_critical=200,
    denials_warn=10,
    denials_critical=200,
)
