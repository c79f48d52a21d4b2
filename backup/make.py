"""Makes a backup set: the stores in parallel, the manifest last."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from backup import audit_lines, later_dump
from backup.postgres import back_up as postgres
from backup.postgres import evidence, pgbackrest
from backup.redis import back_up as redis_store
from backup.restoring import closing, recovery
from backup.restoring.journal import refuse_unfinished
from backup.sets import due, folders, keys
from backup.sets.files import SetFolder
from backup.sets.model import STORES, Logical, Manifest, PostgresPart, RedisPart, SetKind, Store, WeaviatePart
from backup.sets.sealing import keyring_of
from backup.storage import copies, mirror
from backup.weaviate import back_up as weaviate_store
from christmas.blueprint.backup_and_drill_rules import BACKUP_RULES
from core import lock
from core.errors import PlatformError
from core.leftovers import remove_of_dead_processes
from core.progress import Progress, SilentProgress
from core.side_by_side import one_for_two_processors, side_by_side
from core.step import Step, follow
from infra.connections import Platform

_T = TypeVar("_T")


def make(
    platform: Platform,
    *,
    kind: SetKind | None = None,
    stores: Sequence[str] | None = None,
    progress: Progress | None = None,
    folder: Path | None = None,
    recount: bool = False,
    logical: Logical = "live",
) -> Manifest | None:
    """Make a backup set and return its manifest; None if `kind` is not given and nothing is due.

    `stores` limits it to some of postgres, redis and weaviate. `folder` holds the stack's sets; the default is the clone's folder.
    `logical` is what PostgreSQL's logical backup is taken from, where one is due: of a copy, a drill of the set adds it later.
    With `recount` every relation of PostgreSQL is counted, also what the log says is unchanged.
    If PostgreSQL's current timeline has no full set, as after a live restore, a full set is made whatever kind is asked for.
    Raises PlatformError if a store fails (there is no new set then, and older sets are unchanged), if another run
    holds the lock, and if an incremental set has nothing to build on.
    """
    folder = folder or folders.folder_of(platform.stack)
    run = _Run(platform, folder, kind, known_stores(stores), recount, logical)
    with lock.hold(folder, "a backup"):
        follow(run.steps(), progress or SilentProgress())
    return run.manifest


@dataclass(slots=True)
class _Run:
    """One run: what was requested, then the kind and the manifest that its steps settled."""

    platform: Platform
    folder: Path
    requested: SetKind | None
    stores: tuple[Store, ...]
    recount: bool = False
    logical: Logical = "live"
    kind: SetKind | None = None
    manifest: Manifest | None = None

    def steps(self) -> list[Step]:
        """The run from its beginning to its end. An interrupted one is begun again from the first step."""
        return [
            Step("check that no restore is half done", "a set of it would have no state that the stores ever had", self._check_restores),
            Step("read which sets there are", "they decide what is due", lambda _: mirror.refresh(self.platform, self.folder)),
            Step("check that PostgreSQL has its data", "a set of an emptied server would become the newest", self._check_data),
            Step(
                "remove what interrupted runs left", "parts without a manifest are no set, and nobody uses helpers any more", self._clean_up
            ),
            Step("close a restore that has its full set", "until then the next set is a full one", self._settle),
            Step("decide what is due", "a full or an incremental set, or none", self._decide),
            Step("back the stores up, sign and publish the set", "without a manifest it is none", self._make, lambda: self.kind is None),
            Step("close a restore that has its full set now", "later sets build on that one", self._settle),
            # A failed copy doesn't spoil the set: the next run copies what is missing.
            Step("bring the copies up to date", "each has every set", self._copy),
        ]

    def _check_restores(self, _: Progress) -> None:
        refuse_unfinished(self.folder)
        recovery.refuse_awaited(self.folder, self.platform.stack, "a backup")

    def _check_data(self, _: Progress) -> None:
        if "postgres" in self.stores:
            recovery.refuse_emptied(self.platform, self.folder, "a backup")

    def _clean_up(self, progress: Progress) -> None:
        clean_up(self.platform, self.folder, progress)

    def _settle(self, _: Progress) -> None:
        closing.settle(self.platform, self.folder)

    def _decide(self, progress: Progress) -> None:
        existing = folders.list_sets(folder=self.folder)
        self.kind = closing.wanted(self.platform, self.requested, self.stores, existing, self.folder, progress)

    def _make(self, progress: Progress) -> None:
        if self.kind:
            self.manifest = _make_usable(
                self.platform, self.kind, self.stores, self.folder, progress, recount=self.recount, logical=self.logical
            )

    def _copy(self, progress: Progress) -> None:
        copies.catch_up(self.platform, self.folder, progress)
        recovery.forget_emptied(self.folder)


def known_stores(stores: Sequence[str] | None) -> tuple[Store, ...]:
    """The chosen stores in their fixed order.

    Raises PlatformError for an unknown name.
    """
    unknown = set(stores or ()) - set(STORES)
    if unknown:
        raise PlatformError(
            what=f"there is no store {', '.join(sorted(unknown))}", where="--store", next_step=f"use one of: {', '.join(STORES)}"
        )
    return tuple(store for store in STORES if not stores or store in stores)


def clean_up(platform: Platform, folder: Path, progress: Progress) -> None:
    """Remove what earlier runs left: sets without a manifest, and their containers. The caller must hold the lock."""
    later_dump.clean_up(platform, folder)
    for line in remove_of_dead_processes():
        progress.log(f"{line}, of a run that was ended")
    unfinished = folders.leftovers(folder)
    if not unfinished:
        return
    weaviate_store.remove_copies(platform.containers["weaviate"], [path.name for path in unfinished])
    for path in unfinished:
        folders.discard(path)
        progress.log(f"removed {path.name}, left by an interrupted run")


@dataclass(frozen=True, slots=True)
class _Plan:
    """The plan of one run. `parent` is the set that an incremental run builds on."""

    set_id: str
    kind: SetKind
    stores: tuple[Store, ...]
    logical: Logical | None
    parent: Manifest | None
    started: datetime
    sequence: int
    known: evidence.Evidence | None
    recount: bool


def _plan(platform: Platform, kind: SetKind, stores: tuple[Store, ...], folder: Path, *, recount: bool, logical: Logical) -> _Plan:
    now, existing = datetime.now(UTC), folders.list_sets(folder=folder)
    parent = due.parent_of(kind, existing, stores)
    if kind == "incremental" and parent is None:
        raise PlatformError(
            what=f"an incremental backup of {', '.join(stores)} has nothing to build on",
            where=str(folder),
            next_step="make a full one first: invoke backup --full",
        )
    wanted = logical if kind == "full" or due.logical_due(now, existing, BACKUP_RULES) else None
    sequence = 1 + max((manifest.sequence for manifest in existing), default=0)
    known = evidence.newest(platform, folder, existing) if "postgres" in stores else None
    return _Plan(folders.new_id(kind, now), kind, stores, wanted, parent, now, sequence, known, recount)


def _make_usable(
    platform: Platform, kind: SetKind, stores: tuple[Store, ...], folder: Path, progress: Progress, *, recount: bool, logical: Logical
) -> Manifest:
    """Make the set. If the parent of an incremental set is unusable, make a full one: otherwise every run fails until the next full set."""
    try:
        return _make(platform, _plan(platform, kind, stores, folder, recount=recount, logical=logical), folder, progress)
    except pgbackrest.UnusablePriorError as error:
        progress.log(f"a full set instead of an incremental one: its parent is unusable, see invoke backup.verify ({error.what})")
        return _make(platform, _plan(platform, "full", stores, folder, recount=recount, logical=logical), folder, progress)


def _make(platform: Platform, plan: _Plan, folder: Path, progress: Progress) -> Manifest:
    target = folder / plan.set_id
    target.mkdir(mode=0o700)
    try:
        # Fail before the work, not after it, if signing is impossible.
        passphrase = keys.repository_passphrase(platform)
        files = SetFolder(target, keyring_of(platform))
        parts = _run_stores(platform, plan, files, progress)
        progress.status("writing the manifest")
        manifest = Manifest(
            id=plan.set_id,
            sequence=plan.sequence,
            stack=platform.stack,
            kind=plan.kind,
            parent=plan.parent.id if plan.parent else None,
            started=plan.started,
            finished=datetime.now(UTC),
            made_by=lock.made_by(),
            stores=plan.stores,
            postgres=_of(parts, PostgresPart),
            redis=_of(parts, RedisPart),
            weaviate=_of(parts, WeaviatePart),
            audit=audit_lines.keep(platform, folder, plan.parent, files, progress),
        )
        mirror.publish(platform, folder, keys.sign(manifest, passphrase), progress)
    except BaseException as error:
        _discard(platform, folder, plan.set_id, error)
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise PlatformError(
                what="the disk is full; the unfinished set was removed",
                where=str(folder),
                next_step="make room (invoke backup.prune --dry-run shows what could go), then invoke backup",
            ) from error
        raise
    return folders.read(target)


def _discard(platform: Platform, folder: Path, set_id: str, error: BaseException) -> None:
    """Remove the files of a failed run. The next run removes what is left."""
    target = folder / set_id
    try:
        folders.discard(target)
        mirror.withdraw(platform, folder, set_id)
        weaviate_store.remove_copies(platform.containers["weaviate"], [target.name])
    except (OSError, PlatformError) as second:
        error.add_note(f"its files are still in {target}: {second}")


def _run_stores(platform: Platform, plan: _Plan, target: SetFolder, progress: Progress) -> list[PostgresPart | RedisPart | WeaviatePart]:
    """Back up each store in its own thread, one at a time for each two processors: clients keep using the stores (docs/adr/0410).

    Raises PlatformError with all failures, or UnusablePriorError if that was the only one.
    """
    parent = plan.parent
    backups: dict[Store, Callable[[Progress], PostgresPart | RedisPart | WeaviatePart]] = {
        "postgres": lambda store_progress: postgres.back_up(
            platform,
            postgres.Request(
                plan.set_id,
                target,
                plan.kind,
                plan.logical,
                parent.postgres.wal_stop if parent and parent.postgres else None,
                plan.known,
                plan.recount,
            ),
            store_progress,
        ),
        "redis": lambda store_progress: redis_store.back_up(platform, target, store_progress, full=plan.kind == "full"),
        "weaviate": lambda store_progress: weaviate_store.back_up(
            platform,
            weaviate_store.Request(plan.set_id, target, plan.kind, parent.weaviate.backup_id if parent and parent.weaviate else None),
            store_progress,
        ),
    }
    jobs = {store: partial(_explained, store, backups[store]) for store in plan.stores}
    return _collect(side_by_side(jobs, progress, at_once=one_for_two_processors()))


def _explained(store: Store, back_up: Callable[[Progress], _T], progress: Progress) -> _T:
    """Run one store's backup; turn errors of its driver into a PlatformError."""
    try:
        return back_up(progress)
    except Exception as error:
        if not isinstance(error, _driver_errors()):
            raise
        raise PlatformError(
            what=" ".join(f"{type(error).__name__}: {error}".split()),
            where=f"the backup of {store}",
            next_step="invoke check shows what is wrong with the service; then invoke backup",
        ) from error


