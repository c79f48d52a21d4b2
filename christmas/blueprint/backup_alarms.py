"""Bounds from which the checks report a problem with the backups."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupAlarms:
    """Bounds besides those of `BackupRules`. Ages count from the start of a set or drill; `growth` is a factor, `free` a share.

    `room` is the number of further full sets, like the last one, that must fit on the disk.
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
    # Three missing incremental sets are no accident.
    newest_warn_after=timedelta(hours=3),
    newest_critical_after=timedelta(hours=26),
    # A finished WAL segment is archived within seconds, and one is finished at least every minute.
    waiting_warn_after=timedelta(minutes=5),
    waiting_critical_after=timedelta(minutes=15),
    # A failed weekly drill is repeated the day after.
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
