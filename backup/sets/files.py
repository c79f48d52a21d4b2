"""Files of a set: written once, compressed if that pays, encrypted and hashed while written, synced to disk before they count."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Self

from backup.sets.model import FileRecord
from backup.sets.packing import is_packed, packer, unpacked
from backup.sets.sealing import SUFFIX, Keyring, Sealer, unsealed
from backup.storage.places import FolderPlace, Place
from core.errors import PlatformError
from core.streams import PiecesFile, StreamedFile

_PIECE = 1 << 20


class SetFiles:
    """A set's own files by their plain names, at any place. Each is stored encrypted, as its name plus `.age`."""

    def __init__(self, place: Place, name: str, keyring: Keyring) -> None:
        self.place = place
        self.name = name
        self.keyring = keyring

    def read(self, path: str) -> Iterator[bytes]:
        """A file's plain content in pieces. Each piece is authentic; whether the file is complete is known only at the end.

        Raises PlatformError if it is missing or damaged, or no key fits.
        """
        plain = unsealed(self.place.read(path + SUFFIX), self.keyring.identities, f"{self.name}: {path}")
        return unpacked(plain, f"{self.name}: {path}") if is_packed(path) else plain

    def content(self, path: str) -> bytes:
        """A small file's whole plain content."""
        return b"".join(self.read(path))

    def open(self, path: str) -> io.BufferedReader:
        """A file's plain content as a stream, from the beginning. Close it."""
        return io.BufferedReader(PiecesFile(self.read(path)), _PIECE)


class SetFolder(SetFiles):
    """A set's files while they are made, in a local folder."""

    def __init__(self, path: Path, keyring: Keyring) -> None:
        super().__init__(FolderPlace(path), path.name, keyring)
        self.path = path


def plain_file(files: SetFiles, record: FileRecord) -> StreamedFile:
    """The plain content of a file that a set's manifest lists."""
    return StreamedFile(record.path, record.plain_size, files.place.where, lambda: files.read(record.path))


class HashedFile:
    """A new file of a set, open for writing; encrypts and hashes its content. Synced to disk when the block ends without an error.

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
        """The file's record for the manifest."""
        return FileRecord(
            path=self._path,
            size=self._size,
            sha256=self._stored.hexdigest(),
            plain_size=self._plain_size,
            plain_sha256=self._plain.hexdigest(),
        )


def discard(folder: SetFolder, path: str) -> None:
    """Remove an unfinished file of a set, whole or partial."""
    inside(folder.path, path + SUFFIX).unlink(missing_ok=True)


def inside(folder: Path, path: str) -> Path:
    """The path below the folder.

    Raises PlatformError if it would lead out of the folder: names come from containers and manifests.
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
