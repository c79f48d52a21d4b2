"""One at a time, on this machine: a lock that is released when its holder ends, however it ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from airgap.toolchain.locate import cache_folder
from core.errors import PlatformError
from core.progress import Progress


@contextlib.contextmanager
def exclusively(lock: Path, progress: Progress, doing: str) -> Iterator[None]:
    """Hold `lock` while the body runs; wait for another holder and report it. `doing` completes "another process …".

    Raises PlatformError if the lock's folder can't be written.
    """
    with _opened(lock) as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                file.seek(0)
                progress.status(f"waiting: another process ({file.read().strip() or 'starting'}) {doing}")
                time.sleep(0.3)
        file.truncate(0)
        file.write(f"{os.getpid()}")
        file.flush()
        yield
        file.truncate(0)


def _opened(lock: Path) -> TextIO:
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        return lock.open("a+")
    except OSError as error:
        of_cache = lock.is_relative_to(cache_folder())
        raise PlatformError(
            f"{'The cache' if of_cache else 'The clone'} can't be written: {error.strerror}.",
            where=str(error.filename or lock),
            next_step="use a writable folder outside a read-only home: XDG_CACHE_HOME=/path/to/folder make up"
            if of_cache
            else "keep the clone in a folder that you may write, and run the command there",
        ) from None
