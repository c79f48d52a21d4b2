"""The full set that has to follow a live restore of PostgreSQL: whether it is owed, and whether it is there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from airgap.setup.progress import Progress
from backup import due, live_log, sets
from backup.journal import Journal
from backup.model import Kind, Manifest, Store
from blueprint.rules import BACKUP_RULES
from infra.connections import Platform


def wanted(platform: Platform, kind: Kind | None, stores: tuple[Store, ...], every: Sequence[Manifest], progress: Progress) -> Kind | None:
    """The kind of set to make now: what is asked for or due, and a full one where the live timeline has none.

    The server decides, so it doesn't matter whether the restore's journal is still there.
    """
    if kind == "full":
        return kind
    live = live_log.ask(platform) if "postgres" in stores else None
    if live and any(each.postgres for each in every) and not due.full_of(live, every):
        progress.log(f"a full set: PostgreSQL's log goes on in timeline {live.timeline}, which has none yet")
        return "full"
    return kind or due.due(datetime.now(UTC), every, BACKUP_RULES, stores, live)


def settle(platform: Platform, folder: Path) -> bool:
    """Close the journal of a live restore that waits only for its full set, where that is there; tells whether nothing is owed now.

    The set is held against the timeline that the server is on now, not against what the journal says.
    """
    journal = Journal(folder)
    begun = journal.read()
    if begun is None or not begun.owes_full:
        return begun is None
    live = live_log.ask(platform)
    full = due.full_of(live, sets.list_sets(folder=folder)) if live and not live.recovering else None
    if full is None:
        return False
    journal.backed_up(full.id)
    journal.close()
    return True
