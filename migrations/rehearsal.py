"""Migrates a copy of the database and watches it: how long that takes, which locks it holds for how long, which rows it writes."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.progress import Progress, SilentProgress, format_seconds
from migrations import run
from migrations.locking import application_name

if TYPE_CHECKING:
    import psycopg

    from infra.connections import Platform

SAMPLE_SECONDS = 0.005
# Strongest first. Every reader takes ACCESS SHARE, which blocks only ACCESS EXCLUSIVE.
_STRENGTH = (
    "AccessExclusiveLock",
    "ExclusiveLock",
    "ShareRowExclusiveLock",
    "ShareLock",
    "ShareUpdateExclusiveLock",
    "RowExclusiveLock",
    "RowShareLock",
)
_BLOCKS = {
    "AccessExclusiveLock": "readers and writers",
    "ExclusiveLock": "writers",
    "ShareRowExclusiveLock": "writers",
    "ShareLock": "writers",
}
_SQL = Path(__file__).parent / "rehearsal_sql"


@dataclass(frozen=True, slots=True)
class HeldLock:
    """A kind of lock on an existing table: held for `seconds` in all, at most `longest` at a time, as sampled."""

    table: str
    mode: str
    seconds: float
    longest: float

    @property
    def blocks(self) -> str:
        """Whom it blocks; empty for a weak lock."""
        return _BLOCKS.get(self.mode, "")


@dataclass(frozen=True, slots=True)
class Touched:
    """The written rows of a table."""

    table: str
    inserted: int
    updated: int
    deleted: int


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """The effects of a migration on the copy: its revisions from and to, and its `seconds`."""

    before: str | None
    after: str | None
    revisions: tuple[str, ...]
    seconds: float
    locks: tuple[HeldLock, ...]
    rows: tuple[Touched, ...]

    def as_dict(self) -> dict[str, Any]:
        """The report for `--json`; seconds are sampled, with a resolution of five milliseconds."""
        locks = [
            {**asdict(lock), "seconds": round(lock.seconds, 3), "longest": round(lock.longest, 3), "blocks": lock.blocks}
            for lock in self.locks
        ]
        return {**asdict(self), "seconds": round(self.seconds, 3), "locks": locks}

    def __str__(self) -> str:
        if not self.revisions:
            return f"the copy is at {self.after or 'base'}: nothing to rehearse"
        lines = [f"{self.before or 'base'} to {self.after} ({', '.join(self.revisions)}) in {format_seconds(self.seconds)}"]
        for lock in self.locks:
            effect = f", in the way of {lock.blocks}" if lock.blocks else ""
            lines.append(
                f"  lock  {lock.table:<24} {lock.mode:<26} {lock.seconds:7.3f} s, at most {lock.longest:.3f} s at a stretch{effect}"
            )
        lines += [] if self.locks else ["  no lock on an existing table was held long enough to be seen"]
        lines += [f"  rows  {row.table:<24} {row.inserted} inserted, {row.updated} updated, {row.deleted} deleted" for row in self.rows]
        return "\n".join(lines)


def rehearse(copy: Platform, revision: str = "head", progress: Progress | None = None) -> Rehearsal:
    """Migrate `copy`, a platform whose database may be changed freely, and report the effects.

    Raises PlatformError if the migration fails, as it would on the original.
    """
    from infra.clients import postgres

    with postgres(copy, run.ACCOUNT, autocommit=True) as connection:
        written = _written(connection)
        sampler = Sampler(connection)
        started = time.monotonic()
        with sampler:
            outcome = run.upgrade(copy, revision, progress or SilentProgress())
        seconds = time.monotonic() - started
        # A session's writes are counted when it ends, and this session may still see its old snapshot.
        connection.execute("select pg_stat_clear_snapshot()")
        after = _written(connection)
    rows = [
        Touched(table, *(now - then for now, then in zip(counts, written.get(table, (0, 0, 0)), strict=True)))
        for table, counts in sorted(after.items())
        if counts != written.get(table, (0, 0, 0))
    ]
    before = _before(outcome, run.configuration())
    return Rehearsal(before, outcome.current, outcome.revisions, seconds, sampler.held(), tuple(rows))


class Sampler:
    """Samples the locks of this process' migrations, on relations that others can see, from a separate session."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="locks", daemon=True)
        self._totals: dict[tuple[str, str], float] = {}
        self._longest: dict[tuple[str, str], float] = {}
        self._failure: BaseException | None = None

    def __enter__(self) -> Sampler:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def held(self) -> tuple[HeldLock, ...]:
        """The observed locks, strongest and longest first."""
        locks = [HeldLock(table, mode, seconds, self._longest[table, mode]) for (table, mode), seconds in self._totals.items()]
        return tuple(sorted(locks, key=lambda lock: (_STRENGTH.index(lock.mode), -lock.seconds, lock.table)))

    def _watch(self) -> None:
        text = (_SQL / "locks.sql").read_bytes()
        since: dict[tuple[str, str], float] = {}
        last = time.monotonic()
        try:
            while not self._stop.is_set():
                rows: Sequence[tuple[str, str]] = self._connection.execute(
                    text, {"name": application_name(), "modes": list(_STRENGTH)}
                ).fetchall()
                now = time.monotonic()
                seen = set(rows)
                for key in seen:
                    begun = since.setdefault(key, now - SAMPLE_SECONDS)
                    self._totals[key] = self._totals.get(key, 0.0) + (min(now - last, now - begun))
                    self._longest[key] = max(self._longest.get(key, 0.0), now - begun)
                since = {key: begun for key, begun in since.items() if key in seen}
                last = now
                self._stop.wait(SAMPLE_SECONDS)
        except BaseException as error:  # raised again at the block's end
            self._failure = error


def _written(connection: psycopg.Connection) -> dict[str, tuple[int, int, int]]:
    return {
        table: (inserted, updated, deleted) for table, inserted, updated, deleted in connection.execute((_SQL / "written.sql").read_bytes())
    }


def _before(outcome: run.Outcome, configuration: Any) -> str | None:
    """The parent of the first applied revision."""
    from alembic.script import ScriptDirectory

    if not outcome.revisions:
        return outcome.current
    down = ScriptDirectory.from_config(configuration).get_revision(outcome.revisions[0]).down_revision
    return str(down) if down else None
