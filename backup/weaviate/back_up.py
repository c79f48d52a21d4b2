"""Weaviate's part of a set: a backup by its own module with users and roles, copied out with our own hashes.

A full set also gets a portable dump, written while the module works: see `backup.weaviate.portable`.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from backup.sets.files import SetFolder, write_hashed
from backup.sets.model import FileRecord, SetKind, WeaviatePart
from backup.weaviate.counts import count, count_documents, unproven
from backup.weaviate.portable.layout import Dumped
from core.container_commands import execute
from core.container_files import copy_tree
from core.errors import PlatformError
from core.progress import Progress
from core.waiting import looks
from infra.clients import weaviate_client
from infra.components.weaviate_container import BACKUP_PATH
from infra.connections import Platform
from seed.making import make

if TYPE_CHECKING:
    from weaviate import WeaviateClient
    from weaviate.backup.backup import BackupConfigCreate

ACCOUNT = "backup"
FOLDER = "weaviate"
_SECONDS = 3600
_POLL_SECONDS = 0.25
_LET_GO_SECONDS = 600
# Weaviate 1.39 names a vector index' log by the second of its creation (hnsw/commit_logger.go). A backup closes the log by opening
# the next one; within the same second that is the same file, which the backup then skips as the active one: objects without an index.
_SECOND = 1.0
_IN_PROGRESS = re.compile(r"backup (\d{8}-\d{6}-[a-z]+-[0-9a-f]{4}(?:-[0-9a-f]{32})?) already in progress")


@dataclass(frozen=True, slots=True)
class Request:
    """What to back up. `base_id` is the parent's backup, for an incremental one."""

    set_id: str
    folder: SetFolder
    kind: SetKind
    base_id: str | None = None


def back_up(platform: Platform, request: Request, progress: Progress) -> WeaviatePart:
    """Make Weaviate's part of a set, in the set's folder. The module's own copy stays as the next incremental's base.

    Raises PlatformError if the module fails or its files can't be copied.
    """
    container = platform.containers["weaviate"]
    started = datetime.now(UTC)
    backup_id = new_id(request.set_id)
    with weaviate_client(platform, ACCOUNT) as client:
        before = count(client)
        progress.status(f"{request.kind} backup")
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="portable") as pool:
            dump = pool.submit(_portable, platform, request.folder, progress) if request.kind == "full" else None
            base_id = _create(client, request, backup_id, len(before.names)) if before.names else None
            dumped = dump.result() if dump else Dumped((), ())
        after = count(client)
        documents = count_documents(client)
        version = str(client.get_meta()["version"])
        node = client.cluster.nodes()[0].name
    progress.status("copying it out")
    files: list[FileRecord] = []

    def receive(path: str, pieces: Iterator[bytes]) -> None:
        files.append(write_hashed(request.folder, f"{FOLDER}/{backup_id}/{path}", pieces))

    if before.names and copy_tree(container, f"{BACKUP_PATH}/{backup_id}", receive) == 0:
        raise PlatformError(what="Weaviate's backup has no file", where=f"container {container}: {BACKUP_PATH}/{request.set_id}")
    return WeaviatePart(
        started=started,
        finished=datetime.now(UTC),
        files=(*files, *dumped.files),
        unproven=(*unproven(before), *dumped.unproven),
        backup_id=backup_id if before.names else None,
        base_id=base_id,
        node=node,
        versions={"weaviate": version},
        documents=documents,
        collections={
            name: (before.objects.get(name, 0), after.objects.get(name, 0))
            for name in sorted({*before.objects, *after.objects} - {*before.failed, *after.failed})
        },
        tenants=before.tenants,
        uncounted=tuple(sorted({*before.failed, *after.failed})),
        portable=tuple(file.path for file in dumped.files),
    )


def new_id(set_id: str) -> str:
    """The module's name for the backup of a set. It must not be guessable: anyone who knows it can cancel the backup (docs/adr/0015)."""
    return f"{set_id}-{secrets.token_hex(16)}"


def set_of(backup_id: str) -> str:
    """The set that a backup of the module belongs to; in older sets both have the same name."""
    return re.sub(r"-[0-9a-f]{32}$", "", backup_id)


def _portable(platform: Platform, folder: SetFolder, progress: Progress) -> Dumped:
    from backup.weaviate.portable.dump import write_dump
    from backup.weaviate.portable.wire import Wire

    with Wire(platform.weaviate_url(), key=platform.secret(ACCOUNT, "weaviate"), ca_file=platform.ca_file) as wire:
        return write_dump(wire, folder, progress)


