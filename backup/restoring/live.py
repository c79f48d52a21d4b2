"""Restores onto the live stack: a safety backup first, then step by step, with a journal to continue after an interruption.

Before these steps backup/restore.py reads the sets and chooses what is restored from where; what is done within a store stands in
backup/STORE/restore.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from backup import audit_lines, make
from backup.postgres import known_log, live_log
from backup.postgres import restore as postgres_restore
from backup.postgres.choice_of_timeline import KnownLog, lineage
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
from core.step import Step, follow
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
    """Restore the live stores to the target. Only the named stores are touched. `log` is PostgreSQL's log as known before.

    Raises PlatformError if clients write and `force` was not given, if a restore to another target is unfinished, and
    if a store can't be restored; the same call then continues with the rest.
    """
    run = _Run(platform, target, stores, force, folder, log, Journal(folder))
    follow(run.before(), progress)
    with lock.hold(folder, f"a restore to {target}"):
        follow(run.under_the_lock(), progress)
    follow(run.after(), progress)
    return run.plans, run.begun


@dataclass(slots=True)
class _Run:
    """One live restore: what was asked for, then what its steps noted and planned. A run that is cut off is begun again from the first."""

    platform: Platform
    target: Target
    stores: tuple[Store, ...]
    force: bool
    folder: Path
    log: KnownLog | None
    journal: Journal
    begun: Begun = field(init=False)
    plans: dict[Store, StorePlan] = field(default_factory=dict)

    def before(self) -> list[Step]:
        """Nothing of the stores is touched yet."""
        return [
            Step("make a safety set and begin the journal, or go on where it stopped", "the way back", self._go_on_or_begin),
        ]

    def under_the_lock(self) -> list[Step]:
        """Each store in turn; the journal has each store's steps."""
        return [
            Step("read the journal again", "another run may have changed it meanwhile", self._read_journal),
            Step("choose each store's set and way to the target", "nothing is touched without a proven one", self._plan),
            *(Step(f"restore {store}", "its last step is in the journal", partial(self._restore, store)) for store in self.stores),
        ]

    def after(self) -> list[Step]:
        """The restored stores belong to this stack again."""
        return [
            Step("give the accounts this stack's passwords", "a set has those of its time", self._give_passwords),
            Step("bring a lost machine's audit back", "on a new machine that is no anomaly, later it would be one", self._bring_audit_back),
            Step("note that the stack has its data", "a stack from a kit waits for it", lambda _: recovery.end(self.folder)),
            # PostgreSQL is on a new timeline: later sets must not depend on backups of the old one. And the newest set is now the safety
            # one, which has the state that was just undone.
            Step("make a full set of the restored state", "later sets build on it", self._begin_anew, self._is_closed),
        ]

    def _bring_audit_back(self, progress: Progress) -> None:
        if recovery.read(self.folder):
            audit_lines.bring_back_lost(self.platform, self.folder, progress, expected=True)

    def _go_on_or_begin(self, progress: Progress) -> None:
        _go_on_or_begin(
            self.platform, self.journal, self.target, self.stores, force=self.force, progress=progress, folder=self.folder, log=self.log
        )

    def _read_journal(self, _: Progress) -> None:
        self.begun = _unchanged(self.journal, self.target, self.stores)

    def _plan(self, _: Progress) -> None:
        self.plans = _planned(self.platform, self.begun, self.target, self.stores, self.folder)

    def _restore(self, store: Store, progress: Progress) -> None:
        if not self.begun.restored(store):
            progress.status(f"restoring {store}")
            _STORES[store](self.platform, self.plans[store], LiveWork(self.folder, self.journal, self.begun))

    def _give_passwords(self, progress: Progress) -> None:
        self.begun = self.journal.read() or self.begun
        self.platform = account_passwords.settle(self.platform, self.stores, progress)

    def _is_closed(self) -> bool:
        return closing.settle(self.platform, self.folder)

    def _begin_anew(self, progress: Progress) -> None:
        progress.status("a full backup of " + ("the new timeline" if "postgres" in self.stores else "the restored state"))
        _begin_anew(self.platform, self.stores, progress, self.folder)


