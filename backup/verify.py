"""Verifies a set without restoring it: signature, every hash, the stores' own checkers, and all sets that it builds on."""

from __future__ import annotations

import dataclasses
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from backup import audit_lines
from backup.postgres import evidence, pgbackrest, wal
from backup.redis.files import check_files
from backup.sets import folders, keys, marks, retention
from backup.sets.files import SetFiles
from backup.sets.model import FileRecord, Manifest
from backup.sets.packing import EVIDENCE_PATH
from backup.storage import mirror
from backup.storage.places import FolderPlace, Place
from backup.storage.repository import RepositoryFiles, segments
from backup.storage.sources import Source, files_of, source_of
from backup.weaviate import content
from core import lock
from core.container_commands import execute, running
from core.errors import PlatformError
from core.progress import Progress, SilentProgress
from core.step import Step, follow
from core.streams import size_and_hash
from infra.backup_places import FIRST
from infra.components.pgbackrest_config import STANZA
from infra.connections import Platform

# The only files of a set's folder that its manifest doesn't list.
_OWN_FILES = frozenset({folders.MANIFEST})
_LABEL = re.compile(rf"backup/{STANZA}/(\d{{8}}-\d{{6}}F(?:_\d{{8}}-\d{{6}}[DI])?)/")


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result for one set: good if it has no faults. `unproven` lists what the set keeps without proof or does not keep."""

    set_id: str
    faults: tuple[str, ...]
    files: int
    bytes: int
    seconds: float
    place: str = FIRST
    unproven: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        """Whether the set has no faults."""
        return not self.faults


def verify(
    platform: Platform,
    set_id: str | None = None,
    *,
    every: bool = False,
    progress: Progress | None = None,
    folder: Path | None = None,
    place: str = "",
) -> list[Verdict]:
    """Verify one set (the newest by default) with all that it builds on, or every set, and mark the good ones.

    Without a set named, every unreadable manifest is reported too: it may be the newest set's.
    Each fault names its file, segment or parent. A set with an unreadable manifest gets a verdict as well.
    `place` is the first place, a copy's name, or `all`; only sets of the first place are marked.
    Raises PlatformError if the set doesn't exist, the place can't be read, or the repository's container doesn't run.
    """
    folder = folder or folders.folder_of(platform.stack)
    progress = progress or SilentProgress()
    names = (FIRST, *platform.backup.copies) if place == "all" else (place or FIRST,)
    with lock.hold(folder, "a verification"):
        mirror.refresh(platform, folder, anew=True)
        runs = [_Run(platform, folder, source_of(platform, folder, name), set_id, every) for name in names]
        follow((step for run in runs for step in run.steps()), progress)
    return [verdict for run in runs for verdict in run.verdicts]


@dataclass(slots=True)
class _Run:
    """The verification of one place: what was asked for, then what its steps read and found."""

    platform: Platform
    folder: Path
    source: Source
    set_id: str | None
    whole: bool
    readable: list[Manifest] = field(default_factory=list)
    unreadable: list[Verdict] = field(default_factory=list)
    chosen: list[Manifest] = field(default_factory=list)
    repository: _Repository = field(init=False)
    verdicts: list[Verdict] = field(default_factory=list)

    def steps(self) -> list[Step]:
        """The verification from its beginning to its end. Nothing is restored, nothing is changed."""
        return [
            Step("read every manifest", "one that can't be read is a fault of its own", self._read),
            Step("choose the sets", "those asked for, with all that they build on", self._choose),
            Step("read PostgreSQL's repository", "hashes of its files, and what pgBackRest says", self._look, self._nothing),
            Step("judge each set", "signature, hashes, parents, and each store's own checker", self._judge, self._nothing),
            Step("blame damaged parents", "a set can't be restored without them", self._blame),
            Step("mark the good sets", "listings and checks show it", self._mark, lambda: self.source.name != FIRST),
            Step("add the unreadable sets", "they are part of the answer", self._add_unreadable),
        ]

    def _nothing(self) -> bool:
        return not self.chosen

    def _read(self, _: Progress) -> None:
        here = FolderPlace(self.folder)
        self.readable, self.unreadable = _read_all(here if self.source.name == FIRST else self.source.sets, self.source.name)
        if self.source.name != FIRST and self.set_id is None:
            self.unreadable += _absent(_read_all(here, FIRST)[0], self.source.name, [*self.readable, *self.unreadable], self.whole)

    def _choose(self, _: Progress) -> None:
        if self.whole:
            self.chosen = self.readable
            return
        matching = [verdict for verdict in self.unreadable if self.set_id and verdict.set_id.startswith(self.set_id)]
        if matching or (self.set_id is None and self.unreadable and not self.readable):
            self.unreadable = matching or self.unreadable
            return
        self.chosen = ancestry(folders.choose(self.readable, self.set_id, self.folder), self.readable)
        # An unreadable manifest may be the newest set's, or belong to a set that this one builds on.
        parents = _named(self.chosen)
        self.unreadable = [verdict for verdict in self.unreadable if self.set_id is None or verdict.set_id in parents]

    def _look(self, _: Progress) -> None:
        container = self.platform.containers["timescaledb"] if self.source.name == FIRST else None
        self.repository = _Repository.look(self.source.repository, container, [manifest for manifest in self.chosen if manifest.postgres])

    def _judge(self, progress: Progress) -> None:
        passphrase = keys.repository_passphrase(self.platform)
        for manifest in self.chosen:
            progress.status(manifest.id)
            self.verdicts.append(_verify_one(self.platform, self.source, manifest, self.readable, passphrase, self.repository, progress))

    def _blame(self, _: Progress) -> None:
        self.verdicts = blame_parents(self.verdicts, self.readable)

    def _mark(self, _: Progress) -> None:
        for verdict in self.verdicts:
            if verdict.good:
                marks.mark(self.folder, verdict.set_id, verified=datetime.now(UTC))

    def _add_unreadable(self, _: Progress) -> None:
        self.verdicts += self.unreadable


def _absent(first: Sequence[Manifest], copy: str, copy_sets: Sequence[Manifest | Verdict], every: bool) -> list[Verdict]:
    """A verdict on each set of the first place that a copy lacks; only on the newest one unless `every`."""
    present = {backup_set.id if isinstance(backup_set, Manifest) else backup_set.set_id for backup_set in copy_sets}
    lacking = [manifest.id for manifest in (first if every else first[-1:]) if manifest.id not in present]
    return [Verdict(set_id, ("it is not there: invoke backup.copy brings it, or says why not",), 0, 0, 0.0, copy) for set_id in lacking]


def ancestry(manifest: Manifest, every: Sequence[Manifest]) -> list[Manifest]:
    """A set and every existing set that it builds on, oldest first: parents, referenced backups, and theirs."""
    needed = {needed.id for needed in retention.needed_by(manifest, every)}
    return [*(other for other in every if other.id in needed), manifest]


def _named(manifests: Sequence[Manifest]) -> set[str]:
    """The ids of the sets that these build on, readable or not."""
    parents = {manifest.parent for manifest in manifests if manifest.parent}
    return parents | {manifest.weaviate.base_id for manifest in manifests if manifest.weaviate and manifest.weaviate.base_id}


def blame_parents(verdicts: Sequence[Verdict], every: Sequence[Manifest]) -> list[Verdict]:
    """Add the damaged parents to each verdict: without them the set can't be restored either."""
    bad = {verdict.set_id for verdict in verdicts if not verdict.good}
    by_id = {manifest.id: manifest for manifest in every}
    completed = []
    for verdict in verdicts:
        parents = [other.id for other in ancestry(by_id[verdict.set_id], every)[:-1] if other.id in bad]
        completed.append(dataclasses.replace(verdict, faults=(*verdict.faults, *(f"its parent {parent} is damaged" for parent in parents))))
    return completed


