"""A disk of a test's own, whose power can be cut: what was written and not flushed is gone afterwards, as on a real one.

An ext4 file system in a file. The cut is the file system's own `shutdown` without flushing its journal, which is what the kernel's
developers try their file systems with: nothing gets to the disk any more, and everything on it fails. Mounted again, its journal is
replayed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.waiting import wait_for

# linux/fs.h: _IOR('X', 125, __u32); of its flags, the one that doesn't flush the journal first.
_SHUTDOWN = 0x8004587D
_NO_FLUSH = struct.pack("I", 2)
_NAME = "christmas-disk-"


@dataclass(frozen=True)
class Disk:
    """A mounted disk; `path` is where."""

    image: Path
    path: Path

    def mount(self) -> None:
        """Plug it in."""
        subprocess.run(["mount", "-o", "loop", str(self.image), str(self.path)], check=True)

    def cut(self) -> None:
        """Cut its power."""
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, _SHUTDOWN, _NO_FLUSH)
        finally:
            os.close(descriptor)

    def unmount(self) -> None:
        """Pull it out. Nobody may use it any more; the engine lets go of its volumes some moments after their container ended."""
        subprocess.run(["umount", str(self.path)], check=True)
        wait_for(lambda: not self._in_use(), f"nobody has {self.image} mounted")

    def _in_use(self) -> bool:
        """Whether the file system is mounted anywhere: mounted again now, it would be the one that was cut off."""
        return bool(subprocess.run(["losetup", "-j", str(self.image)], check=True, capture_output=True).stdout)


@contextlib.contextmanager
def disk(folder: Path, mebibytes: int) -> Iterator[Disk]:
    """A new disk of that size, mounted below a folder. Needs root. Those of test runs that were killed go."""
    _remove_leftovers()
    made = Disk(folder / "disk.img", folder / f"{_NAME}{os.getpid()}")
    made.path.mkdir()
    with made.image.open("wb") as file:
        file.truncate(mebibytes << 20)
    subprocess.run(["mkfs.ext4", "-q", str(made.image)], check=True)
    made.mount()
    try:
        yield made
    finally:
        if os.path.ismount(made.path):
            made.unmount()
        made.image.unlink()


def _remove_leftovers() -> None:
    for line in Path("/proc/mounts").read_text().splitlines():
        place = Path(line.split()[1])
        owner = place.name.removeprefix(_NAME)
        if place.name.startswith(_NAME) and not Path(f"/proc/{owner}").exists():
            # Volumes that were on it may be mounted still.
            subprocess.run(["umount", "--lazy", str(place)], check=True)