def _planned(platform: Platform, begun: Begun, target: Target, stores: tuple[Store, ...], folder: Path) -> dict[Store, StorePlan]:
    """The plan, from the sets and along the timeline noted at the start.

    Raises PlatformError, before anything is touched, if nothing proves that PostgreSQL's log reaches the target.
    """
    every = [manifest for manifest in folders.list_sets(folder=folder) if manifest.id in begun.sets]
    log = None
    if "postgres" in stores and not begun.restored("postgres"):
        log = known_log.look(platform, folder, every, timeline=begun.along, archive="postgres" not in begun.steps)
    plans = plan(target, every, stores, datetime.now(UTC), log)
    if log and not begun.steps and plans["postgres"].doubt:
        Journal(folder).close()
        raise PlatformError(
            what=f"nothing proves that {target} can be reached, so nothing was touched: {plans['postgres'].doubt}",
            where=f"stack {platform.stack}",
            next_step="try it beside first (without --live); or give an earlier target, or a set's id",
        )
    return plans


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
    """Continue an unfinished restore to this target, or go back from it, or begin a new one with a safety backup."""
    begun = journal.read()
    same = begun is not None and (begun.target, begun.stores) == (str(target), stores)
    if begun and begun.half:
        if same:
            progress.log(f"going on: {begun.description()}")
            return
        if target.set_id and target.set_id == begun.safety and stores == begun.stores and "go back" in begun.next_step():
            progress.log(f"going back to the state before: {begun.description()}")
            journal.begin(str(target), stores, [*begun.sets, begun.safety], safety=begun.safety, timeline=begun.timeline, after=begun.after)
            return
        refuse_unfinished(folder)
    if begun and same and not closing.settle(platform, folder):
        progress.log(f"going on: {begun.description()}")
        return
    _refuse_writers(platform, stores, force=force)
    before = [manifest.id for manifest in folders.list_sets(folder=folder)]
    live = live_log.ask(platform)
    progress.status("safety backup")
    safety_set = _safety_backup(platform, stores, progress, folder, force=force)
    journal.begin(
        str(target),
        stores,
        # It shows the unwanted state, so it is never "the latest"; but its WAL may be needed for a moment shortly before.
        [*before, *([safety_set.id] if safety_set and target.moment else [])],
        safety=safety_set.id if safety_set else None,
        timeline=_highest_timeline(live, folders.list_sets(folder=folder)),
        along=_along(target, before, log, folder),
        committed=live.committed if live else None,
        after=max((manifest.sequence for manifest in folders.list_sets(folder=folder)), default=0),
    )


def _unchanged(journal: Journal, target: Target, stores: tuple[Store, ...]) -> Begun:
    begun = journal.read()
    if begun is None or (begun.target, begun.stores) != (str(target), stores):
        raise PlatformError(what="another run has changed the restore's journal", where=str(journal.path), next_step="run this again")
    return begun


def _along(target: Target, before: Sequence[str], log: KnownLog | None, folder: Path) -> int | None:
    """The timeline to replay along, noted at the start: the server's own no longer counts once files are restored."""
    own = [manifest for manifest in folders.list_sets(folder=folder) if manifest.id in before and manifest.postgres]
    return lineage(own, log).line.timeline if log and own and not target.set_id else None


def _highest_timeline(live: live_log.LiveLog | None, every: Sequence[Manifest]) -> int:
    """PostgreSQL's highest timeline so far: a later promotion has a higher one."""
    return max([live.timeline if live else 1, *(manifest.postgres.timeline for manifest in every if manifest.postgres)])


def _begin_anew(platform: Platform, stores: tuple[Store, ...], progress: Progress, folder: Path) -> None:
    """Make a full set of the present state.

    Raises PlatformError if it can't be made, for example because restored accounts have another machine's passwords.
    """
    try:
        make.make(platform, kind="full", stores=_belonging(stores), progress=progress, folder=folder)
    except PlatformError as error:
        raise PlatformError(
            what=f"everything is restored, but the closing full set could not be made: {error.what}",
            where=error.where,
            next_step="fix that, then run invoke backup before anything else",
        ) from error
    if not closing.settle(platform, folder):
        raise PlatformError(
            what="everything is restored and a full set was made, but the server is on another timeline than that set",
            where=f"stack {platform.stack}",
            next_step="invoke check shows how the server is; then invoke backup makes the set that is missing",
        )


def _refuse_writers(platform: Platform, stores: tuple[Store, ...], *, force: bool) -> None:
    busy = [] if force else writers.writing(platform, stores)
    if busy:
        raise PlatformError(
            what="clients are using the stores, and their writes would be lost: " + "; ".join(busy),
            where=f"stack {platform.stack}",
            next_step="stop them, then run this again; --force restores anyway",
        )


def _belonging(stores: tuple[Store, ...]) -> tuple[Store, ...]:
    """The stores of the sets before and after a restore: all of them if PostgreSQL is restored, since the stores belong together."""
    return STORES if "postgres" in stores else stores


def _safety_backup(platform: Platform, stores: tuple[Store, ...], progress: Progress, folder: Path, *, force: bool) -> Manifest | None:
    """Make a set of the state to be replaced. With `force`, stores that can't be backed up are restored without one."""
    if emptiness.empty(platform, STORES):
        progress.log("the live stores are empty, so no safety backup is needed")
        return None
    stores_of_set = _belonging(stores)
    existing = covering(folders.list_sets(folder=folder), stores_of_set)
    try:
        return make.make(platform, kind="incremental" if existing else "full", stores=stores_of_set, progress=progress, folder=folder)
    except PlatformError as error:
        if force:
            progress.log(f"no safety backup could be made: {error.what}")
            return None
        raise PlatformError(
            what=f"no safety backup could be made, so nothing was touched: {error.what}",
            where=error.where,
            next_step=f"{error.next_step}\n--force restores without one: the live stores' data is then lost for good",
        ) from error


_STORES = {"postgres": postgres_restore.live, "redis": redis_restore.live, "weaviate": weaviate_restore.live}
