"""Backup retention: which sets stay, and why. A pure decision."""

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
    for each, reason in _wanted(sets, rules, now, good):
        reasons.setdefault(each.id, reason)
    for each in sets:
        if each.id in reasons:
            for parent in needed_by(each, sets):
                reasons.setdefault(parent.id, f"{each.id} builds on it")
    return {each.id: reasons[each.id] for each in sets if each.id in reasons}


def _wanted(sets: Sequence[Manifest], rules: BackupRules, now: datetime, good: Collection[str]) -> Iterator[tuple[Manifest, str]]:
    """The sets to keep for their own sake; a set may come several times, its best reason first."""
    fulls = [each for each in covering(sets, STORES) if each.kind == "full"]
    newest = fulls[-max(rules.keep_fulls, rules.minimum_redundancy) :]
    yield from ((each, "one of the newest full sets") for each in newest)
    yield from ((each, "from the future") for each in sets if each.started > now)
    if newest:
        yield from ((each, "newer than a full set that is kept") for each in sets if each.started >= newest[0].started)
    else:
        yield from ((each, "there is no full set of all stores yet") for each in sets)
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    monday = today - timedelta(days=now.weekday())
    days = [(today - timedelta(days=number), timedelta(days=1)) for number in range(rules.keep_days)]
    weeks = [(monday - timedelta(weeks=number), timedelta(weeks=1)) for number in range(rules.keep_weeks)]
    for spans, named in ((days, f"{rules.keep_days} days"), (weeks, f"{rules.keep_weeks} weeks")):
        for start, length in spans:
            within = [each for each in fulls if start <= each.started < start + length]
            yield from ((each, f"newest full set of one of the last {named}") for each in within[-1:])
    yield from ((each, "the newest set") for each in sets[-1:])
    yield from ((each, "the newest set known to be good") for each in [each for each in sets if each.id in good][-1:])


def needed_by(manifest: Manifest, sets: Sequence[Manifest]) -> list[Manifest]:
    """Everything that a set builds on: its parents, its PostgreSQL backup's references, its Weaviate base, and theirs."""
    by_id = {each.id: each for each in sets}
    by_label = {each.postgres.label: each for each in sets if each.postgres}
    by_backup = {each.weaviate.backup_id: each for each in sets if each.weaviate and each.weaviate.backup_id}
    found: dict[str, Manifest] = {}
    waiting = [manifest]
    while waiting:
        current = waiting.pop()
        parents = [by_id.get(current.parent or "")]
        parents += [by_label.get(label) for label in (current.postgres.references if current.postgres else ())]
        parents += [by_backup.get(current.weaviate.base_id) if current.weaviate and current.weaviate.base_id else None]
        for parent in parents:
            if parent and parent.id not in found and parent.id != manifest.id:
                found[parent.id] = parent
                waiting.append(parent)
    return list(found.values())
