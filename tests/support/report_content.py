"""A month of a stack, as the page of `check.report` shows it, with hostile words in it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from backup.sets.model import Manifest, SetKind
from console.report.gathered import Gathered
from monitor.growth.trend import Reach, Trend
from monitor.result import CheckResult, Status
from monitor.slow_statements import Planned, SlowStatements, Statement
from schedule.growth import Growth, Limit, Size
from security.audit.anomalies import Anomaly
from security.audit.uses import AccountUse

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
PLAN = f"Index Scan using users_username_key on users  (cost=0.14..2.36 rows=1 width=4)\n  Index Cond: ((username)::text = {'$1' * 60})"
HOSTILE = "<script>alert('x')</script> & \"quoted\""


def manifest(number: int, parent: Manifest | None) -> Manifest:
    started = NOW - timedelta(hours=700 - number)
    kind: SetKind = "incremental" if parent else "full"
    return Manifest(
        id=f"{started:%Y%m%d-%H%M%S}-{kind}-{number:04}",
        sequence=number,
        stack="dev",
        kind=kind,
        parent=parent.id if parent else None,
        started=started,
        finished=started + timedelta(seconds=9),
        made_by="tests",
        stores=("redis",),
    )


def content(**changes: object) -> Gathered:
    """A month of a stack: hourly sets, weekly drills, a run of the checks every quarter of an hour."""
    sets: list[Manifest] = []
    for number in range(700):
        sets.append(manifest(number, sets[-1] if number % 24 else None))
    drills = [
        {
            "id": f"drill-{day}",
            "started": (NOW - timedelta(days=day)).isoformat(),
            "passed": day != 8,
            "restore_seconds": 21.5,
            "loss_seconds": {"postgres": 12.0},
        }
        for day in (22, 15, 8, 1)
    ]
    statuses = ["ok", "ok", "warning", "critical", "unknown"]
    runs = [
        {"at": (NOW - timedelta(minutes=15 * back)).isoformat(), "status": statuses[back // 600 % 5], "checks": 70, "not_ok": []}
        for back in range(2880, 0, -1)
    ]
    results = [
        CheckResult(name="postgres.answer", status=Status.OK, message="answers in 3 ms", value=3.0, unit="ms"),
        CheckResult(name="backup.copies", status=Status.WARNING, message=HOSTILE, next_step="invoke backup.copy"),
        CheckResult(name="host.disk", status=Status.CRITICAL, message="2 days until it is full", next_step="invoke backup.prune --dry-run"),
    ]
    anomaly = Anomaly("2026-11-29T10:00:00.0Z", "failed logins", "postgresql", "api", f"7 failed logins of {HOSTILE}")
    made = {
        "stack": "dev",
        "at": NOW,
        "results": results,
        "sets": sets,
        "drills": drills,
        "runs": runs,
        "accounts": [AccountUse("api", 12_345, 7), AccountUse(HOSTILE, 1, 1)],
        "anomalies": [anomaly],
        "growth": Growth(
            NOW - timedelta(days=3),
            70,
            [Size(f"table {HOSTILE}", 5e9, Trend(1e6, 9e5, 2e6)), Size("keyspace session", 12.0, None)],
            [Limit("redis.memory", 0.5, 0.9, Trend(0.1, 0.05, 0.2), Reach(4.0, 2.0, 8.0), "give it more")],
        ),
        "slow": SlowStatements(
            [
                Planned(Statement("api", "select id from users where username = $1", 1_204, 3_700.5, 0.42, "explain"), PLAN),
                Planned(
                    Statement("ingest", "select count(*) from gone", 3, 12.0, 0.01, "explain"), no_plan='relation "gone" does not exist'
                ),
                Planned(Statement(HOSTILE, None, 1, 1.0, None, None), no_plan=f"{HOSTILE} is no account"),
            ]
        ),
    }
    return Gathered(**(made | changes))  # type: ignore[arg-type]
