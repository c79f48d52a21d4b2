"""One at a time on this machine: a lock that ends with its holder, however that ends."""

from __future__ import annotations

import contextlib
import fcntl
import time
from collections.abc import Iterator
from pathlib import Path

from airgap.setup.progress import Progress


@contextlib.contextmanager
def exclusive(file: Path, progress: Progress) -> Iterator[None]:
    """Hold the lock of that file, waiting for another holder and saying so."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as handle:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                progress.status("waiting for another import to end")
                time.sleep(0.2)
        yield
