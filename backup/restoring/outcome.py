"""The report of a restore, done or planned; for PostgreSQL from the real replay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from backup.postgres import drawing
from backup.postgres.choice_of_timeline import KnownLog
from backup.restoring.targets import StorePlan, Target
from backup.sets.model import Manifest, Store


@dataclass(frozen=True, slots=True)
class RestoreOutcome:
    """The result of a restore, done or planned: the set and moment of each store, the loss, and the (expected) duration."""

    target: str
    into: str
    live: bool
    dry_run: bool
    stores: dict[str, dict[str, Any]]
    seconds: float | None
    connections: str = ""
    timelines: tuple[drawing.Row, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The outcome for `--json`."""
        plain = {name: getattr(self, name) for name in ("target", "into", "live", "dry_run", "stores", "seconds", "connections")}
        return {**plain, "timelines": [timeline.as_dict() for timeline in self.timelines]}


@dataclass(frozen=True, slots=True)
class Seen:
    """PostgreSQL's commits as seen: the live server's last one, and the last replayed one with its position."""

    live: datetime | None = None
    replayed: datetime | None = None
    position: str | None = None


def tell(
    target: Target,
    into: str,
    plans: Mapping[Store, StorePlan],
    every: Sequence[Manifest],
    log: KnownLog | None,
    *,
    live: bool = False,
    seconds: float | None = None,
    seen: Seen | None = None,
) -> RestoreOutcome:
    """The plan or, with `seen`, the outcome. A store shows its state at `shows`; later changes are lost.

    `seconds_lost` is None if it isn't known.
    """
    now = datetime.now(UTC)
    outcomes: dict[str, dict[str, Any]] = {}
    for store, plan in plans.items():
        if store == "postgres":
            outcomes[store] = _postgres(plan, log, seen)
            continue
        shows = plan.until or now
        outcomes[store] = {
            "set": plan.manifest.id,
            "shows": shows.isoformat(timespec="milliseconds"),
            "seconds_lost": round(max(0.0, (now - shows).total_seconds()), 1),
            "replays": "log, cut off" if plan.truncate else "nothing",
        }
    rows = tuple(drawing.rows(every, log)) if log and "postgres" in plans else ()
    return RestoreOutcome(str(target), into, live, seen is None, outcomes, seconds, timelines=rows)


def _postgres(store_plan: StorePlan, log: KnownLog | None, seen: Seen | None) -> dict[str, Any]:
    part = store_plan.manifest.postgres
    shown = store_plan.until.isoformat(timespec="milliseconds") if store_plan.until else (store_plan.lsn or "the end of the archived log")
    committed = log.live.committed if log and log.live else None
    branch = bool(log and log.live and log.timeline not in (None, log.live.timeline))
    if branch:
        lost = None
    elif seen is None:
        lost = _would_lose(store_plan, log, committed)
    else:
        lost = (seen.live - seen.replayed).total_seconds() if seen.live and seen.replayed else None
    return {
        "set": store_plan.manifest.id,
        "shows": shown,
        "seconds_lost": None if lost is None else round(max(0.0, lost), 1),
        "replays": "log",
        "timeline": store_plan.timeline or (part.timeline if part else None),
        "last_commit": seen.replayed.isoformat(timespec="milliseconds") if seen and seen.replayed else None,
        "replayed_to": seen.position if seen else None,
        "unknown": "" if lost is not None else _BRANCH if branch else _UNPROVEN if store_plan.doubt else _UNASKED,
        "notes": [*store_plan.notes, *([f"not proven: {store_plan.doubt}"] if store_plan.doubt else [])],
    }


_BRANCH = "it is another branch than the live one"
_UNPROVEN = "the end of the log is not proven"
_UNASKED = "the live server can't be asked"


def _would_lose(store_plan: StorePlan, log: KnownLog | None, committed: datetime | None) -> float | None:
    """Seconds from the target to the live server's last commit; 0 for the newest state, once all is archived."""
    if committed is None or store_plan.doubt:
        return None
    if store_plan.until:
        return (committed - store_plan.until).total_seconds()
    if store_plan.lsn is None and log and log.archived_until:
        return (committed - log.archived_until).total_seconds()
    return None
