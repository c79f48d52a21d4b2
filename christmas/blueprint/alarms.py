"""From when on the checks say that something about the backups is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupAlarms:
    """Bounds beside those of `BackupRules`. Ages count from a set's or a drill's start; `growth` is a factor, `free` a share.

    `room` is for how many more full sets like the last one there has to be room.
    """

    newest_warn_after: timedelta
    newest_critical_after: timedelta
    waiting_warn_after: timedelta
    waiting_critical_after: timedelta
    drill_warn_after: timedelta
    drill_critical_after: timedelta
    verified_warn_after: timedelta
    growth_warn: float
    growth_needs: int
    free_warn: float
    free_critical: float
    room_warn: float
    room_critical: float


BACKUP_ALARMS = BackupAlarms(
    # Three incremental sets that were not made are no accident.
    newest_warn_after=timedelta(hours=3),
    newest_critical_after=timedelta(hours=26),
    # A finished segment of the log is archived within seconds, and one is finished every minute at the latest.
    waiting_warn_after=timedelta(minutes=5),
    waiting_critical_after=timedelta(minutes=15),
    # A weekly drill that failed is repeated the day after.
    drill_warn_after=timedelta(days=8, hours=12),
    drill_critical_after=timedelta(days=15),
    verified_warn_after=timedelta(days=8, hours=12),
    growth_warn=2.0,
    growth_needs=3,
    free_warn=0.10,
    free_critical=0.03,
    room_warn=3.0,
    room_critical=1.0,
)
