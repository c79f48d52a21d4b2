"""A stack that came up from a kit and still waits for its data: a note beside the sets, until the data is restored."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from backup.postgres import pgbackrest
from backup.restoring import emptiness
from backup.sets import folders
from backup.storage.sources import source_of
from core.container_commands import execute
from core.disk import sync_folder, write_whole
from core.errors import PlatformError
from infra import stack_state, stacks
from infra.connections import Platform
from infra.provider.superuser import database

_FILE = "recovery.json"
_EMPTIED = "emptied-on-purpose"
COMMAND = "invoke backup.restore --live"


@dataclass(frozen=True, slots=True)
class Recovery:
    """The kit's hash, the time the stack came up, and whether its data is still to be restored."""

    kit: str
    since: str
    restore: bool


def read(folder: Path) -> Recovery | None:
    """The note, if there is one."""
    try:
        return Recovery(**json.loads((folder / _FILE).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def begin(folder: Path, recovery: Recovery) -> None:
    """Note it."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_whole(folder / _FILE, json.dumps(asdict(recovery)).encode())


def end(folder: Path) -> None:
    """Note that everything is restored, or that nothing had to be."""
    if (folder / _FILE).exists():
        (folder / _FILE).unlink()
        sync_folder(folder)


def note_emptied(folder: Path) -> None:
    """Note that the data was deleted on purpose: new stores beside old sets are then no loss, and wait for nothing."""
    if folder.is_dir():
        end(folder)
        write_whole(folder / _EMPTIED, b"")


def forget_emptied(folder: Path) -> None:
    """Remove the note of `note_emptied`: the stores have data and sets again."""
    (folder / _EMPTIED).unlink(missing_ok=True)


def refuse_emptied(platform: Platform, folder: Path, doing: str) -> None:
    """Raise PlatformError if PostgreSQL is empty although sets have rows of it: its lost data must be restored first.

    Not if it was deleted on purpose. Otherwise an empty set would become the newest one, here and in every copy.
    """
    if (folder / _EMPTIED).exists() or not emptiness.empty(platform, ("postgres",)):
        return
    known = folders.list_sets(folder=folder)
    for name in platform.backup.copies if not known else ():
        with contextlib.suppress(PlatformError):  # its own check reports an unreadable copy
            known += folders.list_at(source_of(platform, folder, name).sets)
    if any(manifest.postgres and manifest.postgres.reference_point.tables for manifest in known):
        raise PlatformError(
            what=f"PostgreSQL is empty, but {len(known)} sets have its data; {doing} would replace it",
            where=f"stack {platform.stack}, {folder}",
            next_step=f"{COMMAND} --stack {platform.stack}; to start empty, move that folder away and name another copy",
        )


def refuse_unrestored(platform: Platform, folder: Path, doing: str) -> None:
    """Raise PlatformError while a lost stack's data is still to be restored, whether a kit brought the stack up or not."""
    refuse_awaited(folder, platform.stack, doing)
    refuse_emptied(platform, folder, doing)
    container = platform.containers["timescaledb"]
    try:
        theirs = pgbackrest.info(container).system_id
    except PlatformError:
        return  # no readable repository, so nothing to restore
    question = ("psql", "-XAtq", "-U", "postgres", "-d", database("postgres"), "-c", "select system_identifier from pg_control_system()")
    ours = execute(container, question, user=pgbackrest.USER, check=False).text()
    if ours and ours != theirs:
        raise PlatformError(
            what=f"the repository has backups of another database than the running one; {doing} would replace them",
            where=f"container {container}",
            next_step=f"{COMMAND} --stack {platform.stack}; to keep the running database, move the repository away",
        )


def refuse_without_keys(folder: Path, stack: str) -> None:
    """Raise PlatformError if `up --kit` was cut off before the kit's keys were here: a plain `up` would make others, which open no set."""
    begun = read(folder)
    if begun and not (stack in stacks.stacks() and stack_state.holds(stack)):
        raise PlatformError(
            what=f"bringing stack {stack} up from a kit was begun at {begun.since} and cut off before its keys were here",
            where=str(folder / _FILE),
            next_step=f"invoke up --kit FILE --stack {stack} goes on; to start empty, with new keys, remove the file above",
        )


def refuse_awaited(folder: Path, stack: str, doing: str) -> None:
    """Raise PlatformError while the data of a stack from a kit is still to be restored."""
    awaited = read(folder)
    if awaited and awaited.restore:
        raise PlatformError(
            what=f"stack {stack} came up from a kit at {awaited.since}, and its data is not restored yet: {doing} would replace it",
            where=str(folder / _FILE),
            next_step=f"{COMMAND} --stack {stack}; to start with empty stores instead, remove the file above",
        )
