"""Files of a set: written once, hashed on the way, and on the disk before anybody relies on them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Self

from airgap.errors import PlatformError
from backup.model import FileRecord

_PIECE = 1 << 20


class HashedFile:
    """A new file of a set, open for writing; hashes what passes. On leaving the block without an error it is on the disk.

    `record` has its size and hash, once closed.
    """

    def __init__(self, folder: Path, path: str) -> None:
        self._folder = folder
        self._path = path
        self._hash = hashlib.sha256()
        self._size = 0

    def __enter__(self) -> Self:
        target = inside(self._folder, self._path)
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file = os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        return self

    def write(self, piece: bytes) -> None:
        """Add bytes at the end."""
        self._file.write(piece)
        self._hash.update(piece)
        self._size += len(piece)

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                self._file.flush()
                os.fsync(self._file.fileno())
        finally:
            self._file.close()

    @property
    def record(self) -> FileRecord:
        """The file as the manifest lists it."""
        return FileRecord(path=self._path, size=self._size, sha256=self._hash.hexdigest())


def inside(folder: Path, path: str) -> Path:
    """The path below the folder.

    Raises PlatformError for one that would lead out of it: names come from containers and manifests.
    """
    target = folder / path
    if Path(path).is_absolute() or ".." in Path(path).parts or not path:
        raise PlatformError(what=f"{path!r} leads out of its folder", where=str(folder), next_step="don't use this set; make a new one")
    return target


def write_hashed(folder: Path, path: str, pieces: Iterable[bytes]) -> FileRecord:
    """Write a new file from pieces and return its record."""
    with HashedFile(folder, path) as target:
        for piece in pieces:
            target.write(piece)
    return target.record


def hash_file(path: Path, progress: Callable[[int], object] | None = None) -> tuple[int, str]:
    """Size and SHA-256 of a file; `progress` gets the length of each piece."""
    digest, size = hashlib.sha256(), 0
    for piece in read_pieces(path):
        digest.update(piece)
        size += len(piece)
        if progress:
            progress(len(piece))
    return size, digest.hexdigest()


def read_pieces(path: Path) -> Iterator[bytes]:
    """A file's content in pieces of at most a MiB."""
    with path.open("rb") as source:
        while piece := source.read(_PIECE):
            yield piece


def write_atomically(target: Path, content: bytes) -> None:
    """Put a file in place whole or not at all, and on the disk: temporary file, fsync, rename, fsync of the folder."""
    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(target)
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Make the folder's own entries last."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """Make the entries of a folder and of all below it last."""
    for each in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
        sync_folder(each)


def shorten(folder: Path, record: FileRecord, size: int) -> FileRecord:
    """Cut a file of a set to its first `size` bytes and return its new record."""
    target = inside(folder, record.path)
    with target.open("r+b") as file:
        file.truncate(size)
        os.fsync(file.fileno())
    return FileRecord(place=record.place, path=record.path, size=size, sha256=hash_file(target)[1])
