"""Programs under a name of the test's choosing, for what tells processes by their names."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def running(name: str, folder: Path) -> Iterator[int]:
    """A program of this name, copied into `folder`, that runs until the block is left; yields its process."""
    program = folder / name
    shutil.copyfile(shutil.which("sleep") or "", program)
    program.chmod(0o755)
    with subprocess.Popen([program, "3600"]) as process:
        try:
            yield process.pid
        finally:
            process.kill()
