"""The backup that is due: a pure decision from the rules (`christmas.blueprint.backup_and_drill_rules`), the clock and the sets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from backup.postgres.live_log import LiveLog
from backup.sets.model import STORES, Manifest, SetKind, Store
from christmas.blueprint.model import BackupRules


def covering(sets: Sequence[Manifest], stores: Sequence[Store]) -> list[Manifest]:
    """The sets that have all of these stores, in the same order."""
    return [manifest for manifest in sets if set(stores) <= set(manifest.stores)]


def due(
    now: datetime, sets: Sequence[Manifest], rules: BackupRules, stores: Sequence[Store] = STORES, live: LiveLog | None = None
) -> SetKind | None:
    """The kind of backup that is due now, or None. `sets` are sorted by time, oldest first.

    `live` is the server's position in its WAL, if it could be asked: if its timeline has no full set, one is due at once.
    A set from the future (the clock was set back since) delays the next one by one interval at most.
    """
    if "postgres" in stores and live and not full_of(live, sets):
        return "full"
    usable = covering(sets, stores)
    fulls = [manifest for manifest in usable if manifest.kind == "full"]
    if not fulls or _age_reached(now, fulls[-1], rules.full_every):
        return "full"
    if _age_reached(now, usable[-1], rules.incremental_every):
        return "incremental"
    return None


def full_of(live: LiveLog, sets: Sequence[Manifest]) -> Manifest | None:
    """The newest full set of PostgreSQL on the server's own timeline."""
    for manifest in reversed(sets):
        part = manifest.postgres
        if part and manifest.kind == "full" and (part.system_id, part.timeline) == (live.system_id, live.timeline):
            return manifest
    return None


def _age_reached(now: datetime, manifest: Manifest, interval: timedelta) -> bool:
    age = now - manifest.started
    return age >= interval or age < -interval


def logical_due(now: datetime, sets: Sequence[Manifest], rules: BackupRules) -> bool:
    """Whether the next set needs a logical backup of PostgreSQL too."""
    logical = [manifest for manifest in sets if manifest.postgres and (manifest.postgres.logical or manifest.awaits_logical)]
    return not logical or _age_reached(now, logical[-1], rules.logical_every)


def parent_of(kind: SetKind, sets: Sequence[Manifest], stores: Sequence[Store]) -> Manifest | None:
    """The parent for an incremental set of these stores."""
    usable = covering(sets, stores)
    return usable[-1] if kind == "incremental" and usable else None
