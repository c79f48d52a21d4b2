"""Restoring onto the live stack: with a safety backup before, step by step, and a journal that lets a cut-off run go on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from backup import make
from backup.postgres import known_log, live_log
from backup.postgres import restore as postgres_restore
from backup.postgres.replay import KnownLog, lineage
from backup.redis import restore as redis_restore
from backup.restoring import account_passwords, closing, emptiness, recovery, writers
from backup.restoring.journal import Begun, Journal, LiveWork, refuse_unfinished
from backup.restoring.targets import StorePlan, Target, plan
from backup.sets import folders
from backup.sets.due import covering
from backup.sets.model import STORES, Manifest, Store
from backup.weaviate import restore as weaviate_restore
from core import lock
from core.errors import PlatformError
from core.progress import Progress
from infra.connections import Platform


def restore(
    platform: Platform,
    target: Target,
    stores: tuple[Store, ...],
    *,
    force: bool,
    progress: Progress,
    folder: Path,
    log: KnownLog | None = None,
) -> tuple[dict[Store, StorePlan], Begun]:
    """Put the live stores back to the target. Only the stores named are touched. `log` is what was known of PostgreSQL's log before.

    Raises PlatformError where clients write and `force` was not given, where another target was begun and not finished, and
    where a store can't be restored; the same call again then goes on with what is left.
    """
    journal = Journal(folder)
    _go_on_or_begin(platform, journal, target, stores, force=force, progress=progress, folder=folder, log=log)
    with lock.hold(folder, f"a restore to {target}"):
        begun = _unchanged(journal, target, stores)
        wanted = _planned(platform, begun, target, stores, folder)
        for store in stores:
            if not begun.restored(store):
                progress.status(f"restoring {store}")
                _STORES[store](platform, wanted[store], LiveWork(folder, journal, begun))
        end = journal.read() or begun
    platform = account_passwords.settle(platform, stores, progress)
    recovery.end(folder)
    if not closing.settle(platform, folder):
        # The log goes on in a new timeline: what comes must not depend on backups of the old one. And the newest set of any store
        # is the safety one, with what was just undone.
        progress.status("a full backup of " + ("the new timeline" if "postgres" in stores else "what was restored"))
        _begin_anew(platform, stores, progress, folder)
    return wanted, end


def _planned(platform: Platform, begun: Begun, target: Target, stores: tuple[Store, ...], folder: Path) -> dict[Store, StorePlan]:
    """The plan, from the sets and along the timeline that were there when it was begun.

    Raises PlatformError where PostgreSQL's log isn't proven to reach the target, before anything is touched.
    """
    every = [each for each in folders.list_sets(folder=folder) if each.id in begun.sets]
    log = None
    if "postgres" in stores and not begun.restored("postgres"):
        log = known_log.look(platform, folder, every, timeline=begun.along, archive="postgres" not in begun.steps)
    wanted = plan(target, every, stores, datetime.now(UTC), log)
    if log and not begun.steps and wanted["postgres"].doubt:
        Journal(folder).close()
        raise PlatformError(
            what=f"nothing proves that {target} can be reached, so nothing was touched: {wanted['postgres'].doubt}",
            where=f"stack {platform.stack}",
            next_step="restore it beside first (without --live), which shows what can be reached; or give an earlier target, or a set's id",
        )
    return wanted


def _go_on_or_begin(
    platform: Platform,
    journal: Journal,
    target: Target,
    stores: tuple[Store, ...],
    *,
    force: bool,
    progress: Progress,
    folder: Path,
    log: KnownLog | None,
) -> None:
    """Go on with what was begun with this target, or go back from it, or begin: then with a safety backup first."""
    begun = journal.read()
    same = begun is not None and (begun.target, begun.stores) == (str(target), stores)
    if begun and begun.half:
        if same:
            progress.log(f"going on: {begun.told()}")
            return
        if target.set_id and target.set_id == begun.safety and stores == begun.stores and "go back" in begun.next_step():
            progress.log(f"going back to what was there before: {begun.told()}")
            journal.begin(str(target), stores, [*begun.sets, begun.safety], safety=begun.safety, timeline=begun.timeline, after=begun.after)
            return
        refuse_unfinished(folder)
    if begun and same and not closing.settle(platform, folder):
        progress.log(f"going on: {begun.told()}")
        return
    _refuse_writers(platform, stores, force=force)
    before = [each.id for each in folders.list_sets(folder=folder)]
    live = live_log.ask(platform)
    progress.status("safety backup")
    made = _safety_backup(platform, stores, progress, folder, force=force)
    journal.begin(
        str(target),
        stores,
        # It shows the state that is unwanted, so it is never "the latest"; but for a moment it may have the log up to there.
        [*before, *([made.id] if made and target.moment else [])],
        safety=made.id if made else None,
        timeline=_highest_timeline(live, folders.list_sets(folder=folder)),
        along=_along(target, before, log, folder),
        committed=live.committed if live else None,
        after=max((each.sequence for each in folders.list_sets(folder=folder)), default=0),
    )


def _unchanged(journal: Journal, target: Target, stores: tuple[Store, ...]) -> Begun:
    begun = journal.read()
    if begun is None or (begun.target, begun.stores) != (str(target), stores):
        raise PlatformError(what="another run has changed the restore's journal", where=str(journal.path), next_step="run this again")
    return begun


def _along(target: Target, before: Sequence[str], log: KnownLog | None, folder: Path) -> int | None:
    """The timeline to replay along, noted at the beginning: once the files are put back, the server has none that counts."""
    own = [each for each in folders.list_sets(folder=folder) if each.id in before and each.postgres]
    return lineage(own, log).line.timeline if log and own and not target.set_id else None


def _highest_timeline(live: live_log.LiveLog | None, every: Sequence[Manifest]) -> int:
    """The highest timeline that was written so far: what is promoted from now on has a higher one."""
    return max([live.timeline if live else 1, *(each.postgres.timeline for each in every if each.postgres)])


def _begin_anew(platform: Platform, stores: tuple[Store, ...], progress: Progress, folder: Path) -> None:
    """A full set of what is live now.

    Raises PlatformError where it can't be made, as where the restored accounts have the passwords of another machine.
    """
    try:
        make.make(platform, kind="full", stores=_belonging(stores), progress=progress, folder=folder)
    except PlatformError as error:
        raise PlatformError(
            what=f"everything is restored, but the full set that has to follow could not be made: {error.what}",
            where=error.where,
            next_step="mend that, then invoke backup, before anything else: it makes the set",
        ) from error
    if not closing.settle(platform, folder):
        raise PlatformError(
            what="everything is restored and a full set was made, but the server is on another timeline than that set by now",
            where=f"stack {platform.stack}",
            next_step="invoke check shows how the server is; then invoke backup makes the set that is missing",
        )


def _refuse_writers(platform: Platform, stores: tuple[Store, ...], *, force: bool) -> None:
    busy = [] if force else writers.writing(platform, stores)
    if busy:
        raise PlatformError(
            what="clients are using the stores, and what they write now would be lost: " + "; ".join(busy),
            where=f"stack {platform.stack}",
            next_step="stop them, then run this again; --force restores all the same",
        )


def _belonging(stores: tuple[Store, ...]) -> tuple[Store, ...]:
    """The stores of the sets before and after a restore: all where PostgreSQL is one of them, since theirs belong together."""
    return STORES if "postgres" in stores else stores


def _safety_backup(platform: Platform, stores: tuple[Store, ...], progress: Progress, folder: Path, *, force: bool) -> Manifest | None:
    """Keep what is about to be thrown away. With `force`, stores that can't be backed up any more are restored without."""
    if emptiness.empty(platform, STORES):
        progress.log("the live stores hold nothing yet, so there is nothing to keep")
        return None
    kept = _belonging(stores)
    existing = covering(folders.list_sets(folder=folder), kept)
    try:
        return make.make(platform, kind="incremental" if existing else "full", stores=kept, progress=progress, folder=folder)
    except PlatformError as error:
        if force:
            progress.log(f"no safety backup could be made: {error.what}")
            return None
        raise PlatformError(
            what=f"no safety backup could be made, so nothing was touched: {error.what}",
            where=error.where,
            next_step=f"{error.next_step}\n--force restores without one: what the live stores hold now is then gone for good",
        ) from error


_STORES = {"postgres": postgres_restore.live, "redis": redis_restore.live, "weaviate": weaviate_restore.live}
