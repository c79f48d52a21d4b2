"""PostgreSQL's part of a set: a physical backup, a logical one where due, and a reference point with known content."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from backup.postgres import live_log, pgbackrest, tables, unchanged
from backup.postgres.evidence import Evidence, Log, Mark, Part, Point, base_of, newest_points, write
from backup.postgres.giving_way import giving_way
from backup.postgres.logical import LOGICAL_PATH, dump
from backup.postgres.parts import TAKEN_OVER, Counting, counted_again, relations
from backup.queries import query
from backup.sets.files import SetFolder, write_hashed
from backup.sets.model import FileRecord, Logical, PostgresPart, ReferencePoint, SetKind, Unproven
from backup.storage.repository import INFO_FILES, RepositoryFiles, segments
from backup.storage.sources import source_of
from christmas.blueprint.accounts import ACCOUNTS
from christmas.blueprint.relational import DATABASE
from core.errors import PlatformError
from core.progress import Progress
from infra.clients import postgres as connect
from infra.connections import Platform

if TYPE_CHECKING:
    import psycopg

ACCOUNT = "backup"
# The repository's index files as of this backup: with them, a copy of the repository can be restored without the first place.
INFO_PATH = "postgres/repository"
_SNAPSHOT_SECONDS = 20
_SNAPSHOT_PAUSE = 0.01
_COMMIT_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Request:
    """What to back up. `after` is the last WAL segment in the parent's manifest.

    `logical` says what a logical backup is taken from, None if none is due. A copy has no rows of unlogged tables: where there are some,
    it is taken from the live server all the same.
    `known` is an earlier set's evidence, to take over from what didn't change since; with `recount` all is counted nevertheless.
    """

    set_id: str
    folder: SetFolder
    kind: SetKind
    logical: Logical | None
    after: str | None = None
    known: Evidence | None = None
    recount: bool = False


def back_up(platform: Platform, request: Request, progress: Progress) -> PostgresPart:
    """Make PostgreSQL's part of a set: files in the set's folder and in pgBackRest's repository.

    Raises PlatformError if a step fails; then the part does not count.
    """
    container = platform.containers["timescaledb"]
    started = datetime.now(UTC)
    _let_read(container)
    with connect(platform, ACCOUNT, autocommit=True) as probe:
        begun = unchanged.point(probe)
    progress.status(f"{request.kind} physical backup")
    with giving_way(platform, container, progress):
        physical = pgbackrest.back_up(container, request.kind, request.set_id)
    progress.status("reference point and logical backup" if request.logical == "live" else "reference point")
    reference = _reference_point(platform, request, physical, begun, progress)
    archived = reference.archived
    with connect(platform, ACCOUNT) as connection:
        versions, revision = _server(connection)
    return PostgresPart(
        started=started,
        finished=datetime.now(UTC),
        files=(*reference.files, *archived.files),
        unproven=reference.unproven,
        label=physical.label,
        prior=physical.prior,
        references=physical.references,
        lsn_start=physical.lsn_start,
        lsn_stop=physical.lsn_stop,
        wal_start=physical.wal_start,
        wal_stop=archived.wal_newest or physical.wal_stop,
        timeline=physical.timeline,
        system_id=archived.system_id,
        schema_revision=revision,
        versions={**versions, "pgbackrest": physical.version},
        database_bytes=physical.database_bytes,
        repository_bytes=physical.repository_bytes,
        reference_point=reference.point,
        logical=LOGICAL_PATH if reference.dumped else None,
        logical_from="copy" if reference.awaits_logical else "live",
        history=live_log.server_history(container, physical.timeline),
        counted=reference.counted,
        taken_over=reference.taken_over,
        unlogged_changes=reference.unlogged_changes,
    )


def _let_read(container: str) -> None:
    """Grant the backup account SELECT on tables made by hand since the last `up`: its rights are per table.

    If that fails, unreadable tables are reported in the set as unproven.
    """
    from core.container_commands import running
    from infra.provider import psql

    owner = next(account.name for account in ACCOUNTS if account.postgres and account.postgres.owns_schema)
    variables = {"role": ACCOUNT, "owner": owner, "lock": str(psql.ADVISORY_LOCK)}
    with contextlib.suppress(PlatformError):
        psql.run(running(container), psql.named("reader_apply"), database=DATABASE, variables=variables)


@dataclass(frozen=True, slots=True)
class _Archived:
    """The repository with the WAL up to the restore point: the set's files in it, and its index."""

    files: tuple[FileRecord, ...]
    wal_newest: str | None
    system_id: str


