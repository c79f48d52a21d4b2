"""A bucket as the first place: manifests are mirrored into the stack's folder, everything else stays in the bucket.

So every decision reads the folder, with or without a bucket. A set exists once its manifest does.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from backup.sets import folders
from backup.sets.files import inside
from backup.sets.model import FileRecord, Manifest
from backup.storage.places import MissingError
from backup.storage.sources import source_of
from core.disk import sync_folder, write_whole
from core.errors import PlatformError
from core.progress import Progress
from infra.backup_places import FIRST
from infra.connections import Platform, load

# Another machine may be making a set now.
_ABANDONED_AFTER = timedelta(days=1)


def refresh(platform: Platform, folder: Path, *, anew: bool = False) -> None:
    """Update the folder's manifests from the bucket; does nothing without a bucket.

    With `anew` existing ones are fetched again: they may have changed in the bucket.
    Raises PlatformError if the bucket can't be read.
    """
    if platform.backup.place is None:
        return
    place = source_of(platform, folder).sets
    in_bucket = {path.split("/")[0] for path in place.sizes() if path.endswith(f"/{folders.MANIFEST}") and path.count("/") == 1}
    for set_id in sorted(in_bucket):
        if folders.is_id(set_id) and (anew or not (folder / set_id / folders.MANIFEST).exists()):
            try:
                content = b"".join(place.read(f"{set_id}/{folders.MANIFEST}"))
            except MissingError:
                in_bucket.remove(set_id)  # another machine has removed the set since it was listed
                continue
            _keep_only_manifest(folder, set_id, content)
    for path in folder.glob(f"*/{folders.MANIFEST}"):
        if path.parent.name not in in_bucket:
            folders.discard(path.parent)


def sets_at(platform: Platform, folder: Path, name: str = "") -> list[Manifest]:
    """The sets of the first place or of the named copy, oldest first."""
    if name in ("", FIRST):
        refresh(platform, folder)
        return folders.list_sets(folder=folder)
    return folders.list_at(source_of(platform, folder, name).sets)


def look(stack: str) -> str:
    """Refresh a stack's folder by the stack's name; returns the bucket in words, if it has one.

    If the stack itself is gone, the folder keeps its last state.
    """
    try:
        platform = load(stack)
    except PlatformError:
        return ""
    refresh(platform, folders.folder_of(platform.stack))
    return platform.backup.place.where if platform.backup.place else ""


def publish(platform: Platform, folder: Path, manifest: Manifest, progress: Progress, only: Sequence[FileRecord] | None = None) -> None:
    """Turn a folder of files into a set. With a bucket, upload them, the manifest last; only the manifest stays in the folder.

    `only` these files are new, where the set is there already.
    """
    if platform.backup.place is None:
        folders.publish(folder, manifest)
        return
    place = source_of(platform, folder).sets
    own = [record for record in (manifest.files if only is None else only) if record.place == "set"]
    done, total = 0, sum(record.size for record in own)
    for record in own:
        place.write(f"{manifest.id}/{record.stored}", inside(folder / manifest.id, record.stored))
        done += record.size
        progress.count(round(done / 1e6), round(total / 1e6), "MB")
    content = folders.render(manifest)
    place.write(f"{manifest.id}/{folders.MANIFEST}", content)
    _keep_only_manifest(folder, manifest.id, content)


def _keep_only_manifest(folder: Path, set_id: str, content: bytes) -> None:
    target = folder / set_id
    target.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_whole(target / folders.MANIFEST, content)
    sync_folder(folder)
    for path in target.iterdir():
        if path.is_dir():
            shutil.rmtree(path)


def discard(platform: Platform, folder: Path, set_id: str) -> None:
    """Remove a set, its manifest first: from the bucket, if there is one, then from the folder."""
    if platform.backup.place is not None:
        place = source_of(platform, folder).sets
        place.remove([f"{set_id}/{folders.MANIFEST}"])
        place.remove(place.sizes(set_id))
    if (folder / set_id).exists():
        folders.discard(folder / set_id)


def withdraw(platform: Platform, folder: Path, set_id: str) -> None:
    """Remove a failed run's files from the bucket."""
    if platform.backup.place is not None:
        place = source_of(platform, folder).sets
        uploaded = place.sizes(set_id)
        if f"{set_id}/{folders.MANIFEST}" not in uploaded:
            place.remove(uploaded)


def remove_abandoned(platform: Platform, folder: Path, known: Sequence[Manifest]) -> list[str]:
    """Remove sets without a manifest that runs left in the bucket more than a day ago; returns their ids."""
    if platform.backup.place is None:
        return []
    place = source_of(platform, folder).sets
    ids = {path.split("/")[0] for path in place.sizes()} - {manifest.id for manifest in known}
    left = []
    for set_id in sorted(filter(folders.is_id, ids)):
        began = datetime.strptime(set_id[:15], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
        if datetime.now(UTC) - began > _ABANDONED_AFTER:
            try:
                next(iter(place.read(f"{set_id}/{folders.MANIFEST}")))
            except MissingError:
                place.remove(place.sizes(set_id))
                left.append(set_id)
    return left
