"""Restoring onto the live stack: with a safety backup before, step by step, and a journal that lets a cut-off run go on."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airgap.errors import PlatformError
from airgap.setup.progress import Progress
from backup import closing, live_log, lock, refill, run, sets, writers
from backup.containers import copy_tree, docker_client, put_files
from backup.due import covering
from backup.journal import FILES, PLANNED, PROMOTED, RECOVERED, Begun, Journal, refuse_unfinished
from backup.model import STORES, Manifest, Store
from backup.scratch import PURPOSE_LABEL
from backup.storage.sources import files_of, source_of
from backup.targets import StorePlan, Target, plan
from infra.components.names import PROJECT_LABEL, STACK_LABEL
from infra.components.pgbackrest_config import PGDATA
from infra.components.weaviate_config import BACKUP_PATH, DATA_PATH, SECRETS_FILE
from infra.connections import Platform

if TYPE_CHECKING:
    from docker.models.containers import Container

_STOP_SECONDS = 120
_START_SECONDS = 300
# An exit code that no tool has: the answer is no.
_NOT_SO = 77


class _ScriptError(PlatformError):
    """A script on a stopped container's volumes ended with `code`."""

    def __init__(self, purpose: str, code: int, said: str, where: str) -> None:
        super().__init__(what=f"{purpose} failed with exit code {code}: {said}", where=where)
        self.code = code


def restore(
    platform: Platform, target: Target, stores: tuple[Store, ...], *, force: bool, progress: Progress, folder: Path
) -> dict[Store, StorePlan]:
    """Put the live stores back to the target. Only the stores named are touched.

    Raises PlatformError where clients write and `force` was not given, where another target was begun and not finished, and
    where a store can't be restored; the same call again then goes on with what is left.
    """
    journal = Journal(folder)
    _go_on_or_begin(platform, journal, target, stores, force=force, progress=progress, folder=folder)
    with lock.hold(folder, f"a restore to {target}"):
        begun = _unchanged(journal, target, stores)
        every = [each for each in sets.list_sets(folder=folder) if each.id in begun.sets]
        wanted = plan(target, every, stores, datetime.now(UTC))
        for store in stores:
            if not begun.restored(store):
                progress.status(f"restoring {store}")
                _STORES[store](platform, wanted[store], _Work(folder, journal, begun))
        if "postgres" not in stores:
            journal.close()
    if "postgres" in stores and not closing.settle(platform, folder):
        # The log goes on in a new timeline: what comes must not depend on backups of the old one.
        progress.status("a full backup of the new timeline")
        _begin_anew(platform, progress, folder)
    return wanted


@dataclass(frozen=True, slots=True)
class _Work:
    """What restoring a store needs to know besides its plan. `begun` is how the journal stood when this call came to the store."""

    folder: Path
    journal: Journal
    begun: Begun