@dataclass(frozen=True, slots=True)
class _Found:
    """The reference point, the set's files for it, whether a logical backup was `dumped` or is awaited, the repository's files.

    `unproven` is what stays so.

    `counted`, `taken_over` and `unlogged_changes` as in the manifest.
    """

    point: ReferencePoint
    files: tuple[FileRecord, ...]
    dumped: bool
    awaits_logical: bool
    archived: _Archived
    unproven: tuple[Unproven, ...]
    counted: int
    taken_over: int
    unlogged_changes: tuple[str, ...]


def _reference_point(platform: Platform, request: Request, physical: pgbackrest.PhysicalBackup, begun: Point, progress: Progress) -> _Found:
    """Take a snapshot whose WAL position is known, count its rows, and dump the same snapshot if a logical backup is due.

    In parallel, archive the WAL up to there: a restore point made after the snapshot is enough for that.
    """
    named = f"christmas-{request.set_id}"
    with connect(platform, ACCOUNT, autocommit=True) as probe, connect(platform, ACCOUNT) as holder:
        tables.be_patient(probe)
        tables.be_patient(holder)
        # Read before the snapshot: the counters can only be higher in it.
        before = _sequences(probe)
        points = [begun, unchanged.point(probe)]
        snapshot = _take_snapshot(probe, holder)
        tables.prepare(holder)
        every = tables.list_tables(holder)
        version = holder.info.server_version
        live = request.logical == "live" or (request.logical == "copy" and any(table.is_unlogged for table in every))
        proof = _begin_proof(platform, request, probe, holder, every, points, snapshot)
        with ThreadPoolExecutor(max_workers=2, thread_name_prefix="postgres") as pool:
            dumping = pool.submit(dump, platform, request.folder, snapshot.name, every, version) if live else None
            archiving = pool.submit(_archive, platform, request, physical, named, progress)
            progress.status(f"counting: {len(proof.counting.settled)} of {len(proof.counting.parts)} relations unchanged by the log")
            hashed = request.kind == "full" or proof.knows
            counts = tables.count_all(holder, probe, every, hash_hypertables=hashed, count=proof.counting)
            broken = tables.broken(holder)
            beside = [*_beside(holder), *_beside_in_maintenance(platform.containers["timescaledb"])]
            sequences = tables.going_on(before, _sequences(probe))
            dumped = dumping.result() if dumping else None
            archived = archiving.result()
        holder.rollback()
    point = ReferencePoint(
        lsn=snapshot.lsn,
        at=snapshot.at,
        exact=snapshot.exact,
        restore_point=named,
        tables=counts.tables,
        scope="all",
        sequences=sequences,
        broken=broken,
    )
    unproven = (*counts.unproven, *_distrusted(broken), *beside, *(dumped.unproven if dumped else ()))
    parts = [
        part for key, table_parts in proof.counting.parts_of_tables.items() if counts.tables[key].rows is not None for part in table_parts
    ]
    evidence = proof.evidence(parts)
    files = (*(dumped.files if dumped else ()), *([write(request.folder, evidence)] if evidence else []))
    taken_over = sum(part.why == TAKEN_OVER for part in parts)
    changes = tuple(proof.counting.unlogged_changes)
    awaits = bool(request.logical) and not live
    return _Found(
        point, files, dumped is not None and dumped.complete, awaits, archived, unproven, len(parts) - taken_over, taken_over, changes
    )


