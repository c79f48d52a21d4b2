"""Files of a set: written once, compressed where it pays, encrypted and hashed on the way, on the disk before anybody relies on them."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from airgap.errors import PlatformError
from backup.model import FileRecord
from backup.packing import is_packed, packer, unpacked
from backup.sealing import SUFFIX, Keyring, Sealer, unsealed
from backup.storage.places import FolderPlace, Place

_PIECE = 1 << 20


class SetFiles:
    """A set's own files by their plain names, wherever they are; each lies there encrypted, under its name and `.age`."""

    def __init__(self, place: Place, name: str, keyring: Keyring) -> None:
        self.place = place
        self.name = name
        self.keyring = keyring

    def read(self, path: str) -> Iterator[bytes]:
        """A file's plain content in pieces. It is authentic; that it is whole is known only at the end.

        Raises PlatformError where it is missing, damaged, or no key at hand fits.
        """
        plain = unsealed(self.place.read(path + SUFFIX), self.keyring.identities, f"{self.name}: {path}")
        return unpacked(plain, f"{self.name}: {path}") if is_packed(path) else plain

    def content(self, path: str) -> bytes:
        """A small file's whole plain content."""
        return b"".join(self.read(path))

    def open(self, path: str) -> io.BufferedReader:
        """A file's plain content as a stream, from its beginning on. Close it."""
        return io.BufferedReader(_Readable(self.read(path)), _PIECE)


class SetFolder(SetFiles):
    """A set's files while they are made, in a folder of this machine."""

    def __init__(self, path: Path, keyring: Keyring) -> None:
        super().__init__(FolderPlace(path), path.name, keyring)
        self.path = path


@dataclass(frozen=True, slots=True)
class StreamedFile:
    """Content that comes in pieces from somewhere else, and how much of it there is in bytes: to be put somewhere."""

    path: str
    size: int
    where: str
    read: Callable[[], Iterator[bytes]]

    @classmethod
    def plain(cls, files: SetFiles, record: FileRecord) -> Self:
        """The plain content of a file that a set's manifest lists."""
        return cls(record.path, record.plain_size, files.place.where, lambda: files.read(record.path))


class HashedFile:
    """A new file of a set, open for writing; encrypts and hashes what passes. On leaving the block without an error it is on the disk.

    `record` has sizes and hashes, once closed.
    """

    def __init__(self, folder: SetFolder, path: str) -> None:
        self._folder = folder
        self._path = path
        self._plain, self._plain_size = hashlib.sha256(), 0
        self._stored, self._size = hashlib.sha256(), 0
        self._packer = packer() if is_packed(path) else None

    def __enter__(self) -> Self:
        target = inside(self._folder.path, self._path + SUFFIX)
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file = os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        self._sealer = Sealer(self._folder.keyring.recipients, self._store)
        return self

    def write(self, piece: bytes) -> None:
        """Add bytes at the end."""
        self._plain.update(piece)
        self._plain_size += len(piece)
        packed = self._packer.compress(piece) if self._packer else piece
        if packed:
            self._sealer.feed(packed)

    def _store(self, piece: bytes) -> None:
        self._file.write(piece)
        self._stored.update(piece)
        self._size += len(piece)

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                if self._packer:
                    self._sealer.feed(self._packer.flush())
                self._sealer.close()
                self._file.flush()
                os.fsync(self._file.fileno())
            else:
                self._sealer.abandon()
        finally:
            self._file.close()

    @property
    def record(self) -> FileRecord:
        """The file as the manifest lists it."""
        return FileRecord(
            path=self._path,
            size=self._size,
            sha256=self._stored.hexdigest(),
            plain_size=self._plain_size,
            plain_sha256=self._plain.hexdigest(),
        )


class _Readable(io.RawIOBase):
    """An iterator of byte strings as a readable file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def close(self) -> None:
        if not self.closed:
            self._pieces.close()  # type: ignore[attr-defined]
        super().close()


def discard(folder: SetFolder, path: str) -> None:
    """Remove a file of a set that is being written, or what there is of it."""
    inside(folder.path, path + SUFFIX).unlink(missing_ok=True)


def inside(folder: Path, path: str) -> Path:
    """The path below the folder.

    Raises PlatformError for one that would lead out of it: names come from containers and manifests.
    """
    target = folder / path
    if Path(path).is_absolute() or ".." in Path(path).parts or not path:
        raise PlatformError(what=f"{path!r} leads out of its folder", where=str(folder), next_step="don't use this set; make a new one")
    return target


def write_hashed(folder: SetFolder, path: str, pieces: Iterable[bytes]) -> FileRecord:
    """Write a new file from pieces and return its record."""
    with HashedFile(folder, path) as target:
        for piece in pieces:
            target.write(piece)
    return target.record


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


def shorten(folder: SetFolder, record: FileRecord, size: int) -> FileRecord:
    """Cut a file of a set to the first `size` bytes of its content and return its new record."""
    whole = inside(folder.path, record.path + SUFFIX)
    aside = f"{record.path}.whole{Path(record.path).suffix}"
    whole.replace(inside(folder.path, aside + SUFFIX))

    def head() -> Iterator[bytes]:
        left = size
        for piece in folder.read(aside):
            if left <= 0:
                break
            yield piece[:left]
            left -= len(piece)

    cut = write_hashed(folder, record.path, head())
    inside(folder.path, aside + SUFFIX).unlink()
    return cut
