"""Locks that killed runs left in a state folder, and what they had half written: removed if their holder has certainly ended.

Pulumi's lock on a stack in a folder is a file that names its holder, and never expires. Standard library only and fast,
because every `pulumi` command of this project runs it.
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

_PROGRAM = "pulumi"  # for any version or wrapper: the kernel keeps the first 15 characters of a program's name
_FILE = "file://"


@dataclass(frozen=True)
class Holder:
    """The maker of a lock: a process of `user` on `host`, and the time."""

    user: str
    host: str
    pid: int
    since: datetime

    def __str__(self) -> str:
        return f"process {self.pid} of {self.user} since {self.since.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def state_folder(backend: str) -> Path | None:
    """Return the folder of a backend's URL, or None for any other kind of backend."""
    path = backend.removeprefix(_FILE)
    if not backend.startswith(_FILE) or not path.startswith("/"):
        return None
    # A folder's name may have characters with a meaning in a URL, plain or escaped.
    plain = Path(path)
    return plain if plain.is_dir() else Path(unquote(path.partition("?")[0]))


def clear_dead_locks(backend: str, stack: str | None = None) -> list[str]:
    """Remove the locks (of one stack, or of all) whose holder has certainly ended; return a line about each.

    A lock of another host, of another user (unless this is root), of a process that may still run, or of a remote backend
    stays, and Pulumi reports it.
    """
    lines = []
    for file, holder in locks_of(backend, stack):
        if holder is not None and _may_clear(holder) and is_gone(holder):
            # Only this file: don't touch locks that another run made meanwhile.
            file.unlink(missing_ok=True)
            _remove_half_written_attributes(backend, file.parent.name)
            lines.append(f"took away the lock on stack {file.parent.name} that a killed run left ({holder}; that process is gone)")
    return lines


def locks_of(backend: str, stack: str | None = None) -> Iterator[tuple[Path, Holder | None]]:
    """The locks (of one stack, or of all) in a state folder: the file, whose folder has the stack's name, and its holder.

    The holder is None if the file can't be read.
    """
    folder = state_folder(backend)
    for file in sorted(folder.glob(f".pulumi/locks/**/{stack or '*'}/*.json")) if folder else ():
        yield file, _read(file)


def is_gone(holder: Holder) -> bool:
    """Whether a process of this host has certainly ended: its number is unused, or another program has it.

    Numbers are reused, especially after a reboot. Another process is recognized by its name, since only Pulumi makes these
    locks. No clock is used: if it was set since, a running process would look younger than its lock.
    """
    if holder.host != socket.gethostname():
        return False
    try:
        os.kill(holder.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    # The asking process holds none of these locks: it becomes the CLI after this check, with the same number.
    return holder.pid == os.getpid() or _is_something_else(holder.pid)


def _remove_half_written_attributes(backend: str, stack: str) -> None:
    """A run that is killed while it writes the state can leave the attributes beside it empty, and no command could read the state again.

    The state itself is whole, since that is written aside and renamed; without attributes it is read as well.
    """
    folder = state_folder(backend)
    for file in folder.glob(f".pulumi/stacks/**/{stack}.json.attrs") if folder else ():
        try:
            json.loads(file.read_text())
        except ValueError:
            file.unlink(missing_ok=True)


def _may_clear(holder: Holder) -> bool:
    return os.geteuid() == 0 or holder.user == pwd.getpwuid(os.geteuid()).pw_name


def _read(file: Path) -> Holder | None:
    try:
        content = json.loads(file.read_text())
        since = datetime.fromisoformat(content["timestamp"])
        return Holder(str(content["username"]), str(content["hostname"]), int(content["pid"]), since)
    except (OSError, ValueError, KeyError, TypeError):
        return None  # half written, or of another version: leave it


def _is_something_else(pid: int) -> bool:
    """Whether a process runs another program than Pulumi, or is a zombie; False if unknown."""
    try:
        # The program's name is in parentheses and may contain anything; its state comes next.
        name, _, rest = Path(f"/proc/{pid}/stat").read_text().partition("(")[2].rpartition(")")
    except OSError:
        return False
    return not name.startswith(_PROGRAM) or rest.split()[:1] == ["Z"]