@dataclass(frozen=True, slots=True)
class _Proof:
    """How this set's tables are counted, and what a later set needs in order to take over from it. `knows`: the log can be asked."""

    counting: Counting
    knows: bool
    log: Log | None
    mark: Mark | None
    base: str | None
    points: tuple[Point, ...]

    def evidence(self, counted: Sequence[Part]) -> Evidence | None:
        """What this set tells later ones; None if nothing could be concluded from it."""
        if not (self.log and self.mark and self.base):
            return None
        return Evidence(log=self.log, base=self.base, mark=self.mark, points=self.points, parts=tuple(counted))


def _begin_proof(
    platform: Platform,
    request: Request,
    probe: psycopg.Connection,
    holder: psycopg.Connection,
    every: Sequence[tables.Table],
    points: Sequence[Point],
    snapshot: _Snapshot,
) -> _Proof:
    """Find what is unchanged at the snapshot since the known evidence. Where anything fails, nothing is, and all is counted."""
    identity = unchanged.identity(probe)
    log = identity.log if identity.is_summarized else None
    mark = unchanged.mark(probe)
    parts = relations(holder, every)
    known = request.known if log and request.known and unchanged.is_same_log(probe, request.known, log) else None
    written = unchanged.written_since(platform.containers["timescaledb"], known.base) if known else None
    knows = known is not None and written is not None and written.reaches(known, snapshot.lsn)
    settled = unchanged.unchanged(known, written, parts) if known and written and knows else {}
    now = datetime.now(UTC)
    again = dict.fromkeys(settled, "counted: asked for") if request.recount else counted_again(settled, now)
    points = newest_points([*(known.points if known else ()), *points])
    counting = Counting(request.set_id, now, parts, settled, again)
    return _Proof(counting, knows, log, mark, base_of(points, snapshot.oldest_running), points)


def _sequences(connection: psycopg.Connection) -> dict[str, tuple[int, bool]]:
    """The sequences; none if one of them is dropped right now, which the server answers with an error."""
    import psycopg

    try:
        return tables.sequences(connection)
    except (psycopg.errors.InternalError, psycopg.errors.UndefinedTable):
        return {}


def _distrusted(broken: Sequence[str]) -> Iterator[Unproven]:
    for name in broken:
        if name.startswith("index "):
            why = "invalid on the live server too: still being built, or left by a failed build (drop it or reindex)"
            yield Unproven(what=name, why=why)
        else:
            yield Unproven(what=name, why="not checked on the live server either (NOT VALID)", by_design=True)


def _beside(connection: psycopg.Connection) -> list[Unproven]:
    """Objects of the server outside this database's tables."""
    findings = []
    for kind, name in connection.execute(query("beside_the_tables")).fetchall():
        if kind == "slot":
            why = "in no backup: after a restore its consumer has to start over"
            findings.append(Unproven(what=f"replication slot {name}", why=why, by_design=True))
        elif kind == "subscription":
            why = "only in the physical backup; a restored server subscribes again if it reaches the publisher"
            findings.append(Unproven(what=f"subscription {name}", why=why, by_design=True))
        else:
            findings.append(Unproven(what=f"database {name}", why="only in the physical backup: not counted, not in the logical one"))
    return findings


def _beside_in_maintenance(container: str) -> list[Unproven]:
    """Tables in the database `postgres`, which the account backup can't read."""
    count = int(live_log.superuser(container, query("maintenance_tables")))
    why = "only in the physical backup: not counted, not in the logical one"
    return [Unproven(what=f"{count} tables of database postgres", why=why)] if count else []


