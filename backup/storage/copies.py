"""Copies: every finished set is copied to the further places with its part of pgBackRest's repository, file by file from the manifest.

So one manifest proves both places, and an unreachable copy delays neither the backup nor PostgreSQL's archiving.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from backup.sets import folders, keys, retention
from backup.sets.model import FileRecord, Manifest
from backup.storage import mirror
from backup.storage.opening import open_place
from backup.storage.places import Place
from backup.storage.repository import INFO_FILES
from backup.storage.sources import SETS, Source, source_of
from christmas.blueprint.backup_and_drill_rules import BACKUP_RULES
from core import lock
from core.disk import write_whole
from core.errors import PlatformError
from core.progress import Progress
from core.streams import proven
from infra.backup_places import LocalPlace
from infra.components.pgbackrest_config import REPOSITORY_FOLDER
from infra.connections import Platform

_STATE = "copies.json"


@dataclass(frozen=True, slots=True)
class CopyState:
    """A copy after the last run: how many sets it has and lacks, when it was last complete, and its failure."""

    name: str
    where: str
    sets: int = 0
    behind: int = 0
    complete_at: str | None = None
    failure: str = ""


def state(folder: Path) -> dict[str, CopyState]:
    """The state of each copy after the last run; empty before the first."""
    try:
        return {name: CopyState(**entry) for name, entry in json.loads((folder / _STATE).read_bytes()).items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def catch_up(platform: Platform, folder: Path, progress: Progress, *, on_demand: bool = False) -> list[CopyState]:
    """Copy missing sets to every copy; the caller holds the lock. A failing copy is logged and left for the next run.

    `on_demand`: somebody wants copies now, so a copy that lost all its sets is filled again.
    """
    known = platform.backup.copies
    before = state(folder)
    states = []
    for name in known:
        progress.status(f"copying to {name}")
        copied = _one(platform, folder, name, before.get(name), progress, on_demand=on_demand)
        if copied.failure:
            progress.log(f"copy {name} is {copied.behind} sets behind: {copied.failure}")
        states.append(copied)
    if states or before:
        write_whole(folder / _STATE, json.dumps({copy_state.name: asdict(copy_state) for copy_state in states}, indent=2).encode() + b"\n")
    return states


def run(platform: Platform, progress: Progress, folder: Path | None = None) -> list[CopyState]:
    """Take the lock and bring every copy up to date.

    Raises PlatformError if another run holds the lock, the first place can't be read, or the stack has no copies.
    """
    folder = folder or folders.folder_of(platform.stack)
    if not platform.backup.copies:
        raise PlatformError(
            what=f"stack {platform.stack} has no further places", where="its settings (backup.copies)", next_step="docs/backup.md, 'Places'"
        )
    with lock.hold(folder, "copying sets"):
        mirror.refresh(platform, folder)
        return catch_up(platform, folder, progress, on_demand=True)


def lost_sets(platform: Platform, folder: Path, known: CopyState) -> list[str]:
    """Ids of sets that the copy had when it was last complete, that the first place still has, and that are gone from the copy now.

    Raises PlatformError if the copy can't be listed.
    """
    if not known.complete_at:
        return []
    paths = source_of(platform, folder, known.name).sets.sizes()
    present = {path.split("/")[0] for path in paths if path.endswith(f"/{folders.MANIFEST}")}
    complete_at = datetime.fromisoformat(known.complete_at)
    return [manifest.id for manifest in folders.list_sets(folder=folder) if manifest.finished < complete_at and manifest.id not in present]


def exit_code(platform: Platform, folder: Path | None = None) -> int:
    """1 if a configured copy is behind after the last run, else 0."""
    states = state(folder or folders.folder_of(platform.stack))
    return int(any(name not in states or states[name].behind or states[name].failure for name in platform.backup.copies))


def describe(states: Iterable[CopyState], *, as_json: bool) -> str:
    """The state of the copies, as lines or as JSON."""
    if as_json:
        return json.dumps([asdict(copy_state) for copy_state in states], indent=2)
    lines = []
    for copy_state in states:
        progress = f"{copy_state.behind} behind: {copy_state.failure}" if copy_state.failure else "complete"
        lines.append(f"{copy_state.name}  {copy_state.sets} sets, {progress}  {copy_state.where}")
    return "\n".join(lines)


def _one(platform: Platform, folder: Path, name: str, before: CopyState | None, progress: Progress, *, on_demand: bool) -> CopyState:
    target = source_of(platform, folder, name)
    had = before.sets if before and before.where == target.where else 0
    every = folders.list_sets(folder=folder)
    complete_at = before.complete_at if before else None
    present: set[str] = set()
    failure = ""
    try:
        for ours in (SETS, REPOSITORY_FOLDER):  # the folder around them may hold other people's files
            open_place(platform.backup.copies[name]).below(ours).remove_drafts()
        copied = folders.list_at(target.sets)
        by_id = {manifest.id: manifest for manifest in copied}
        present = set(by_id)
        if had and not present:
            _refuse_emptied(platform, name, had, on_demand=on_demand)
        _refuse_foreign(name, target.where, foreign_sets(every, copied))
        first = source_of(platform, folder)
        for manifest in every:
            if manifest.id not in present or _lacks_logical(platform, manifest, by_id[manifest.id]):
                progress.status(f"copying {manifest.id} to {name}")
                _copy(platform, first, name, manifest, progress)
                present.add(manifest.id)
        complete_at = datetime.now(UTC).isoformat(timespec="seconds")
    except PlatformError as error:
        failure = f"{error.what} ({error.where}); {error.next_step}"
    behind = sum(manifest.id not in present for manifest in every)
    return CopyState(name, target.where, len(present) or (had if failure else 0), behind, complete_at, failure)


def _lacks_logical(platform: Platform, ours: Manifest, theirs: Manifest) -> bool:
    """Whether a drill has added the logical backup since the set was copied. An edited manifest never replaces another."""
    return theirs.awaits_logical and not ours.awaits_logical and keys.is_signed(ours, keys.repository_passphrase(platform))


def _refuse_emptied(platform: Platform, name: str, had: int, *, on_demand: bool) -> None:
    """Raise PlatformError for a copy whose sets are all gone: its disk may not be mounted, and the copy would lie on this one."""
    settings = platform.backup.copies[name]
    gone = isinstance(settings, LocalPlace) and not Path(settings.path).is_dir()
    if gone or not on_demand:
        lost = f"{'make the folder, then ' if gone else ''}invoke backup.copy"
        raise PlatformError(
            what=f"copy {name} had {had} sets, and now {'its folder is not there' if gone else 'it has none'}: is it mounted?",
            where=settings.where,
            next_step=f"mount it; if its sets are lost: {lost} fills it again",
        )


def foreign_sets(ours: Sequence[Manifest], copied: Sequence[Manifest]) -> list[str]:
    """Ids of a copy's newer sets by another machine: of another database, or of a history that this one never had.

    Our own sets that only the copy still has don't count.
    """
    known, newest = {manifest.id for manifest in ours}, next((manifest.postgres for manifest in reversed(ours) if manifest.postgres), None)
    if newest is None:
        return []
    return [
        manifest.id
        for manifest in copied
        if manifest.id not in known
        and manifest.postgres
        and (manifest.postgres.system_id != newest.system_id or manifest.postgres.timeline > newest.timeline)
    ]


def _refuse_foreign(name: str, where: str, foreign: Sequence[str]) -> None:
    """Raise PlatformError for foreign sets: a repository has one index, and two machines would overwrite it in turn."""
    if foreign:
        raise PlatformError(
            what=f"copy {name} has sets of another database or machine, the newest {foreign[-1]}, so nothing is copied there",
            where=where,
            next_step="if the other one is in use, stop this one (invoke down); else move its sets away, or name another place",
        )


def _copy(platform: Platform, first: Source, name: str, manifest: Manifest, progress: Progress) -> None:
    """Copy one set: its stored files, its part of the repository, the repository's index, and the manifest last.

    Raises PlatformError if either side fails, or a file does not match the manifest: then the first place is damaged.
    """
    place = open_place(platform.backup.copies[name])
    done, total = 0, manifest.total_bytes
    copied = place.sizes(f"{SETS}/{manifest.id}")
    stored: dict[str, int] = {}
    if manifest.postgres:
        stored = place.sizes(REPOSITORY_FOLDER)
    for record in manifest.files:
        path = f"{SETS}/{manifest.id}/{record.stored}" if record.place == "set" else f"{REPOSITORY_FOLDER}/{record.path}"
        # Files that an earlier run copied completely are not sent again; verifying the copy reads them.
        if copied.get(path, stored.get(path)) != record.size:
            place.write(path, functools.partial(_checked, first, manifest, record), record.size)
        done += record.size
        progress.count(round(done / 1e6), round(total / 1e6), "MB")
    if manifest.postgres:
        for info in INFO_FILES:
            for path in (info, f"{info}.copy"):
                place.write(f"{REPOSITORY_FOLDER}/{path}", b"".join(first.repository.read(path)))
    place.write(f"{SETS}/{manifest.id}/{folders.MANIFEST}", folders.render(manifest))


def _checked(first: Source, manifest: Manifest, record: FileRecord) -> Iterator[bytes]:
    """A file of the first place, checked against the manifest: the last piece is held back until the hash matches."""
    pieces = first.sets.read(f"{manifest.id}/{record.stored}") if record.place == "set" else first.repository.read(record.path)
    changed = PlatformError(
        what=f"{record.path} has changed: its SHA-256 differs, so it is not copied",
        where=f"place {first.name}: {first.where}",
        next_step="invoke backup.verify names all damage; then invoke backup --full",
    )
    yield from proven(pieces, record.sha256, changed)


def prune(platform: Platform, ours: Sequence[Manifest], good: Iterable[str], progress: Progress, *, dry_run: bool) -> dict[str, list[str]]:
    """Remove from each copy the sets that the rules don't keep there, judged by its own list; returns their ids by copy.

    A copy keeps sets that the first place has lost as long as the rules say. An unreachable copy is logged and left for the next run.
    """
    removed: dict[str, list[str]] = {}
    for name, settings in platform.backup.copies.items():
        place = open_place(settings)
        try:
            every = folders.list_at(place.below(SETS))
            # A set that another machine is copying has no manifest yet, so its files would look unlisted.
            _refuse_foreign(name, settings.where, foreign_sets(ours, every))
            reasons = retention.keep(every, BACKUP_RULES, datetime.now(UTC), set(good))
            going = [manifest for manifest in every if manifest.id not in reasons]
            removed[name] = [manifest.id for manifest in going]
            for manifest in [] if dry_run else going:
                place.remove([f"{SETS}/{manifest.id}/{folders.MANIFEST}"])
                place.remove(place.sizes(f"{SETS}/{manifest.id}"))
            if going and not dry_run:
                _remove_unlisted(place, [manifest for manifest in every if manifest.id in reasons])
        except PlatformError as error:
            progress.log(f"copy {name} was not pruned: {error.what}")
    return removed


def _remove_unlisted(place: Place, staying: Iterable[Manifest]) -> None:
    """Remove the repository files that no set there lists any more. The index always stays."""
    needed = {f"{REPOSITORY_FOLDER}/{record.path}" for manifest in staying for record in manifest.files if record.place == "pgbackrest"}
    stored = place.sizes(REPOSITORY_FOLDER)
    place.remove(path for path in stored if path not in needed and not path.endswith((".info", ".info.copy", ".history")))
