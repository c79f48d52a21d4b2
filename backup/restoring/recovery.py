"""A stack that came up from a kit and whose data is still to be restored: a note beside the sets, until it is."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from backup.postgres import pgbackrest
from backup.restoring import emptiness
from backup.sets import folders
from backup.storage.sources import source_of
from core.containers import execute
from core.disk import sync_folder, write_whole
from core.errors import PlatformError
from infra.connections import Platform
from infra.provider.superuser import database

_FILE = "recovery.json"
_EMPTIED = "emptied-on-purpose"
COMMAND = "invoke backup.restore --live"


@dataclass(frozen=True, slots=True)
class Recovery:
    """Which kit brought the stack (the file's hash), since when, and whether data is still to be restored."""

    kit: str
    since: str
    restore: bool


def read(folder: Path) -> Recovery | None:
    """The note, where there is one."""
    try:
        return Recovery(**json.loads((folder / _FILE).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def begin(folder: Path, recovery: Recovery) -> None:
    """Note it."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_whole(folder / _FILE, json.dumps(asdict(recovery)).encode())


def end(folder: Path) -> None:
    """All is as it was, or nothing had to be restored."""
    if (folder / _FILE).exists():
        (folder / _FILE).unlink()
        sync_folder(folder)


def note_emptied(folder: Path) -> None:
    """Note that the data was deleted on purpose: then new stores beside old sets are no loss."""
    if folder.is_dir():
        write_whole(folder / _EMPTIED, b"")


def forget_emptied(folder: Path) -> None:
    """The stores have data again, and sets of it."""
    (folder / _EMPTIED).unlink(missing_ok=True)


def refuse_emptied(platform: Platform, folder: Path, doing: str) -> None:
    """Raise PlatformError where PostgreSQL is empty though sets have rows of it: its data was lost, and has to come back first.

    Not where it was deleted on purpose. Else an empty set would be the newest, here and in every copy.
    """
    if (folder / _EMPTIED).exists() or not emptiness.empty(platform, ("postgres",)):
        return
    known = folders.list_sets(folder=folder)
    for name in platform.backup.copies if not known else ():
        with contextlib.suppress(PlatformError):  # a copy that can't be read is told by its own check
            known += folders.list_at(source_of(platform, folder, name).sets)
    if any(each.postgres and each.postgres.reference_point.tables for each in known):
        raise PlatformError(
            what=f"PostgreSQL is empty, though there are {len(known)} sets of what it held; {doing} would take its place",
            where=f"stack {platform.stack}, {folder}",
            next_step=f"{COMMAND} --stack {platform.stack}; to begin with an empty one, move that folder away and name another copy",
        )


def refuse_unrestored(platform: Platform, folder: Path, doing: str) -> None:
    """Raise PlatformError while a lost stack's data is still to be restored, whether a kit brought the stack or only its data was lost."""
    refuse_awaited(folder, platform.stack, doing)
    refuse_emptied(platform, folder, doing)
    container = platform.containers["timescaledb"]
    try:
        theirs = pgbackrest.info(container).system_id
    except PlatformError:
        return  # no repository that could be read: nothing that waits for a restore
    question = ("psql", "-XAtq", "-U", "postgres", "-d", database("postgres"), "-c", "select system_identifier from pg_control_system()")
    ours = execute(container, question, user=pgbackrest.USER, check=False).text()
    if ours and ours != theirs:
        raise PlatformError(
            what=f"the repository holds the backups of another database than the one that runs; {doing} would take its place",
            where=f"container {container}",
            next_step=f"{COMMAND} --stack {platform.stack}; where the running database is the one to keep, set the repository aside",
        )


def refuse_awaited(folder: Path, stack: str, doing: str) -> None:
    """Raise PlatformError while data is still to be restored."""
    found = read(folder)
    if found and found.restore:
        raise PlatformError(
            what=f"stack {stack} came up from a kit at {found.since}, and its data is not restored yet: {doing} would take its place",
            where=str(folder / _FILE),
            next_step=f"{COMMAND} --stack {stack}; to begin with empty stores instead, remove the file named above",
        )
