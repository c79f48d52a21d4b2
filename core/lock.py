"""One run at a time: a lock that the operating system releases when its holder ends, however it ends."""

from __future__ import annotations

import contextlib
import fcntl
import getpass
import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.errors import PlatformError

FILE = "lock"
"""The name of the locked file in a folder."""

_MOMENT = 0.05
_WAIT_SECONDS = 2 * 3600.0  # for the schedule's longest run: a full set of a lot of data
_PAUSE_SECONDS = 0.2


class HeldError(PlatformError):
    """Another run is at work."""


class _Process:
    """The kind of this process: runs of the schedule don't wait, other runs wait for them."""

    is_schedule = False


def be_the_schedule() -> None:
    """Mark this process as the schedule's: runs that a person starts then wait for it."""
    _Process.is_schedule = True


@contextlib.contextmanager
def hold(folder: Path, doing: str) -> Iterator[None]:
    """Hold the lock of a folder of sets; waits if a run of the schedule holds it.

    Raises HeldError with the holder, its start and its purpose.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / FILE
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            _wait_for_schedule(descriptor)
            _take(descriptor)
        except BlockingIOError:
            raise HeldError(
                what=f"another run is at work here: {_holder(descriptor)}",
                where=str(path),
                next_step="wait until it is done; a killed run holds no lock",
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(_describe(doing)).encode(), 0)
        yield
    finally:
        # Closing releases the lock. The file stays: after a removal two runs could lock two files of the same name.
        os.close(descriptor)


def _wait_for_schedule(descriptor: int) -> None:
    """Wait while the schedule holds the lock, and say so once: a run that nobody asked for must not make another one fail."""
    deadline, announced = time.monotonic() + _WAIT_SECONDS, False
    while not _Process.is_schedule and _read(descriptor).get("schedule") and time.monotonic() < deadline and _is_taken(descriptor):
        if not announced:
            print(f"waiting for the schedule to finish {_holder(descriptor)}", file=sys.stderr, flush=True)
            announced = True
        time.sleep(_PAUSE_SECONDS)


def _is_taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return False


def _take(descriptor: int) -> None:
    """Take the lock, which a run shares with nobody; whoever only looks shares it for a moment, which is long on a busy machine."""
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if _is_taken(descriptor):
                raise
            time.sleep(_MOMENT)
        else:
            return


def is_held(folder: Path) -> bool:
    """Whether a run holds the lock of a folder now."""
    try:
        descriptor = os.open(folder / FILE, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        return _is_taken(descriptor)  # shared: two processes that ask at once don't see each other
    finally:
        os.close(descriptor)


def process_of(folder: Path) -> int | None:
    """The process that holds the lock of a folder, or None."""
    try:
        return int(json.loads((folder / FILE).read_text())["process"]) if is_held(folder) else None
    except (OSError, ValueError, KeyError):
        return None


def _describe(doing: str) -> dict[str, str | int]:
    return {
        "doing": doing,
        "schedule": _Process.is_schedule,
        "process": os.getpid(),
        "user": made_by(),
        "command": Path(sys.argv[0]).name,
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _read(descriptor: int) -> dict[str, Any]:
    try:
        holder = json.loads(os.pread(descriptor, 4096, 0))
    except ValueError:
        return {}
    return holder if isinstance(holder, dict) else {}


def _holder(descriptor: int) -> str:
    try:
        holder = _read(descriptor)
        return f"{holder['doing']} by {holder['user']} (process {holder['process']}, {holder['command']}) since {holder['since']}"
    except KeyError:
        return "a run that has just begun"


def made_by() -> str:
    """The user and the machine of this run."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
