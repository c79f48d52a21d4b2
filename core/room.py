"""Room on disk, asked for before something big is written rather than found out half-way."""

from __future__ import annotations

import shutil
from pathlib import Path

from core.errors import PlatformError


def require_room(folder: Path, needed: int, purpose: str) -> None:
    """Raise PlatformError unless the file system of `folder` (which need not exist yet) has `needed` bytes free for `purpose`."""
    existing = folder.absolute()
    while not existing.exists():
        existing = existing.parent
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise PlatformError(
            f"No room on disk for {purpose}: {gigabytes(needed)} are needed, {gigabytes(free)} are free.",
            where=f"the file system of {existing}",
            next_step=f"free {gigabytes(needed - free)} or more there, then run the command again",
        )


def gigabytes(size: int) -> str:
    """Return a number of bytes as `1.5 GB`."""
    return f"{size / 1e9:.1f} GB"
