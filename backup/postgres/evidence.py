"""What a set knows about each relation that keeps rows: how many, their hash, where it was counted, and why it wasn't counted again.

Kept in a file of the set, so that the signed manifest covers it. docs/adr/0421.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from backup.postgres.timelines import lsn_number
from backup.sets import keys
from backup.sets.files import SetFiles, SetFolder, write_hashed
from backup.sets.model import FileRecord, Manifest, TableRecord
from backup.sets.packing import EVIDENCE_PATH
from backup.storage.sources import files_of, source_of
from core.errors import PlatformError
from infra.connections import Platform

# Sets whose evidence is tried: an older one only costs more.
_TRIED = 3
_POINTS = 32


class _Fact(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Point(_Fact):
    """A position in the log: whatever transaction has this number or a later one has written nothing before it."""

    lsn: str
    transaction: int


class Mark(_Fact):
    """A transaction committed after the snapshot, and when (microseconds): who knows it has everything that was committed before."""

    transaction: int
    committed: int


class Log(_Fact):
    """Which log positions belong to."""

    system_id: str
    timeline: int
    database: int
    version: str


class Part(_Fact):
    """A relation's own rows at the set's snapshot. `table` is the key of the table that it belongs to, `node` its file.

    `columns` is what its hash depends on besides its rows. `set_id` and `at` say where it was counted, `why` what happened in this set.
    """

    oid: int
    node: int
    table: str
    name: str
    columns: str
    rows: int
    checksum: str
    as_text: tuple[str, ...] = ()
    set_id: str
    at: datetime
    why: str


class Evidence(_Fact):
    """The parts, and from where on in the log a change of them would be found: `base`.

    `points` has earlier ones too, for a set that is made while an old transaction runs.
    """

    format: int = 1
    log: Log
    base: str
    mark: Mark
    points: tuple[Point, ...]
    parts: tuple[Part, ...]

    def records(self) -> dict[str, TableRecord]:
        """What the parts say about their tables, by key."""
        every: dict[str, list[Part]] = {}
        for part in self.parts:
            every.setdefault(part.table, []).append(part)
        return {key: together(parts) for key, parts in every.items()}


def together(parts: Iterable[Part]) -> TableRecord:
    """The record of a table from its parts: hashes are sums, so that of all rows is the sum of theirs."""
    parts = list(parts)
    texts = {part.as_text for part in parts if part.rows}
    as_text = texts.pop() if len(texts) == 1 else ()
    return TableRecord(rows=sum(part.rows for part in parts), checksum=str(sum(int(part.checksum) for part in parts)), as_text=as_text)


def base_of(points: Sequence[Point], oldest_running: int) -> str | None:
    """The newest position before which no transaction wrote that a snapshot doesn't see; `oldest_running` is that snapshot's xmin.

    What such a transaction wrote is therefore found in the log from there on, however late it is committed.
    """
    usable = [point.lsn for point in points if point.transaction <= oldest_running]
    return max(usable, key=lsn_number) if usable else None


def newest_points(points: Iterable[Point]) -> tuple[Point, ...]:
    """As many as are kept, in the log's order."""
    return tuple(sorted(points, key=lambda point: lsn_number(point.lsn))[-_POINTS:])


def write(folder: SetFolder, evidence: Evidence) -> FileRecord:
    """Write it as a file of a set that is being made."""
    return write_hashed(folder, EVIDENCE_PATH, [evidence.model_dump_json().encode()])


def newest(platform: Platform, folder: Path, sets: Sequence[Manifest]) -> Evidence | None:
    """The newest set's evidence that can be read and trusted; None if there is none. `sets` are sorted, oldest first.

    Nothing is taken over from a set whose signature or file doesn't hold.
    """
    having = [
        backup_set
        for backup_set in reversed(sets)
        if backup_set.postgres and any(file.path == EVIDENCE_PATH for file in backup_set.postgres.files)
    ]
    for manifest in having[:_TRIED]:
        try:
            if keys.is_signed(manifest, keys.repository_passphrase(platform)):
                return read(files_of(platform, source_of(platform, folder), manifest), manifest)
        except (PlatformError, OSError):
            # It costs a count of everything; backup.verify tells what is wrong with that set.
            continue
    return None


def read(files: SetFiles, manifest: Manifest) -> Evidence:
    """A set's evidence.

    Raises PlatformError if it is missing, unreadable, or not what the manifest lists.
    """
    listed = next((file for file in manifest.files if file.path == EVIDENCE_PATH), None)
    content = files.content(EVIDENCE_PATH)
    if listed is None or hashlib.sha256(content).hexdigest() != listed.plain_sha256:
        raise PlatformError(what=f"{EVIDENCE_PATH} is not the manifest's", where=manifest.id, next_step="invoke backup.verify says more")
    try:
        return Evidence.model_validate_json(content)
    except ValidationError as error:
        what = f"{EVIDENCE_PATH} can't be read ({error.error_count()} faults)"
        raise PlatformError(what=what, where=manifest.id, next_step="make a new set: invoke backup") from error


def faults(files: SetFiles, manifest: Manifest) -> list[str]:
    """Where a set's evidence and its manifest say different things about a table."""
    part = manifest.postgres
    if part is None or not any(file.path == EVIDENCE_PATH for file in part.files):
        return []
    try:
        records = read(files, manifest).records()
    except PlatformError as error:
        return [error.what]
    tables = part.reference_point.tables
    return [f"{EVIDENCE_PATH}: the parts of {key} don't add up to it" for key, record in records.items() if tables.get(key) != record]
