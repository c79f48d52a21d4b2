"""Backup retention: which sets stay by the rules (christmas/blueprint/backup_and_drill_rules.py), and why. A pure decision."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta

from backup.sets.due import covering
from backup.sets.model import STORES, Manifest
from christmas.blueprint.model import BackupRules


def keep(sets: Sequence[Manifest], rules: BackupRules, now: datetime, good: Collection[str] = ()) -> dict[str, str]:
    """The ids of the sets to keep, each with its reason. `sets` are oldest first; `good` are those verified or drilled.

    - the newest `keep_fulls` full sets of all stores, with every set that builds on them;
    - the newest full set of each of the last `keep_days` days and `keep_weeks` weeks (UTC, including the current one);
    - at least `minimum_redundancy` full sets, the newest set of all, and the newest good one;
    - sets of single stores, if they are newer than the oldest kept full one of the newest few;
    - sets from the future, because the clock that made them can't be judged;
    - every set that one of these builds on.
    """
    reasons: dict[str, str] = {}
    for manifest, reason in _wanted(sets, rules, now, good):
        reasons.setdefault(manifest.id, reason)
    for manifest in sets:
        if manifest.id in reasons:
            for parent in needed_by(manifest, sets):
                reasons.setdefault(parent.id, f"{manifest.id} builds on it")
    return {manifest.id: reasons[manifest.id] for manifest in sets if manifest.id in reasons}


def _wanted(sets: Sequence[Manifest], rules: BackupRules, now: datetime, good: Collection[str]) -> Iterator[tuple[Manifest, str]]:
    """The sets to keep for their own sake; a set may come several times, its best reason first."""
    fulls = [manifest for manifest in covering(sets, STORES) if manifest.kind == "full"]
    newest = fulls[-max(rules.keep_fulls, rules.minimum_redundancy) :]
    yield from ((manifest, "one of the newest full sets") for manifest in newest)
    yield from ((manifest, "from the future") for manifest in sets if manifest.started > now)
    if newest:
        yield from ((manifest, "newer than a full set that is kept") for manifest in sets if manifest.started >= newest[0].started)
    else:
        yield from ((manifest, "there is no full set of all stores yet") for manifest in sets)
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    monday = today - timedelta(days=now.weekday())
    days = [(today - timedelta(days=number), timedelta(days=1)) for number in range(rules.keep_days)]
    weeks = [(monday - timedelta(weeks=number), timedelta(weeks=1)) for number in range(rules.keep_weeks)]
    for spans, named in ((days, f"{rules.keep_days} days"), (weeks, f"{rules.keep_weeks} weeks")):
        for start, length in spans:
            within = [full for full in fulls if start <= full.started < start + length]
            yield from ((manifest, f"newest full set of one of the last {named}") for manifest in within[-1:])
    yield from ((manifest, "the newest set") for manifest in sets[-1:])
    newest_good = [manifest for manifest in sets if manifest.id in good][-1:]
    yield from ((manifest, "the newest set known to be good") for manifest in newest_good)


def needed_by(manifest: Manifest, sets: Sequence[Manifest]) -> list[Manifest]:
    """Everything that a set builds on: its parents, its PostgreSQL backup's references, its Weaviate base, and theirs."""
    by_id = {other.id: other for other in sets}
    by_label = {other.postgres.label: other for other in sets if other.postgres}
    by_backup = {other.weaviate.backup_id: other for other in sets if other.weaviate and other.weaviate.backup_id}
    needed: dict[str, Manifest] = {}
    waiting = [manifest]
    while waiting:
        current = waiting.pop()
        parents = [by_id.get(current.parent or "")]
        parents += [by_label.get(label) for label in (current.postgres.references if current.postgres else ())]
        parents += [by_backup.get(current.weaviate.base_id) if current.weaviate and current.weaviate.base_id else None]
        for parent in parents:
            if parent and parent.id not in needed and parent.id != manifest.id:
                needed[parent.id] = parent
                waiting.append(parent)
    return list(needed.values())
