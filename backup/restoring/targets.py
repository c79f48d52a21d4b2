"""The target of a restore, and the set that serves each store: pure decisions.

PostgreSQL replays its WAL, so any moment after a backup can be reached. Redis replays its AOF up to a second. Weaviate has no
log: it goes back to its newest backup before the moment.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from backup.postgres.choice_of_timeline import KnownLog, choose, impossible
from backup.sets.model import Manifest, Store
from core.errors import PlatformError

_LSN = re.compile(r"[0-9A-Fa-f]{1,8}/[0-9A-Fa-f]{1,8}")


@dataclass(frozen=True, slots=True)
class Target:
    """A target: at most one field is set; none means the newest state in the backups."""

    moment: datetime | None = None
    lsn: str | None = None
    set_id: str | None = None

    def __str__(self) -> str:
        if self.moment:
            return self.moment.isoformat(timespec="milliseconds")
        return self.lsn or self.set_id or "latest"


def parse_target(text: str, sets: Sequence[Manifest]) -> Target:
    """Parse `--to`: `latest`, a set's id or its beginning, a WAL position, or a time with its offset from UTC.

    Raises PlatformError for anything else; a time without an offset is ambiguous.
    """
    if text in ("", "latest"):
        return Target()
    if _LSN.fullmatch(text):
        return Target(lsn=text.upper())
    matching = [manifest.id for manifest in sets if manifest.id.startswith(text)]
    if len(matching) == 1:
        return Target(set_id=matching[0])
    try:
        moment = None if matching else datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None:
        problem = f"{len(matching)} sets begin with {text}" if matching else f"{text!r} is no set, no time and no log position"
        raise PlatformError(
            what=problem,
            where="--to",
            next_step="give latest, a set of invoke backup.list, a log position (0/5000028) or a time (2026-11-23T12:00+09:00)",
        )
    if moment.tzinfo is None:
        raise PlatformError(what=f"{text!r} has no time zone", where="--to", next_step=f"add an offset: {text}+00:00 for UTC")
    return Target(moment=moment.astimezone(UTC))


@dataclass(frozen=True, slots=True)
class StorePlan:
    """The set that a store is restored from, and how far its log is replayed relative to the set's own point.

    `until` is the moment that the result shows, as far as it is known beforehand; None for the end of the log.
    PostgreSQL's WAL is replayed along `timeline`; None for the set's own. With `or_end`, a WAL that ends before the target is
    replayed to its end. `notes` are for the user; `doubt` says why nothing proves that the target is reached.
    """

    manifest: Manifest
    until: datetime | None
    lsn: str | None = None
    truncate: bool = False
    timeline: int | None = None
    or_end: bool = False
    notes: tuple[str, ...] = ()
    doubt: str = ""


def plan(
    target: Target, sets: Sequence[Manifest], stores: Sequence[Store], now: datetime, log: KnownLog | None = None
) -> dict[Store, StorePlan]:
    """The set for each store. `sets` are oldest first; `log` is what is known of PostgreSQL's WAL: without it, each set stands alone.

    Raises PlatformError if no set can serve the target.
    """
    if target.set_id:
        manifest = next(other for other in sets if other.id == target.set_id)
        missing = set(stores) - set(manifest.stores)
        if missing:
            raise impossible(f"set {manifest.id} has no {', '.join(sorted(missing))}", "give --store, or another set")
        return {store: _at_set(store, manifest) for store in stores}
    if target.moment and target.moment > now + timedelta(seconds=5):
        raise impossible(
            f"{target} is in the future: by this machine's clock it is {now.isoformat(timespec='seconds')}",
            "give a time that has passed; the offset is the difference from UTC: +09:00 in Seoul",
        )
    if target.lsn and set(stores) != {"postgres"}:
        raise impossible(f"{target} is a position in PostgreSQL's log only", "add --store postgres, or give a time")
    return {
        store: _postgres(target, [other for other in sets if other.postgres], log)
        if store == "postgres"
        else _CHOICES[store](target, [other for other in sets if store in other.stores])
        for store in stores
    }


def _at_set(store: Store, manifest: Manifest) -> StorePlan:
    point = manifest.postgres.reference_point if manifest.postgres and store == "postgres" else None
    return StorePlan(manifest, manifest.moments()[store], lsn=point.lsn if point else None)


def _postgres(target: Target, sets: list[Manifest], log: KnownLog | None) -> StorePlan:
    choice = choose(target.moment, target.lsn, sets, log)
    return StorePlan(
        choice.manifest,
        target.moment,
        lsn=choice.lsn,
        timeline=choice.timeline,
        or_end=choice.or_end,
        notes=choice.notes,
        doubt=choice.doubt,
    )


def _redis(target: Target, sets: list[Manifest]) -> StorePlan:
    if not sets:
        raise impossible("there is no backup of Redis", "invoke backup makes one")
    if target.moment is None:
        return StorePlan(sets[-1], sets[-1].moments()["redis"])
    # The first AOF copied after the moment can be truncated there, if it began before it. Its timestamps are whole seconds, so it ends
    # with the last complete second: a later command within the moment's own second may be the accident itself.
    second = target.moment.replace(microsecond=0)
    for manifest in sets:
        if manifest.redis and manifest.redis.aof_from <= second <= manifest.redis.aof_at:
            return StorePlan(manifest, second, truncate=True)
    before = [manifest for manifest in sets if manifest.moments()["redis"] <= target.moment]
    if not before:
        raise impossible(f"no backup of Redis is from before {target}", "invoke backup.list shows the sets")
    return StorePlan(before[-1], before[-1].moments()["redis"])


def _weaviate(target: Target, sets: list[Manifest]) -> StorePlan:
    usable = [manifest for manifest in sets if target.moment is None or manifest.moments()["weaviate"] <= target.moment]
    if not usable:
        raise impossible(f"no backup of Weaviate is from before {target}", "invoke backup.list shows the sets")
    return StorePlan(usable[-1], usable[-1].moments()["weaviate"])


_CHOICES = {"redis": _redis, "weaviate": _weaviate}
