"""How the audit is kept, and what counts as an anomaly in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRules:
    """`collected_every` is the schedule's interval, `keep_for` the retention of the audit's files.

    A `burst` is so many within `burst_window`: of failed logins, of refused actions, of deletions by one account. An address counts as
    known once the account has used it on `known_after` earlier days or more. An account whose history has `baseline_days` days is
    unusually busy in an hour with `busy_factor` times the events of its busiest earlier hour, and `busy_at_least`. An hour of the day
    is unusual for it if it was at work within an hour of it on `unusual_days` days at most.
    Tables with sensitive columns are read massively in an hour with `busy_factor` times the reads of its busiest earlier hour, and
    `mass_reads`; or with `mass_reads_of_strangers` by an account whose history is shorter.
    Habits are learned from `history`. The check tells of the anomalies of the last `told_for`.
    """

    collected_every: timedelta
    late_after: timedelta
    keep_for: timedelta
    baseline_days: int
    unusual_days: int
    busy_factor: float
    busy_at_least: int
    burst_window: timedelta
    failed_logins: int
    refused_actions: int
    removals: int
    known_after: int
    mass_reads: int
    mass_reads_of_strangers: int
    history: timedelta
    told_for: timedelta


AUDIT_RULES = AuditRules(
    # Docker keeps 30 MB of each log: about ten minutes of a hundred questions a second to Weaviate.
    collected_every=timedelta(minutes=5),
    late_after=timedelta(minutes=15),
    keep_for=timedelta(days=365),
    baseline_days=10,
    unusual_days=1,
    busy_factor=3,
    busy_at_least=500,
    burst_window=timedelta(minutes=10),
    failed_logins=5,
    refused_actions=10,
    removals=3,
    known_after=1,
    mass_reads=500,
    # Logins and profiles of a busy platform in its first days, before there is anything to compare with.
    mass_reads_of_strangers=5000,
    history=timedelta(days=30),
    told_for=timedelta(hours=24),
)
