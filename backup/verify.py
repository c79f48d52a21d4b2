"""Proving a set good without restoring it: signature, every hash, the stores' own checkers, and all that it builds on."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from airgap.errors import PlatformError
from airgap.setup.progress import Progress, SilentProgress
from backup import keys, lock, marks, pgbackrest, sets, wal, weaviate_content
from backup.containers import execute, running
from backup.files import hash_file, inside
from backup.model import FileRecord, Manifest
from backup.redis_files import check_files
from infra.components.pgbackrest_config import REPOSITORY_PATH
from infra.connections import Platform

# Written into a set's folder by nobody but us; everything else there must be in the manifest.
_OWN_FILES = frozenset({sets.MANIFEST})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found in one set: no faults means that it is good."""

    set_id: str
    faults: tuple[str, ...]
    files: int
    bytes: int
    seconds: float

    @property
    def good(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults


def verify(
    platform: Platform,
    set_id: str | None = None,
    *,
    every: bool = False,
    progress: Progress | None = None,
    folder: Path | None = None,
) -> list[Verdict]:
    """Verify one set (the newest by default) with all that it builds on, or every set, and mark those that are good.

    Each fault is named: which file, which segment, which parent. A set whose manifest can't even be read is a verdict too.
    Raises PlatformError where the set doesn't exist, or the database's container, which has the repository, doesn't run.
    """
    folder = folder or sets.folder_of(platform.stack)
    progress = progress or SilentProgress()
    readable, unreadable = _read_all(folder)
    if every:
        wanted = readable
    else:
        if set_id is None and unreadable and not readable:
            return unreadable
        broken = [verdict for verdict in unreadable if set_id and verdict.set_id.startswith(set_id)]
        if broken:
            return broken
        wanted = ancestry(sets.choose(readable, set_id, folder), readable)
    with lock.hold(folder, "a verification"):
        passphrase = keys.repository_passphrase(platform)
        repository = _Repository.look(platform.containers["timescaledb"], [each for each in wanted if each.postgres])
        verdicts = []
        for manifest in wanted:
            progress.status(manifest.id)
            verdicts.append(_verify_one(platform, folder, manifest, readable, passphrase, repository, progress))
        verdicts = blame_parents(verdicts, readable)
        for verdict in verdicts:
            if verdict.good:
                marks.mark(folder, verdict.set_id, verified=datetime.now(UTC))
    return [*verdicts, *(unreadable if every else [])]


def ancestry(manifest: Manifest, every: Sequence[Manifest]) -> list[Manifest]:
    """A set and all that it builds on, as far as they are there, oldest first."""
    by_id = {each.id: each for each in every}
    chain = [manifest]
    while (parent := by_id.get(chain[0].parent or "")) and parent not in chain:
        chain.insert(0, parent)
    return chain


def blame_parents(verdicts: Sequence[Verdict], every: Sequence[Manifest]) -> list[Verdict]:
    """Add to each verdict those of its parents that are no good: without them it can't be restored either."""
    bad = {verdict.set_id for verdict in verdicts if not verdict.good}
    by_id = {each.id: each for each in every}
    told = []
    for verdict in verdicts:
        parents = [each.id for each in ancestry(by_id[verdict.set_id], every)[:-1] if each.id in bad]
        told.append(dataclasses.replace(verdict, faults=(*verdict.faults, *(f"its parent {each} is damaged" for each in parents))))
    return told


def _read_all(folder: Path) -> tuple[list[Manifest], list[Verdict]]:
    good, bad = [], []
    for path in sorted(folder.glob(f"*/{sets.MANIFEST}")):
        try:
            good.append(sets.read(path.parent))
        except PlatformError as error:
            bad.append(Verdict(path.parent.name, (error.what,), 0, 0, 0.0))
    return good, bad


@dataclass(frozen=True, slots=True)
class _Repository:
    """What pgBackRest's repository holds now: files by path, segments by name, labels, and what its own verification says."""

    files: dict[str, FileRecord]
    segments: dict[str, str]
    labels: frozenset[str]
    complaints: tuple[str, ...]

    @classmethod
    def look(cls, container: str, manifests: Sequence[Manifest]) -> _Repository:
        if not manifests:
            return cls({}, {}, frozenset(), ())
        running(container)
        wanted = sorted({record.path for each in manifests for record in each.files if record.place == "pgbackrest"})
        there = _existing(container, wanted)
        files = {record.path: record for record in pgbackrest.hash_files(container, there)}
        state = pgbackrest.info(container)
        return cls(files, pgbackrest.segments(container), frozenset(each.label for each in state.backups), _own_verification(container))


def _existing(container: str, paths: Sequence[str]) -> list[str]:
    listed = execute(container, ["sh", "-c", f"cd {REPOSITORY_PATH} && find archive backup -type f"], user=pgbackrest.USER)
    there = set(listed.stdout.decode().split("\n"))
    return [path for path in paths if path in there]


def _own_verification(container: str) -> tuple[str, ...]:
    """The complaints of `pgbackrest verify`, which reads every file of every backup and of the log."""
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
    folder: Path,
    manifest: Manifest,
    every: Sequence[Manifest],
    passphrase: str,
    repository: _Repository,
    progress: Progress,
) -> Verdict:
    started = time.monotonic()
    faults: list[str] = []
    if not keys.is_signed(manifest, passphrase):
        faults.append("the signature is not of this manifest and this stack's key: it was edited, or made with another key")
    faults += own_file_faults(folder / manifest.id, manifest, progress)
    faults += _chain(manifest, every)
    if manifest.postgres:
        faults += _postgres(manifest, repository)
    if manifest.redis and not any("redis/" in fault for fault in faults):
        faults += _redis(platform, folder / manifest.id, manifest)
    # What is missing or changed is told already; what is left is whether the files say what the manifest says.
    if manifest.weaviate and not any("weaviate/" in fault for fault in faults):
        faults += weaviate_content.faults(folder / manifest.id, manifest)
    return Verdict(manifest.id, tuple(faults), len(manifest.files), manifest.total_bytes, time.monotonic() - started)