def _go_on_or_begin(
    platform: Platform, journal: Journal, target: Target, stores: tuple[Store, ...], *, force: bool, progress: Progress, folder: Path
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
            journal.begin(str(target), stores, [*begun.sets, begun.safety], safety=begun.safety, timeline=begun.timeline, along=None)
            return
        refuse_unfinished(folder)
    if begun and same and not closing.settle(platform, folder):
        progress.log(f"going on: {begun.told()}")
        return
    _refuse_writers(platform, stores, force=force)
    before = [each.id for each in sets.list_sets(folder=folder)]
    live = live_log.ask(platform)
    progress.status("safety backup")
    made = _safety_backup(platform, progress, folder, force=force)
    journal.begin(
        str(target),
        stores,
        # It shows the state that is unwanted, so it is never "the latest"; but for a moment it may have the log up to there.
        [*before, *([made.id] if made and target.moment else [])],
        safety=made.id if made else None,
        timeline=_highest_timeline(live, sets.list_sets(folder=folder)),
        committed=live.committed if live else None,
    )


def _unchanged(journal: Journal, target: Target, stores: tuple[Store, ...]) -> Begun:
    begun = journal.read()
    if begun is None or (begun.target, begun.stores) != (str(target), stores):
        raise PlatformError(what="another run has changed the restore's journal", where=str(journal.path), next_step="run this again")
    return begun


def _highest_timeline(live: live_log.LiveLog | None, every: Sequence[Manifest]) -> int:
    """The highest timeline that was written so far: what is promoted from now on has a higher one."""
    return max([live.timeline if live else 1, *(each.postgres.timeline for each in every if each.postgres)])


def _begin_anew(platform: Platform, progress: Progress, folder: Path) -> None:
    """A full set of the new timeline.

    Raises PlatformError where it can't be made, as where the restored accounts have the passwords of another machine.
    """
    try:
        run.make(platform, kind="full", progress=progress, folder=folder)
    except PlatformError as error:
        raise PlatformError(
            what=f"everything is restored, but the full set that has to follow could not be made: {error.what}",
            where=error.where,
            next_step="invoke up --refresh sets the accounts' passwords again; then invoke backup, before anything else: it makes the set",
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


def _safety_backup(platform: Platform, progress: Progress, folder: Path, *, force: bool) -> Manifest | None:
    """Keep what is about to be thrown away. With `force`, stores that can't be backed up any more are restored without."""
    existing = covering(sets.list_sets(folder=folder), STORES)
    try:
        return run.make(platform, kind="incremental" if existing else "full", progress=progress, folder=folder)
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

    Raises PlatformError with its last lines where it doesn't get so.
    """
    import time

    container.start()
    deadline = time.monotonic() + _START_SECONDS
    while True:
        container.reload()
        health = container.attrs["State"].get("Health", {}).get("Status", "healthy")
        if container.status == "running" and health == "healthy":
            return
        if container.status in ("exited", "dead") or time.monotonic() > deadline:
            said = container.logs(tail=10).decode(errors="replace").strip()
            raise PlatformError(what=f"{container.name} does not come up again; its last lines:\n{said}", where="the restored data")
        time.sleep(0.3)


def _in_its_place(stopped: Container, script: str, *, purpose: str, network: str = "none") -> None:
    """Run a shell script as the stopped container's user, on its volumes, in a container of its own; without a network, by default.

    Raises PlatformError with its last words where it fails.
    """
    attributes = stopped.attrs
    once = docker_client().containers.create(
        attributes["Image"],
        ["-c", script],
        entrypoint=["/bin/sh"],
        user=attributes["Config"]["User"],
        name=f"{stopped.name}-{purpose}",
        volumes_from=[str(stopped.id)],
        network_mode=network,
        tmpfs={"/tmp": "mode=1777"},  # noqa: S108 - inside the container
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        labels=_labels(stopped, purpose),
    )
    try:
        once.start()
        code = int(once.wait(timeout=4 * 3600)["StatusCode"])
        if code != 0:
            said = once.logs(tail=12).decode(errors="replace").strip()
            raise _ScriptError(purpose, code, said, f"the volumes of {stopped.name}")
    finally:
        once.remove(force=True)


def _labels(stopped: Container, purpose: str) -> dict[str, str]:
    """Those of a helper: where this process is killed, whoever removes what is left of the stack finds it."""
    return {**{key: stopped.labels[key] for key in (PROJECT_LABEL, STACK_LABEL) if key in stopped.labels}, PURPOSE_LABEL: purpose}


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
    _in_its_place(container, script, purpose="restore", network=network)


def _start_recovery(container: Container, wanted: StorePlan) -> None:
    del wanted
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
        f"[ $((0x${{last%.history}})) -gt {before} ] || exit {_NOT_SO}"
    )
    try:
        _in_its_place(container, script, purpose="restore")
    except _ScriptError as error:
        if error.code == _NOT_SO:
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
    _in_its_place(container, script, purpose="restore")
    _put(container, "/data", entries, int(uid), int(gid or uid))
    if wanted.truncate and wanted.until:
        files = refill.aof_files(source, wanted.manifest)
        _in_its_place(container, refill.truncate_script(files, wanted.until), purpose="restore")
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
        labels=_labels(container, "restore"),
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
    chain = refill.chain_of(wanted.manifest, sets.list_sets(folder=folder))
    uid, _, gid = str(container.attrs["Config"]["User"] or "1000:1000").partition(":")
    wanted_ids = [each.weaviate.backup_id for each in chain if each.weaviate and each.weaviate.backup_id]
    copies = " ".join(f"{BACKUP_PATH}/{each}" for each in wanted_ids)
    _in_its_place(container, f"find {DATA_PATH} -mindepth 1 -delete; rm -rf {copies}", purpose="restore")
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
