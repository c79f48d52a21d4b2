"""Temporary folders that don't outlive a killed run for long: the next run that wants one removes what has no owner any more.

A run holds a lock on its folder. The operating system lets go of it when the run is gone, however it went, so no process is ever asked
for by its number, and a folder of a run that lives is never touched. Standard library only: the set-up uses it before anything is there.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

# What is locked is told by its name: other folders in the same place, older ones of this project too, have owners that can't be asked.
_PREFIX, _SUFFIX = "christmas-", ".run"


@contextlib.contextmanager
def folder(purpose: str, beside: Path | None = None) -> Iterator[Path]:
    """A folder that only this user can enter, gone when the block is left; in `beside`, else where the system has temporary files."""
    place = Path(tempfile.gettempdir()) if beside is None else beside
    remove_leftovers(place)
    made, descriptor = _make(purpose, place)
    try:
        yield made
    finally:
        _remove(made)
        os.close(descriptor)


def remove_leftovers(place: Path) -> list[Path]:
    """Remove this user's folders there whose runs are gone; returns them. What can't be removed stays for the next time."""
    removed = []
    for each in place.glob(f"{_PREFIX}*{_SUFFIX}"):
        try:
            descriptor = os.open(each, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            continue  # no folder, or gone meanwhile
        try:
            if os.fstat(descriptor).st_uid == os.geteuid():
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(each)
                removed += [] if each.exists() else [each]
        except OSError:
            continue  # its run lives
        finally:
            os.close(descriptor)
    return removed


def _make(purpose: str, place: Path) -> tuple[Path, int]:
    while True:
        made = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{purpose}-", suffix=_SUFFIX, dir=place))
        descriptor = -1
        try:
            descriptor = os.open(made, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever looked for leftovers between the two steps has taken it for one.
            if made.is_dir():
                return made, descriptor
        except (FileNotFoundError, BlockingIOError):
            pass
        if descriptor >= 0:
            os.close(descriptor)


def _remove(made: Path) -> None:
    """Remove a folder with all in it, also what was made read-only, as Go's caches are."""
    shutil.rmtree(made, ignore_errors=True)
    if made.exists():
        for parent, _, _ in os.walk(made):
            with contextlib.suppress(OSError):
                Path(parent).chmod(0o700)
        shutil.rmtree(made, ignore_errors=True)
