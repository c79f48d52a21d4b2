"""One set-up at a time: a lock that its holder's end releases, however it ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from airgap.setup.progress import Progress


@contextlib.contextmanager
def exclusively(lock: Path, progress: Progress, doing: str) -> Iterator[None]:
    """Hold `lock` while the body runs; while another process holds it, wait and say which one. `doing` completes "another process …"."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a+") as file:
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
