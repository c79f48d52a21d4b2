"""How often a stack does by itself what it does besides backups and drills (backup_and_drill_rules.py), and when that is late."""

from __future__ import annotations

from datetime import timedelta

from christmas.blueprint.model import ScheduleRules

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
