"""Programs under a name of the test's choosing, for what tells processes by their names."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.support.waiting import wait_for


@contextlib.contextmanager
def running(name: str, folder: Path) -> Iterator[int]:
    """A program of this name, copied into `folder`, that runs until the block is left; yields its process."""
    program = folder / name
    shutil.copyfile(shutil.which("sleep") or "", program)
    program.chmod(0o755)
    with subprocess.Popen([program, "3600"]) as process:
        try:
            # The kernel gives a process its new name, 15 characters of it, only after Popen has learned that it started.
            wait_for(lambda: Path(f"/proc/{process.pid}/comm").read_text().strip() == name[:15], f"{name} has its name")
            yield process.pid
        finally:
            process.kill()