def _read_all(place: Place, name_of_place: str) -> tuple[list[Manifest], list[Verdict]]:
    """The readable sets of a place, oldest first, and a verdict on each unreadable one."""
    good, bad = [], []
    for path in sorted(place.sizes()):
        name, _, file = path.partition("/")
        if file != folders.MANIFEST:
            continue
        try:
            good.append(folders.parse(b"".join(place.read(path)), name, f"{place.where}/{path}"))
        except PlatformError as error:
            bad.append(Verdict(name, (error.what,), 0, 0, 0.0, name_of_place))
    return folders.in_order(good), bad


@dataclass(frozen=True, slots=True)
class _Repository:
    """The repository's present content: files by path, segments by name, labels, and the complaints of `pgbackrest verify`."""

    files: dict[str, FileRecord]
    segments: dict[str, str]
    labels: frozenset[str]
    complaints: tuple[str, ...]

    @classmethod
    def look(cls, stored: RepositoryFiles, container: str | None, manifests: Sequence[Manifest]) -> _Repository:
        """Read everything that the manifests list. pgBackRest itself can only be asked about the stack's own repository."""
        if not manifests:
            return cls({}, {}, frozenset(), ())
        stored_sizes = stored.sizes(["archive", "backup"])
        listed = sorted(
            {
                record.path
                for manifest in manifests
                for record in manifest.files
                if record.place == "pgbackrest" and record.path in stored_sizes
            }
        )
        files = {record.path: record for record in stored.hash_files(listed)} if listed else {}
        if container is None:
            labels = frozenset(match[1] for path in stored_sizes if (match := _LABEL.match(path)))
            return cls(files, segments(stored), labels, ())
        running(container)
        state = pgbackrest.info(container)
        return cls(files, segments(stored), frozenset(backup.label for backup in state.backups), _own_verification(container))