def _archive(
    platform: Platform, request: Request, physical: pgbackrest.PhysicalBackup, restore_point: str, progress: Progress
) -> _Archived:
    """Archive the WAL up to a restore point made now, and hash the repository's files."""
    container = platform.containers["timescaledb"]
    progress.status("waiting for the log to be archived")
    named = live_log.command(f"select pg_create_restore_point('{restore_point}')")
    # Switches to a new segment and waits until the previous one is in the repository.
    repository = pgbackrest.run_and_look(container, pgbackrest.command("check"), before=named)
    progress.status("hashing the repository's files")
    stored = source_of(platform, request.folder.path.parent).repository
    files = _repository_files(stored, physical, request.after)
    index = tuple(write_hashed(request.folder, f"{INFO_PATH}/{path}", stored.read(path)) for path in INFO_FILES)
    return _Archived((*index, *files), repository.wal_newest, repository.system_id)


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """A snapshot and a WAL position. `exact`: the snapshot holds all commits before the position, and no others.

    Every transaction before `oldest_running` was at its end.
    """

    name: str
    lsn: str
    at: datetime
    exact: bool
    oldest_running: int


def _take_snapshot(probe: psycopg.Connection, holder: psycopg.Connection) -> _Snapshot:
    """Open a snapshot in `holder` and find the WAL position that belongs to it.

    One statement returns both. Only a transaction that ran at the snapshot, or began between the two, can commit before the
    position without being in the snapshot. Even with constant writes there is a moment without one every few tries, so try again.
    A long transaction would spoil every try, so wait for it.
    """
    import psycopg

    holder.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    holder.read_only = True
    first_seen: dict[str, float] = {}
    deadline = time.monotonic() + _SNAPSHOT_SECONDS
    while True:
        lsn, name, running, following, oldest = _one(holder, query("snapshot"))
        at, now = datetime.now(UTC), time.monotonic()
        # A snapshot ends at the last completed transaction, so a running one may have a number beyond its end. Only a new number is
        # certainly greater than the numbers of all running transactions.
        (later,) = _one(probe, "select pg_current_xact_id()::text")
        suspects = [*running, *(str(number) for number in range(int(following), int(later)))]
        young = any(now - first_seen.setdefault(number, now) < _COMMIT_SECONDS for number in suspects)
        committed = young
        if suspects and not young:
            # Longer than the last step of a commit, which waits for the disk.
            time.sleep(_COMMIT_SECONDS)
            committed = bool(probe.execute(query("transactions"), (suspects,)).fetchall())
        if not committed or now > deadline:
            return _Snapshot(name, lsn, at, exact=not committed, oldest_running=int(oldest))
        holder.rollback()
        time.sleep(random.uniform(0, _SNAPSHOT_PAUSE))  # noqa: S311 - random, to fall out of step with a client that writes at intervals


def _one(connection: psycopg.Connection, statement: Any) -> tuple[Any, ...]:
    row = connection.execute(statement).fetchone()
    if row is None:
        raise PlatformError(what="a query that always returns a row returned none", where="the backup's reference point")
    return tuple(row)


def _repository_files(stored: RepositoryFiles, physical: pgbackrest.PhysicalBackup, after: str | None) -> tuple[FileRecord, ...]:
    """The backup's own files, and every WAL segment after the parent's last one."""
    first = physical.wal_start if after is None else after
    # Names sort by position: timeline, log, segment.
    wal = [path for segment, path in segments(stored).items() if segment >= first]
    return stored.hash_files([pgbackrest.backup_path(physical.label), *wal])


def _server(connection: psycopg.Connection) -> tuple[dict[str, str], str | None]:
    postgresql, timescaledb, license_, migrated = _one(connection, query("server"))
    revision = _one(connection, "select string_agg(version_num, ',' order by version_num) from alembic_version")[0] if migrated else None
    named = {"postgresql": postgresql, "timescaledb": timescaledb, "timescaledb_license": license_}
    return {name: value for name, value in named.items() if value}, revision


def seconds_unarchived(platform: Platform) -> float:
    """Age in seconds of the oldest write that is not archived yet; 0 if all are.

    Counted from the last archived segment, so it is never too small.
    """
    with connect(platform, "monitor") as connection:
        (seconds,) = _one(connection, query("unarchived"))
    return max(0.0, float(seconds))


def archive_now(platform: Platform) -> bool:
    """Archive everything written so far, if the server runs; returns whether it worked."""
    try:
        pgbackrest.run(platform.containers["timescaledb"], pgbackrest.command("check"))
    except PlatformError:
        return False
    return True
