"""How often and for how long: when backups are due, how long sets are kept, a stack's own work, former secrets, certificates."""

from __future__ import annotations

from datetime import timedelta

from christmas.blueprint.model import BackupRules, RotationRules, ScheduleRules

BACKUP_RULES = BackupRules(
    full_every=timedelta(days=1),
    incremental_every=timedelta(hours=1),
    logical_every=timedelta(days=1),
    drill_every=timedelta(days=7),
    archive_timeout=timedelta(seconds=60),
    keep_fulls=2,
    keep_days=7,
    keep_weeks=4,
    minimum_redundancy=2,
    warn_after=timedelta(hours=26),
    critical_after=timedelta(hours=50),
)

SCHEDULE_RULES = ScheduleRules(
    wake_every=timedelta(minutes=1),
    retry_first=timedelta(minutes=1),
    retry_last=timedelta(minutes=30),
    upkeep_every=timedelta(minutes=5),
    indicators_every=timedelta(hours=1),
    check_every=timedelta(minutes=15),
    growth_every=timedelta(hours=1),
    late_after=timedelta(minutes=10),
    keep_history=timedelta(days=90),
)

ROTATION_RULES = RotationRules(
    overlap=timedelta(hours=24),
    end_within=timedelta(hours=1),
    looked_every=timedelta(minutes=15),
    renew_after=timedelta(days=365),
    renew_authority_after=timedelta(days=1825),
)

CA_LIFETIME = timedelta(days=3650)
CERTIFICATE_LIFETIME = timedelta(days=90)
# The next `up` replaces a certificate with less than this share of its life left.
RENEW_BELOW = 1 / 3