def _own_verification(container: str) -> tuple[str, ...]:
    """The complaints of `pgbackrest verify`, which reads every file of every backup and of the WAL."""
    done = execute(container, pgbackrest.command("verify", "--output=text"), user=pgbackrest.USER, check=False)
    text = done.stdout.decode(errors="replace")
    if done.code == 0 and "status: error" not in text:
        return ()
    lines = [line.strip() for line in (text + "\n" + done.stderr).splitlines()]
    return tuple(line for line in lines if line.startswith(("backup:", "archiveId:", "missing:", "ERROR", "WARN", "<")))[:12] or (
        f"exit code {done.code}",
    )


def _verify_one(
    platform: Platform,
    source: Source,
    manifest: Manifest,
    every: Sequence[Manifest],
    passphrase: str,
    repository: _Repository,
    progress: Progress,
) -> Verdict:
    started = time.monotonic()
    faults: list[str] = []
    if not keys.is_signed(manifest, passphrase):
        faults.append("the signature does not match: the manifest was edited, or signed with another key")
    files = files_of(platform, source, manifest)
    faults += own_file_faults(source.sets.below(manifest.id), manifest, progress)
    faults += _chain(manifest, every)
    if manifest.postgres:
        faults += _postgres(manifest, repository)
        if not any(EVIDENCE_PATH in fault for fault in faults):
            faults += evidence.faults(files, manifest)
    if manifest.redis and not any("redis/" in fault for fault in faults):
        faults += _redis(platform, files, manifest)
    # Missing and changed files are reported already; compare the content with the manifest.
    if manifest.weaviate and not any("weaviate/" in fault for fault in faults):
        faults += content.faults(files, manifest)
    if not any("audit/" in fault for fault in faults):
        faults += audit_lines.faults(files, manifest, every)
    took, unproven = time.monotonic() - started, tuple(map(str, manifest.unproven))
    return Verdict(manifest.id, tuple(faults), len(manifest.files), manifest.total_bytes, took, source.name, unproven)


