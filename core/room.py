"""Free disk space, checked before a big write instead of running out halfway."""

from __future__ import annotations

import shutil
from pathlib import Path

from core.errors import PlatformError
from core.words import size_text


def require_room(folder: Path, needed: int, purpose: str) -> None:
    """Raise PlatformError unless the file system of `folder` (which may not exist yet) has `needed` bytes free for `purpose`."""
    existing = folder.absolute()
    while not existing.exists():
        existing = existing.parent
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise PlatformError(
            f"No room on disk for {purpose}: {size_text(needed)} are needed, {size_text(free)} are free.",
            where=f"the file system of {existing}",
            next_step=f"free {size_text(needed - free)} or more there, then run the command again",
        )
