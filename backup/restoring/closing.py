"""The full set that must follow a live restore: whether it is still required, and whether it exists."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from backup.postgres import live_log
from backup.restoring.journal import Begun, Journal
from backup.sets import due, folders
from backup.sets.model import Manifest, SetKind, Store
from christmas.blueprint.backup_and_drill_rules import BACKUP_RULES
from core.progress import Progress
from infra.connections import Platform


def wanted(
    platform: Platform, kind: SetKind | None, stores: tuple[Store, ...], every: Sequence[Manifest], folder: Path, progress: Progress
) -> SetKind | None:
    """The kind of set to make now: as asked for or due, but a full one while a live restore still requires it.

    For PostgreSQL the server's timeline decides, even if the restore's journal is gone.
    """
    if kind == "full":
        return kind
    live = live_log.ask(platform) if "postgres" in stores else None
    if live and any(manifest.postgres for manifest in every) and not due.full_of(live, every):
        progress.log(f"a full set: PostgreSQL is on timeline {live.timeline}, which has none yet")
        return "full"
    begun = Journal(folder).read()
    if begun and begun.owes_full and set(begun.stores) <= set(stores):
        progress.log(f"a full set: {begun.description()}")
        return "full"
    return kind or due.due(datetime.now(UTC), every, BACKUP_RULES, stores, live)


def settle(platform: Platform, folder: Path) -> bool:
    """Close the journal of a live restore that waits only for its full set, once that exists; returns whether nothing is required now.

    PostgreSQL's set must be of the server's present timeline; the journal does not decide.
    """
    journal = Journal(folder)
    begun = journal.read()
    if begun is None or not begun.owes_full:
        return begun is None
    full = _closing(platform, begun, folders.list_sets(folder=folder))
    if full is None:
        return False
    journal.backed_up(full.id)
    journal.close()
    return True


def _closing(platform: Platform, begun: Begun, every: Sequence[Manifest]) -> Manifest | None:
    """The full set that shows the restored state."""
    later = [
        manifest
        for manifest in every
        if manifest.kind == "full" and manifest.sequence > begun.after and set(begun.stores) <= set(manifest.stores)
    ]
    if "postgres" not in begun.stores:
        return later[-1] if later else None
    live = live_log.ask(platform)
    return due.full_of(live, later) if live and not live.recovering else None
