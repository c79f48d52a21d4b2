"""A place: files by path, each stored whole or not at all. This module has the folder, `backup.storage.s3` the bucket."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Protocol

from core.disk import sync_folder, write_whole
from core.errors import PlatformError

PIECE = 1 << 20
_DRAFT = re.compile(r"\..+\.[0-9a-f]{8}")  # as core.disk.write_whole names it
_ABANDONED_SECONDS = 3600

Content = Path | bytes | Callable[[], Iterable[bytes]]
"""The source of a write: a file, bytes, or a function that returns all pieces anew at each call."""


class MissingError(PlatformError):
    """The file does not exist."""


class Place(Protocol):
    """Files by relative paths with forward slashes. Every method raises PlatformError with the place and the next step."""

    where: str

    def sizes(self, prefix: str = "") -> dict[str, int]:
        """Every file at or below a folder, with its size in bytes."""

    def read(self, path: str) -> Iterator[bytes]:
        """A file's content in pieces of a few MiB at most; resumes after a broken connection.

        Raises MissingError if the file doesn't exist.
        """

    def write(self, path: str, source: Content, size: int | None = None) -> None:
        """Write or replace a file, whole or not at all; synced to disk at return. `size` of the pieces, if known."""

    def remove(self, paths: Iterable[str]) -> None:
        """Remove files; missing ones don't matter."""

    def remove_drafts(self) -> None:
        """Remove what killed runs left of files that they had not written whole."""

    def below(self, folder: str) -> Place:
        """The place that begins at a folder of this one."""


class FolderPlace:
    """A folder of this machine."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.where = str(root)

    def below(self, folder: str) -> FolderPlace:
        """The place that begins at a folder of this one."""
        return FolderPlace(self.root / folder)

    def sizes(self, prefix: str = "") -> dict[str, int]:
        """Every file at or below a folder, without those being written."""
        start = self._inside(prefix) if prefix else self.root
        return {str(path.relative_to(self.root)): known.st_size for path, known in _files(start) if not path.name.startswith(".")}

    def read(self, path: str) -> Iterator[bytes]:
        """A file's content."""
        try:
            with self._inside(path).open("rb") as source:
                while piece := source.read(PIECE):
                    yield piece
        except FileNotFoundError:
            raise MissingError(what=f"{path} is missing", where=self.where) from None
        except OSError as error:
            raise self._broken(f"{path} can't be read", error) from error

    def write(self, path: str, source: Content, size: int | None = None) -> None:
        """Write a file beside its target first, then rename it."""
        del size
        target = self._inside(path)
        try:
            self._make_folders(target.parent)
            write_whole(target, pieces_of(source))
        except OSError as error:
            raise self._broken(f"{path} can't be written", error) from error

    def _make_folders(self, folder: Path) -> None:
        """Make the parent folders, and sync them. The root must exist if it is on another disk: it may not be mounted."""
        if not self.root.parent.is_dir() and not self.root.is_dir():
            raise FileNotFoundError(errno.ENOENT, f"{self.root.parent} is not there: is it mounted?")
        missing = [parent for parent in (folder, *folder.parents) if not parent.is_dir()]
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for parent in missing:
            sync_folder(parent.parent)

    def remove(self, paths: Iterable[str]) -> None:
        """Remove files, and folders that become empty."""
        for path in paths:
            target = self._inside(path)
            try:
                target.unlink(missing_ok=True)
                for folder in target.parents:
                    if folder == self.root:
                        break
                    folder.rmdir()
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.ENOENT):
                    raise self._broken(f"{path} can't be removed", error) from error

    def remove_drafts(self) -> None:
        """Remove them where nobody has written to them for an hour: another run's are left to it."""
        before = time.time() - _ABANDONED_SECONDS
        for path, known in _files(self.root):
            if _DRAFT.fullmatch(path.name) and known.st_mtime < before:
                with contextlib.suppress(OSError):  # gone meanwhile, or another user's: neither is in the way
                    path.unlink()

    def _inside(self, path: str) -> Path:
        if not path or PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
            raise PlatformError(what=f"{path!r} leads out of its folder", where=self.where, next_step="don't use this set; make a new one")
        return self.root / path

    def _broken(self, what: str, error: OSError) -> PlatformError:
        step = "make room there" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "check that it is mounted and writable"
        return PlatformError(what=f"{what}: {error.strerror or error}", where=self.where, next_step=f"{step}; then run this again")


def pieces_of(source: Content) -> Iterator[bytes]:
    """The content to write, in pieces."""
    if isinstance(source, bytes):
        yield source
    elif isinstance(source, Path):
        with source.open("rb") as file:
            while piece := file.read(PIECE):
                yield piece
    else:
        yield from source()


def _files(start: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """The files at or below a path. What another run removes meanwhile is left out: `check` looks at places while `backup.prune` works."""
    paths = [start] if start.is_file() else (Path(at, name) for at, _, names in os.walk(start, onerror=_unless_gone) for name in names)
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            if stat.S_ISREG((known := path.stat()).st_mode):
                yield path, known


def _unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError | NotADirectoryError | PermissionError):
        raise error
