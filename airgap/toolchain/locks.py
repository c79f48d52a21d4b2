"""Locks that killed runs left in a state folder: taken away where it is sure that nobody holds them any more.

Pulumi's lock on a stack in a folder is a file that names its holder, and has no end of its own. Standard library only and quick,
because every `pulumi` command on this project passes through here.
"""

from __future__ import annotations

import json
import os
import pwd
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

_PROGRAM = "pulumi"  # whatever its version or wrapper: the kernel keeps the first 15 characters of a program's name
_FILE = "file://"


@dataclass(frozen=True)
class Holder:
    """Who made a lock: a process of `user` on `host`, and when."""

    user: str
    host: str
    pid: int
    since: datetime

    def __str__(self) -> str:
        return f"process {self.pid} of {self.user} since {self.since.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def state_folder(backend: str) -> Path | None:
    """Return the folder that a backend's URL names, or None for any other kind of backend."""
    path = backend.removeprefix(_FILE)
    if not backend.startswith(_FILE) or not path.startswith("/"):
        return None
    # A folder's name may hold what means something in a URL, written as it is or escaped.
    plain = Path(path)
    return plain if plain.is_dir() else Path(unquote(path.partition("?")[0]))


def clear_dead_locks(backend: str, stack: str | None = None) -> list[str]:
    """Remove the locks (of one stack, or of all) whose holder is gone for certain; return a line to show for each.

    A lock of another host, of another user (unless this is root), of a process that may still run, or of a backend that is no folder
    stays, and Pulumi tells of it.
    """
    lines = []
    for file, holder in found(backend, stack):
        if holder is not None and _may_clear(holder) and is_gone(holder):
            # Only this very file: what another run has locked meanwhile is not touched.
            file.unlink(missing_ok=True)
            lines.append(f"took away the lock on stack {file.parent.name} that a killed run left ({holder}; that process is gone)")
    return lines


def found(backend: str, stack: str | None = None) -> Iterator[tuple[Path, Holder | None]]:
    """The locks (of one stack, or of all) in a state folder: the file, whose folder has the stack's name, and its holder.

    The holder is None if the file can't be read.
    """
    folder = state_folder(backend)
    for file in sorted(folder.glob(f".pulumi/locks/**/{stack or '*'}/*.json")) if folder else ():
        yield file, _read(file)


def is_gone(holder: Holder) -> bool:
    """Tell whether it is sure that a process of this host has ended: there is none of its number, or another one has it now.

    Numbers are given again, after a restart of the machine above all. Another one is told by its name, since only Pulumi makes these
    locks. No clock has a say: one that was set since the lock was made would show a process that runs as one that began later.
    """
    if holder.host != socket.gethostname():
        return False
    try:
        os.kill(holder.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    # Whoever asks holds none of the locks that it finds: a process becomes the CLI after this look, with the number that it has.
    return holder.pid == os.getpid() or _is_something_else(holder.pid)


def _may_clear(holder: Holder) -> bool:
    return os.geteuid() == 0 or holder.user == pwd.getpwuid(os.geteuid()).pw_name


def _read(file: Path) -> Holder | None:
    try:
        content = json.loads(file.read_text())
        since = datetime.fromisoformat(content["timestamp"])
        return Holder(str(content["username"]), str(content["hostname"]), int(content["pid"]), since)
    except (OSError, ValueError, KeyError, TypeError):
        return None  # half written, or of another version: not for us to judge


def _is_something_else(pid: int) -> bool:
    """Tell whether a process has another program than Pulumi's, or has ended and only waits for its parent; False where unknown."""
    try:
        # The program's name stands in brackets and may hold anything; its state comes next.
        name, _, rest = Path(f"/proc/{pid}/stat").read_text().partition("(")[2].rpartition(")")
    except OSError:
        return False
    return not name.startswith(_PROGRAM) or rest.split()[:1] == ["Z"]
