"""How often backups are made (a full one each day, whatever weekday), and drilled; how long they are kept, and when one is late."""

from __future__ import annotations

from datetime import timedelta

from christmas.blueprint.model import BackupRules

BACKUP_RULES = BackupRules(
    full_every=timedelta(days=1),
    incremental_every=timedelta(hours=1),
    logical_every=timedelta(days=1),
    recount_every=timedelta(days=7),
    recount_share=0.01,
    first_drill_after=timedelta(minutes=5),
    drill_every=timedelta(days=7),
    archive_timeout=timedelta(seconds=50),
    loss_at_most=timedelta(minutes=1),
    commit_waits_at_most=timedelta(milliseconds=10),
    keep_fulls=2,
    keep_days=7,
    keep_weeks=4,
    minimum_redundancy=2,
    warn_after=timedelta(hours=26),
    critical_after=timedelta(hours=50),
)