def _driver_errors() -> tuple[type[Exception], ...]:
    """The error classes of the stores' drivers, imported late: one store's backup need not wait for another store's driver."""
    import docker.errors
    import httpx
    import psycopg
    import redis
    import requests
    import weaviate.exceptions

    return (
        psycopg.Error,
        redis.RedisError,
        weaviate.exceptions.WeaviateBaseError,
        docker.errors.DockerException,
        requests.RequestException,
        # Weaviate's client lets some errors of its HTTP library through.
        httpx.HTTPError,
    )


def _of(parts: Iterable[object], kind: type[_T]) -> _T | None:
    return next((part for part in parts if isinstance(part, kind)), None)


def _collect(running: dict[Store, Future[_T]]) -> list[_T]:
    failures = {store: error for store, future in running.items() if (error := future.exception())}
    for error in failures.values():
        if not isinstance(error, PlatformError):
            raise error
    if len(failures) == 1:
        for error in failures.values():
            if isinstance(error, pgbackrest.UnusablePriorError):
                raise error
    if failures:
        problems = [f"{store}: {error.what}" for store, error in failures.items() if isinstance(error, PlatformError)]
        first = next(error for error in failures.values() if isinstance(error, PlatformError))
        raise PlatformError(
            what="the backup failed, and no new set was made\n" + "\n".join(f"  {line}" for line in problems),
            where=first.where,
            next_step=first.next_step or "mend the above, then invoke backup",
        ) from first
    return [future.result() for future in running.values()]