def _create(client: WeaviateClient, request: Request, backup_id: str, collections: int) -> str | None:
    """Run the module's backup to its end; return the base that it was built on."""
    from weaviate.exceptions import UnexpectedStatusCodeError, WeaviateBaseError

    base_id = request.base_id if request.kind == "incremental" else None
    # Afterwards the logs of everything counted are older than this moment.
    time.sleep(_SECOND)
    try:
        try:
            _start(client, backup_id, base_id)
        except UnexpectedStatusCodeError as error:
            # Only trying shows whether the server supports incremental backups and still has the base.
            if base_id is None or error.status_code not in (400, 404, 422):
                raise
            base_id = None
            _start(client, backup_id, None)
        _wait(client, backup_id)
    except WeaviateBaseError as error:
        raise PlatformError(
            what=f"Weaviate could not make its backup: {getattr(error, 'message', error)}",
            where=f"{collections} collections, backup {backup_id}",
            next_step="see its log; usual reasons are a full disk and a missing permission of account backup",
        ) from error
    return base_id


def settings() -> BackupConfigCreate:
    """The module's compression: a quarter of the default level's work for the same size.

    The module is polled after 2 s, then after 12.
    """
    from weaviate.backup.backup import BackupCompressionLevel, BackupConfigCreate

    return BackupConfigCreate(compression_level=BackupCompressionLevel.BEST_SPEED)


def _start(client: WeaviateClient, backup_id: str, base_id: str | None) -> None:
    """Have the module begin. Cancels a backup that a killed run left running: only the run with the lock may have one."""
    from weaviate.backup.backup import BackupStorage
    from weaviate.exceptions import UnexpectedStatusCodeError, WeaviateBaseError

    config = settings()

    def begin() -> None:
        client.backup.create(backup_id=backup_id, backend=BackupStorage.FILESYSTEM, config=config, incremental_base_backup_id=base_id)

    for in_time in looks(_LET_GO_SECONDS, pause=_POLL_SECONDS):
        try:
            make(begin, lambda: _begun(client, backup_id))
        except UnexpectedStatusCodeError as error:
            orphan = _IN_PROGRESS.search(str(error))
            if not orphan or not in_time:
                raise
            # It may end right now; then there is nothing to cancel.
            with contextlib.suppress(WeaviateBaseError):
                client.backup.cancel(backup_id=orphan[1], backend=BackupStorage.FILESYSTEM)
        else:
            return


def _begun(client: WeaviateClient, backup_id: str) -> bool:
    """Whether the module has a backup with this id that has not failed: a request whose answer got lost did begin it."""
    from weaviate.backup.backup import BackupStatus, BackupStorage
    from weaviate.exceptions import UnexpectedStatusCodeError

    try:
        known = client.backup.get_create_status(backup_id=backup_id, backend=BackupStorage.FILESYSTEM)
    except UnexpectedStatusCodeError:
        return False
    return known.status not in (BackupStatus.FAILED, BackupStatus.CANCELED)


def _wait(client: WeaviateClient, backup_id: str) -> None:
    from weaviate.backup.backup import BackupStatus, BackupStorage

    for in_time in looks(_SECONDS, pause=_POLL_SECONDS):
        status: Any = client.backup.get_create_status(backup_id=backup_id, backend=BackupStorage.FILESYSTEM)
        if status.status == BackupStatus.SUCCESS:
            return
        if status.status in (BackupStatus.FAILED, BackupStatus.CANCELED):
            raise PlatformError(
                what=f"Weaviate's backup ended as {status.status.value}: {status.error or 'no reason given'}", where=f"backup {backup_id}"
            )
        if not in_time:
            client.backup.cancel(backup_id=backup_id, backend=BackupStorage.FILESYSTEM)
            raise PlatformError(what=f"Weaviate's backup did not finish within {_SECONDS} s", where=f"backup {backup_id}")


def remove_copies(container: str, ids: list[str]) -> None:
    """Remove the module's own copies of these backups, named by backup or by set; the sets' copies stay."""
    if ids:
        remove = f'cd {BACKUP_PATH} && for each; do rm -rf -- "$each" "$each"-*; done'
        execute(container, ["sh", "-c", remove, "sh", *ids])


def kept_copies(container: str) -> list[str]:
    """The backups that the module still has its own copies of."""
    return execute(container, ["sh", "-c", f"ls -1 {BACKUP_PATH}"]).text().split()
