"""The record of what grows, one line an hour: sizes, and the checks that have a limit.

A file and no table, since it is wanted most while a store is full (docs/adr/0709).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from christmas.blueprint.schedule_rules import SCHEDULE_RULES
from monitor.growth.trend import Point, Reach, Trend, reach, trend
from monitor.result import CheckResult
from schedule import history

FILE = "growth.jsonl"

REMEDIES: Mapping[str, str] = {
    "host.disk": "invoke backup.prune --dry-run shows sets that may go; docker system df shows the rest",
    "redis.memory": "give Redis more memory (pulumi config: docs/operating.md), or shorten a keyspace's expiry in the blueprint",
    "postgres.sequences": "change the column to bigint: invoke migrate.new",
    "postgres.wraparound": "find what holds back vacuum: invoke check --only postgres.sessions,postgres.slots",
    "postgres.connections": "close idle sessions: invoke check --only postgres.sessions; or raise the account's limit in the blueprint",
}
"""The cheapest thing to do about each limit, by the check that watches it."""


@dataclass(frozen=True, slots=True)
class Size:
    """A size now, and how it changes."""

    name: str
    value: float
    trend: Trend | None


@dataclass(frozen=True, slots=True)
class Limit:
    """A check's figure now, its critical bound, and when that is reached; `reach` is None where the figure does not move towards it."""

    name: str
    value: float
    bound: float
    trend: Trend | None
    reach: Reach | None
    remedy: str


@dataclass(frozen=True, slots=True)
class Growth:
    """Sizes by how fast they grow, and limits by how soon they are reached. `since` is the first record that counts."""

    since: datetime | None
    records: int
    sizes: Sequence[Size]
    limits: Sequence[Limit]


def is_due(path: Path, now: datetime | None = None) -> bool:
    """Whether the newest record is an interval old. By the file: a schedule that cron starts anew each time remembers nothing else."""
    newest = history.last(path)
    return newest is None or (now or datetime.now(UTC)) - datetime.fromisoformat(newest["at"]) >= SCHEDULE_RULES.growth_every


def record(path: Path, sizes: Mapping[str, float], results: Sequence[CheckResult], now: datetime | None = None) -> None:
    """Add one line: sizes by name, and of the checks with a remedy [value, critical bound, whether low figures are bad]."""
    now = now or datetime.now(UTC)
    limits = {
        result.name: [result.value, result.critical_from, result.warn_from is not None and result.critical_from < result.warn_from]
        for result in results
        if result.name in REMEDIES and result.value is not None and result.critical_from is not None
    }
    history.add(path, {"at": now.isoformat(timespec="seconds"), "sizes": dict(sizes), "limits": limits}, now)


def read(path: Path, begin: datetime) -> Growth:
    """What the records since `begin` say. A size that the newest record lacks is gone, and left out."""
    records = [line for line in history.read(path) if line["at"] >= begin.isoformat(timespec="seconds")]
    sizes, limits = defaultdict[str, list[Point]](list), defaultdict[str, list[Point]](list)
    for line in records:
        at = datetime.fromisoformat(line["at"]).timestamp()
        for name, value in line.get("sizes", {}).items():
            sizes[name].append((at, float(value)))
        for name, (value, *_) in line.get("limits", {}).items():
            limits[name].append((at, float(value)))
    newest: dict[str, Any] = records[-1] if records else {}
    measured = [Size(name, float(value), trend(sizes[name])) for name, value in newest.get("sizes", {}).items()]
    watched = [_limit(name, limits[name], *figures) for name, figures in newest.get("limits", {}).items()]
    return Growth(
        since=datetime.fromisoformat(records[0]["at"]) if records else None,
        records=len(records),
        sizes=sorted(measured, key=lambda size: (-abs(size.trend.per_day) if size.trend else 0.0, -size.value)),
        limits=sorted(watched, key=lambda limit: (limit.reach.days if limit.reach else float("inf"), limit.name)),
    )


def _limit(name: str, points: Sequence[Point], value: float, bound: float, below: bool) -> Limit:
    direction = trend(points)
    reached = reach(value, bound, direction, below=below) if direction else None
    return Limit(name, value, bound, direction, reached, REMEDIES.get(name, ""))