def own_file_faults(folder: Path, manifest: Manifest, progress: Progress) -> list[str]:
    """Missing, truncated, changed and surplus files of the set's folder."""
    faults = []
    own = [record for record in manifest.files if record.place == "set"]
    done, total = 0, sum(record.size for record in own)
    for record in own:
        path = inside(folder, record.path)
        if not path.is_file():
            faults.append(f"{record.path} is missing")
            continue
        size, digest = hash_file(path)
        if size != record.size:
            faults.append(f"{record.path} has {size} bytes instead of {record.size}")
        elif digest != record.sha256:
            faults.append(f"{record.path} is not what was written: its SHA-256 differs")
        done += size
        progress.count(round(done / 1e6), round(total / 1e6), "MB")
    known = {record.path for record in own}
    surplus = [str(path.relative_to(folder)) for path in sorted(folder.rglob("*")) if path.is_file()]
    return faults + [f"{path} is not in the manifest" for path in surplus if path not in known and path not in _OWN_FILES]


def _chain(manifest: Manifest, every: Sequence[Manifest]) -> list[str]:
    """Parents that are gone."""
    ids = {each.id for each in every}
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
        current = next(each for each in every if each.id == current.parent)
    backups = {each.weaviate.backup_id for each in every if each.weaviate}
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
        found = repository.files.get(record.path)
        if found is None:
            faults.append(f"repository: {record.path} is missing")
        elif found.size != record.size:
            faults.append(f"repository: {record.path} has {found.size} bytes instead of {record.size}")
        elif found.sha256 != record.sha256:
            faults.append(f"repository: {record.path} is not what was written: its SHA-256 differs")
    faults += [f"repository: backup {label} is missing" for label in (part.label, *part.references) if label not in repository.labels]
    faults += [f"repository: WAL segment {name} is missing" for name in wal.missing(part.wal_start, part.wal_stop, repository.segments)]
    # pgBackRest judges the repository as a whole: what it says is this set's fault only where it names the set's backup or log.
    named = (part.label, *part.references)
    about = [line for line in repository.complaints if any(label in line for label in named) and "status: valid" not in line]
    faults += [f"pgbackrest verify: {line}" for line in about]
    return faults


def _redis(platform: Platform, folder: Path, manifest: Manifest) -> list[str]:
    paths = [record.path for record in manifest.redis.files] if manifest.redis else []
    aof = _one(path for path in paths if path.endswith(".manifest"))
    rdb = _one(path for path in paths if path.endswith(".rdb") and "appendonlydir" not in path)
    if aof is None or rdb is None:
        return ["redis: the set has no RDB or no AOF"]
    image = running(platform.containers["redis"]).attrs["Image"]
    try:
        found = check_files(str(image), folder, rdb, aof)
    except PlatformError as error:
        return [f"redis: {error.what}"]
    if manifest.redis and found.keys != manifest.redis.keys:
        return [f"redis: the RDB holds {found.keys} keys, the manifest says {manifest.redis.keys}"]
    return []


def _one(paths: Iterable[str]) -> str | None:
    return next(iter(paths), None)
