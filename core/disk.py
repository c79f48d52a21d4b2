"""Files put in place whole or not at all, and made to last. Standard library only: the set-up uses it before anything is there."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path

_PIECE = 1 << 20


def write_whole(target: Path, content: str | bytes | Iterable[bytes], *, mode: int = 0o600) -> None:
    """Put a file in place, an older one is replaced at once; it is on the disk before it has its name. Missing folders are made.

    Raises OSError where that fails: then the older file is there as before, and nothing is beside it.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    pieces = [content.encode()] if isinstance(content, str) else [content] if isinstance(content, bytes) else content
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            os.fchmod(file.fileno(), mode)  # whatever the user's umask takes away from new files
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


def read_pieces(path: Path) -> Iterator[bytes]:
    """A file's content in pieces of at most a MiB."""
    with path.open("rb") as source:
        while piece := source.read(_PIECE):
            yield piece
