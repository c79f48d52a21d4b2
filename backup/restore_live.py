"""Restoring onto the live stack: with a safety backup before, step by step, and a journal that lets a cut-off run go on."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airgap.errors import PlatformError
from airgap.setup.progress import Progress
from backup import account_passwords, emptiness, lock, recovery, refill, run, sets, writers
from backup.containers import copy_tree, docker_client, put_files
from backup.due import covering
from backup.journal import Journal, refuse_unfinished
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


def restore(
    platform: Platform, target: Target, stores: tuple[Store, ...], *, force: bool, progress: Progress, folder: Path
) -> dict[Store, StorePlan]:
    """Put the live stores back to the target. Only the stores named are touched.

    Raises PlatformError where clients write and `force` was not given, where another target was begun and not finished, and
    where a store can't be restored; the same call again then goes on with what is left.
    """
    journal = Journal(folder)
    begun = journal.read()
    if begun and (begun["target"], begun["stores"]) != (str(target), list(stores)):
        refuse_unfinished(folder)
    if not begun:
        _refuse_writers(platform, stores, force=force)
        before = [each.id for each in sets.list_sets(folder=folder)]
        progress.status("safety backup")
        made = _safety_backup(platform, progress, folder, force=force)
        # It shows the state that is unwanted, so it is never "the latest"; but for a moment it may have the log up to there.
        journal.begin(str(target), stores, [*before, *([made.id] if made and target.moment else [])])
    with lock.hold(folder, f"a restore to {target}"):
        now = journal.read() or {}
        every = [each for each in sets.list_sets(folder=folder) if each.id in now["sets"]]
        wanted = plan(target, every, stores, datetime.now(UTC))
        for store in stores:
            if store not in now["done"]:
                progress.status(f"restoring {store}")
                _STORES[store](platform, wanted[store], folder)
                journal.finish(store)
        journal.close()
    platform = account_passwords.settle(platform, stores, progress)
    recovery.end(folder)
    if "postgres" in stores:
        # The log goes on in a new timeline: what comes must not depend on backups of the old one.
        progress.status("a full backup of the new timeline")
        _begin_anew(platform, progress, folder)
    return wanted


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
            next_step="mend that, then invoke backup --full, before anything else",
        ) from error


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
    if emptiness.empty(platform, STORES):
        progress.log("the live stores hold nothing yet, so there is nothing to keep")
        return None
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
            raise PlatformError(what=f"{purpose} failed with exit code {code}: {said}", where=f"the volumes of {stopped.name}")
    finally:
        once.remove(force=True)


def _labels(stopped: Container, purpose: str) -> dict[str, str]:
    """Those of a helper: where this process is killed, whoever removes what is left of the stack finds it."""
    return {**{key: stopped.labels[key] for key in (PROJECT_LABEL, STACK_LABEL) if key in stopped.labels}, PURPOSE_LABEL: purpose}


def _postgres(platform: Platform, wanted: StorePlan, folder: Path) -> None:
    del folder
    name = platform.containers["timescaledb"]
    _remove_earlier(f"{name}-restore")
    container = _stopped(name)
    # Only what differs is copied, so that a run after a cut-off one is quicker, too.
    command = (*refill.restore_command(wanted, archive=True)[:-1], "--delta", "restore")
    # A repository in a bucket is reached from the stack's own network.
    network = platform.network if platform.backup.place else "none"
    # The server is stopped for sure. Where it was killed, its file still says that it runs, and pgBackRest would believe it.
    script = f"rm -f {PGDATA}/postmaster.pid && {shlex.join(command)}"
    _in_its_place(container, script, purpose="restore", network=network)
    _start(container)
    refill.wait_for_recovery(name)


def _redis(platform: Platform, wanted: StorePlan, folder: Path) -> None:
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
    _start(container)


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


def _weaviate(platform: Platform, wanted: StorePlan, folder: Path) -> None:
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
    _start(container)
    part = wanted.manifest.weaviate
    if part and part.backup_id:
        refill.restore_collections(platform.weaviate_url(), platform.ca_file, root_key, part.backup_id)


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
