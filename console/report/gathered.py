"""What the page shows, gathered from checks, sets, drills, histories, the audit and PostgreSQL's statistics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from backup import drill
from backup.sets import folders
from backup.sets.model import Manifest
from christmas.blueprint.audit_rules import AUDIT_RULES
from infra.connections import Platform
from monitor import checks, signs, slow_statements
from monitor.result import CheckResult
from monitor.slow_statements import SlowStatements
from schedule import growth, history
from schedule.growth import Growth
from schedule.task import HISTORY
from security.audit.anomalies import Anomaly, since
from security.audit.chain import Chain
from security.audit.collect import folder_of
from security.audit.uses import AccountUse, uses_of

DAYS = 30
"""How far the trends and the chain of sets go back."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """The page's content. `runs` are the recorded runs of the checks, oldest first; `drills` as their history has them."""

    stack: str
    at: datetime
    results: Sequence[CheckResult]
    sets: Sequence[Manifest]
    drills: Sequence[dict[str, Any]]
    runs: Sequence[dict[str, Any]]
    accounts: Sequence[AccountUse]
    anomalies: Sequence[Anomaly]
    growth: Growth
    slow: SlowStatements


def gather(platform: Platform) -> Gathered:
    """Run all checks and read the histories. Raises PlatformError only where the stack itself can't be read."""
    now = datetime.now(UTC)
    begin = now - timedelta(days=DAYS)
    folder = folders.folder_of(platform.stack)
    chain = Chain(folder_of(platform.stack))
    results = checks.run(platform)  # first: one of them collects the audit
    day_ago = now - timedelta(days=1)
    events = list(chain.events(day_ago))
    return Gathered(
        stack=platform.stack,
        at=now,
        results=results,
        sets=[manifest for manifest in folders.list_sets(folder=folder) if manifest.started >= begin],
        drills=[report for report in drill.history(folder) if report["started"] >= begin.isoformat()],
        runs=[run for run in history.read(signs.folder_of(platform.stack) / HISTORY) if run["at"] >= begin.isoformat()],
        accounts=uses_of(events),
        anomalies=since(chain, day_ago, AUDIT_RULES, events),
        growth=growth.read(signs.folder_of(platform.stack) / growth.FILE, begin),
        slow=slow_statements.slowest(platform),
    )
