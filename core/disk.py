"""Files that are replaced whole or not at all, and synced to disk. Standard library only: the set-up uses it before anything else."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path

_PIECE = 1 << 20


def write_whole(target: Path, content: str | bytes | Iterable[bytes], *, mode: int = 0o600) -> None:
    """Write a file, replacing an older one atomically; synced before the rename. Makes missing folders.

    Raises OSError on failure: the older file is unchanged then, and nothing is left beside it.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    pieces = [content.encode()] if isinstance(content, str) else [content] if isinstance(content, bytes) else content
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            os.fchmod(file.fileno(), mode)  # regardless of the user's umask
            for piece in pieces:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(target)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Sync a folder's own entries to disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """Sync a folder and everything below it to disk."""
    for directory in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
        sync_folder(directory)


def read_pieces(path: Path) -> Iterator[bytes]:
    """A file's content in pieces of at most a MiB."""
    with path.open("rb") as source:
        while piece := source.read(_PIECE):
            yield piece
