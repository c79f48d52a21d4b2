"""Temporary folders that do not long survive a killed run: the next run removes folders without an owner.

A run holds a lock on its folder. The operating system releases it when the run ends, however it ends. So no process is looked up
by its number, and the folder of a live run is never touched. Standard library only: the set-up uses it before anything else.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

# The name marks lockable folders: others in the same place, also older ones of this project, can't be tested for an owner.
_PREFIX, _SUFFIX = "christmas-", ".run"


@contextlib.contextmanager
def folder(purpose: str, beside: Path | None = None) -> Iterator[Path]:
    """A private folder, removed at the end of the block; in `beside`, else in the system's folder of temporary files."""
    place = Path(tempfile.gettempdir()) if beside is None else beside
    remove_leftovers(place)
    path, descriptor = _make(purpose, place)
    try:
        yield path
    finally:
        _remove(path)
        os.close(descriptor)


def remove_leftovers(place: Path) -> list[Path]:
    """Remove this user's folders there whose runs have ended; returns them. A folder that can't be removed stays for the next time."""
    removed = []
    for candidate in place.glob(f"{_PREFIX}*{_SUFFIX}"):
        try:
            descriptor = os.open(candidate, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            continue  # no folder, or already removed
        try:
            if os.fstat(descriptor).st_uid == os.geteuid():
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(candidate)
                removed += [] if candidate.exists() else [candidate]
        except OSError:
            continue  # its run is alive
        finally:
            os.close(descriptor)
    return removed


def _make(purpose: str, place: Path) -> tuple[Path, int]:
    while True:
        path = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{purpose}-", suffix=_SUFFIX, dir=place))
        descriptor = -1
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # A search for leftovers between the two steps took it for one.
            if path.is_dir():
                return path, descriptor
        except (FileNotFoundError, BlockingIOError):
            pass
        if descriptor >= 0:
            os.close(descriptor)


def _remove(path: Path) -> None:
    """Remove a folder with everything in it, also read-only files such as Go's caches."""
    shutil.rmtree(path, ignore_errors=True)
    if path.exists():
        for parent, _, _ in os.walk(path):
            with contextlib.suppress(OSError):
                Path(parent).chmod(0o700)
        shutil.rmtree(path, ignore_errors=True)
