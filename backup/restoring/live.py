"""Restoring onto the live stack: with a safety backup before, step by step, and a journal that lets a cut-off run go on."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backup import make
from backup.postgres import known_log, live_log
from backup.postgres.replay import KnownLog, lineage
from backup.restoring import account_passwords, closing, emptiness, recovery, refill, stopped, writers
from backup.restoring.journal import FILES, PLANNED, PROMOTED, RECOVERED, Begun, Journal, refuse_unfinished
from backup.restoring.targets import StorePlan, Target, plan
from backup.sets import folders
from backup.sets.due import covering
from backup.sets.model import STORES, Manifest, Store
from backup.storage.sources import files_of, source_of
from core import lock
from core.containers import copy_tree, docker_client, put_files
from core.errors import PlatformError
from core.progress import Progress
from core.waiting import looks
from infra.components.pgbackrest_config import PGDATA
from infra.components.weaviate_config import BACKUP_PATH, DATA_PATH, SECRETS_FILE
from infra.connections import Platform

if TYPE_CHECKING:
    from docker.models.containers import Container

_STOP_SECONDS = 120
_START_SECONDS = 300
_AGAIN_SECONDS = 0.2


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
                _STORES[store](platform, wanted[store], _Work(folder, journal, begun))
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


@dataclass(frozen=True, slots=True)
class _Work:
    """What restoring a store needs to know besides its plan. `begun` is how the journal stood when this call came to the store."""

    folder: Path
    journal: Journal
    begun: Begun


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


def _stopped(name: str) -> Container:
    container: Container = docker_client().containers.get(name)
    container.stop(timeout=_STOP_SECONDS)
    return container


def _start(container: Container) -> None:
    """Start a stopped container and wait until it is healthy.

    Its own health check is run here, again and again: Docker runs it for the first time only after the check's interval.
    Raises PlatformError with its last lines where it doesn't get so.
    """
    container.start()
    for in_time in looks(_START_SECONDS, pause=_AGAIN_SECONDS):
        container.reload()
        if container.status == "running" and stopped.is_well(container):
            return
        if container.status in ("exited", "dead") or not in_time:
            said = container.logs(tail=10).decode(errors="replace").strip()
            raise PlatformError(what=f"{container.name} does not come up again; its last lines:\n{said}", where="the restored data")


def _postgres(platform: Platform, wanted: StorePlan, work: _Work) -> None:
    name = platform.containers["timescaledb"]
    _remove_earlier(f"{name}-restore")
    container: Container = docker_client().containers.get(name)
    step = work.begun.steps.get("postgres")
    if step and _was_promoted(container, work.begun.timeline or 1):
        # Whoever started the server meanwhile: it has been written to since, and is not put back again.
        _start(container)
    elif step not in (FILES, RECOVERED) or not _recovers(container, wanted):
        work.journal.reach("postgres", PLANNED)
        _put_files_back(platform, container, wanted)
        work.journal.reach("postgres", FILES)
        _start_recovery(container, wanted)
    found = live_log.replayed(name)
    seen = {"position": found.position, "committed": found.committed.isoformat() if found.committed else None}
    work.journal.reach("postgres", RECOVERED, **({} if found.position is None else seen))
    work.journal.reach("postgres", PROMOTED)


def _put_files_back(platform: Platform, container: Container, wanted: StorePlan) -> None:
    container.stop(timeout=_STOP_SECONDS)
    # Only what differs is copied, so that a run after a cut-off one is quicker, too.
    command = (*refill.restore_command(wanted, archive=True)[:-1], "--delta", "restore")
    # A repository in a bucket is reached from the stack's own network.
    network = platform.network if platform.backup.place else "none"
    # The server is stopped for sure. Where it was killed, its file still says that it runs, and pgBackRest would believe it.
    script = f"rm -f {PGDATA}/postmaster.pid && {shlex.join(command)}"
    stopped.run(container, script, purpose="restore", network=network)


def _start_recovery(container: Container, wanted: StorePlan) -> None:
    try:
        _start(container)
        refill.wait_for_recovery(str(container.name))
    except PlatformError as error:
        if not refill.ends_early(error):
            raise
        if not wanted.or_end:
            raise refill.early_end(error, wanted) from error
        container.stop(timeout=_STOP_SECONDS)
        stopped.run(container, refill.NO_TARGET, purpose="restore")
        _start(container)
        refill.wait_for_recovery(str(container.name))


def _recovers(container: Container, wanted: StorePlan) -> bool:
    """Whether the files that a cut-off run has put in place come up; if not, they are put back again."""
    try:
        _start_recovery(container, wanted)
    except PlatformError:
        return False
    return True


def _was_promoted(container: Container, before: int) -> bool:
    """Whether the server was promoted to a timeline that wasn't there before: its history is on the disk, and its signal is gone.

    Read from its files, since it may be stopped, or killed in the middle of it.
    """
    script = (
        f"last=$(ls {PGDATA}/pg_wal 2>/dev/null | grep -E '^[0-9A-F]{{8}}[.]history$' | sort | tail -n 1); "
        f'[ -e {PGDATA}/global/pg_control ] && [ ! -e {PGDATA}/recovery.signal ] && [ -n "$last" ] && '
        f"[ $((0x${{last%.history}})) -gt {before} ] || exit {stopped.NOT_SO}"
    )
    try:
        stopped.run(container, script, purpose="restore")
    except stopped.ScriptError as error:
        if error.code == stopped.NOT_SO:
            return False
        raise
    return True


def _redis(platform: Platform, wanted: StorePlan, work: _Work) -> None:
    folder = work.folder
    work.journal.reach("redis", PLANNED)
    name = platform.containers["redis"]
    _remove_earlier(f"{name}-restore")
    container = _stopped(name)
    source = files_of(platform, source_of(platform, folder), wanted.manifest)
    entries = refill.aof_entries(source, wanted.manifest)
    uid, _, gid = str(container.attrs["Config"]["User"] or "999:999").partition(":")
    script = "rm -rf /data/appendonlydir /data/dump.rdb"
    stopped.run(container, script, purpose="restore")
    _put(container, "/data", entries, int(uid), int(gid or uid))
    if wanted.truncate and wanted.until:
        files = refill.aof_files(source, wanted.manifest)
        stopped.run(container, refill.truncate_script(files, wanted.until), purpose="restore")
    work.journal.reach("redis", FILES)
    _start(container)
    work.journal.reach("redis", RECOVERED)


def _put(container: Container, directory: str, entries: list[Any], uid: int, gid: int) -> None:
    """Put files into a stopped container's volume; its own root file system may be read-only, a helper's is not."""
    helper = docker_client().containers.create(
        container.attrs["Image"],
        ["true"],
        name=f"{container.name}-put",
        volumes_from=[str(container.id)],
        network_mode="none",
        labels=stopped.labels(container, "restore"),
    )
    try:
        put_files(helper, directory, entries, uid=uid, gid=gid)
    finally:
        helper.remove(force=True)


def _weaviate(platform: Platform, wanted: StorePlan, work: _Work) -> None:
    folder = work.folder
    work.journal.reach("weaviate", PLANNED)
    name = platform.containers["weaviate"]
    _remove_earlier(f"{name}-restore")
    root_key = _root_key(name)
    container = _stopped(name)
    chain = refill.chain_of(wanted.manifest, folders.list_sets(folder=folder))
    uid, _, gid = str(container.attrs["Config"]["User"] or "1000:1000").partition(":")
    wanted_ids = [each.weaviate.backup_id for each in chain if each.weaviate and each.weaviate.backup_id]
    copies = " ".join(f"{BACKUP_PATH}/{each}" for each in wanted_ids)
    stopped.run(container, f"find {DATA_PATH} -mindepth 1 -delete; rm -rf {copies}", purpose="restore")
    source = source_of(platform, folder)
    entries = [entry for each in chain for entry in refill.weaviate_entries(files_of(platform, source, each), each)]
    _put(container, BACKUP_PATH, entries, int(uid), int(gid or uid))
    work.journal.reach("weaviate", FILES)
    _start(container)
    part = wanted.manifest.weaviate
    if part and part.backup_id:
        refill.restore_collections(platform.weaviate_url(), platform.ca_file, root_key, part.backup_id)
    work.journal.reach("weaviate", RECOVERED)


def _root_key(name: str) -> str:
    """The key that Weaviate starts with, read from its volume: a container that a killed run was stopping takes no command any more."""
    found: dict[str, str] = {}

    def receive(_path: str, pieces: Iterator[bytes]) -> None:
        for part in shlex.split(b"".join(pieces).decode()):
            setting, _, value = part.partition("=")
            found[setting] = value

    copy_tree(name, SECRETS_FILE, receive)
    return found["AUTHENTICATION_APIKEY_ALLOWED_KEYS"]


def _remove_earlier(name: str) -> None:
    """A container that a cut-off run left."""
    from docker.errors import NotFound

    for each in (name, name.replace("-restore", "-put")):
        try:
            docker_client().containers.get(each).remove(force=True)
        except NotFound:
            continue


_STORES = {"postgres": _postgres, "redis": _redis, "weaviate": _weaviate}