def own_file_faults(place: Place, manifest: Manifest, progress: Progress) -> list[str]:
    """Missing, truncated, changed and surplus files in the set's own place. Needs no key: hashes are of the stored bytes."""
    faults = []
    own = [record for record in manifest.files if record.place == "set"]
    sizes = place.sizes()
    done, total = 0, sum(record.size for record in own)
    for record in own:
        size = sizes.get(record.stored)
        if size is None:
            faults.append(f"{record.path} is missing")
        elif size != record.size:
            faults.append(f"{record.path} has {size} bytes instead of {record.size}")
        elif size_and_hash(place.read(record.stored))[1] != record.sha256:
            faults.append(f"{record.path} has changed: its SHA-256 differs")
        done += record.size
        progress.count(round(done / 1e6), round(total / 1e6), "MB")
    known = {record.stored for record in own} | _OWN_FILES
    return faults + [f"{path} is not in the manifest" for path in sorted(sizes) if path not in known]


def _chain(manifest: Manifest, every: Sequence[Manifest]) -> list[str]:
    """Missing parents, and a circle of parents."""
    ids = {other.id for other in every}
    faults = []
    seen, current = {manifest.id}, manifest
    while current.parent:
        if current.parent not in ids:
            faults.append(f"its parent {current.parent} is missing")
            break
        if current.parent in seen:
            faults.append(f"its parents form a circle at {current.parent}")
            break
        seen.add(current.parent)
        current = next(other for other in every if other.id == current.parent)
    backups = {other.weaviate.backup_id for other in every if other.weaviate}
    if manifest.weaviate and manifest.weaviate.base_id and manifest.weaviate.base_id not in backups:
        faults.append(f"weaviate: its base {manifest.weaviate.base_id} is missing")
    return faults


def _postgres(manifest: Manifest, repository: _Repository) -> list[str]:
    part = manifest.postgres
    if part is None:
        return []
    faults = []
    for record in part.files:
        if record.place != "pgbackrest":
            continue
        stored = repository.files.get(record.path)
        if stored is None:
            faults.append(f"repository: {record.path} is missing")
        elif stored.size != record.size:
            faults.append(f"repository: {record.path} has {stored.size} bytes instead of {record.size}")
        elif stored.sha256 != record.sha256:
            faults.append(f"repository: {record.path} has changed: its SHA-256 differs")
    faults += [f"repository: backup {label} is missing" for label in (part.label, *part.references) if label not in repository.labels]
    faults += [f"repository: WAL segment {name} is missing" for name in wal.missing(part.wal_start, part.wal_stop, repository.segments)]
    # pgBackRest judges the whole repository: a complaint is this set's fault only if it names the set's backup.
    named = (part.label, *part.references)
    about = [line for line in repository.complaints if any(label in line for label in named) and "status: valid" not in line]
    faults += [f"pgbackrest verify: {line}" for line in about]
    return faults


def _redis(platform: Platform, files: SetFiles, manifest: Manifest) -> list[str]:
    records = manifest.redis.files if manifest.redis else ()
    paths = [record.path for record in records]
    aof = _one(path for path in paths if path.endswith(".manifest"))
    rdb = _one(path for path in paths if path.endswith(".rdb") and "appendonlydir" not in path)
    if aof is None or (rdb is None and manifest.kind == "full"):
        return ["redis: the set has no RDB or no AOF"]
    image = running(platform.containers["redis"]).attrs["Image"]
    try:
        counted = check_files(str(image), files, records, rdb, aof)
    except PlatformError as error:
        return [f"redis: {error.what}"]
    if counted and manifest.redis and counted.keys != manifest.redis.keys:
        return [f"redis: the RDB holds {counted.keys} keys, the manifest says {manifest.redis.keys}"]
    return []


def _one(paths: Iterable[str]) -> str | None:
    return next(iter(paths), None)
