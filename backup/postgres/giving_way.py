"""A physical backup that stands still while commits wait long for the disk.

A low priority alone doesn't do it: the disk serves what pgBackRest wrote before as it serves the log of the server.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from backup.postgres.pgbackrest import USER
from backup.queries import query
from christmas.blueprint.backup_and_drill_rules import BACKUP_RULES
from core.container_commands import execute
from core.errors import PlatformError
from core.progress import Progress
from infra.clients import postgres as connect
from infra.connections import Platform

if TYPE_CHECKING:
    import psycopg

_ACCOUNT = "backup"
_LOOK_SECONDS, _HOLD_SECONDS = 1.0, 1
_MOST_HOLDS = 3
"""So many looks in a row may find that commits wait; then the backup goes on for one, so that it ends on any disk."""

WORKERS = "^pgbackrest .* backup:local$"
"""The processes that read the database and write the repository. Those that archive the log have another name."""

# They go on after a second whatever happens to the process that asked for it: this is a command of its own in the container.
_HOLD = """
go_on() { pkill -CONT -u "$(id -u)" -f "$1"; }
trap 'go_on "$1"; exit 0' TERM INT HUP
pkill -STOP -u "$(id -u)" -f "$1" || exit 0
sleep "$2" &
wait "$!"
go_on "$1"
"""


@dataclass(frozen=True, slots=True)
class Syncs:
    """How often the log was brought to the disk, and the milliseconds that this took in all."""

    count: int
    milliseconds: float

    def since(self, earlier: Syncs) -> Syncs:
        """What came since an earlier look; all of it where the server began to count anew."""
        if self.count < earlier.count:
            return self
        return Syncs(self.count - earlier.count, self.milliseconds - earlier.milliseconds)

    @property
    def mean(self) -> float:
        """Milliseconds that one took; 0 where there was none."""
        return self.milliseconds / self.count if self.count else 0.0


def too_slow(lately: Syncs, usual: float, bound: timedelta) -> bool:
    """Whether commits wait longer than the bound, and twice as long as usual on this disk. Milliseconds."""
    return lately.mean > max(bound.total_seconds() * 1000, 2 * usual)


@contextlib.contextmanager
def giving_way(
    platform: Platform, container: str, progress: Progress, *, bound: timedelta = BACKUP_RULES.commit_waits_at_most
) -> Iterator[None]:
    """Look once a second how long commits wait, and have pgBackRest stand still for a second where that is too long."""
    done = threading.Event()
    watcher = threading.Thread(target=_watch, args=(platform, container, progress, bound, done), name="giving way", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def _watch(platform: Platform, container: str, progress: Progress, bound: timedelta, done: threading.Event) -> None:
    import psycopg

    # The backup itself tells of a server that is gone.
    with contextlib.suppress(psycopg.Error, PlatformError), connect(platform, _ACCOUNT, autocommit=True) as connection:
        before = _syncs(connection)
        usual, holds = before.mean, 0
        while not done.wait(_LOOK_SECONDS):
            now = _syncs(connection)
            lately, before = now.since(before), now
            holds = holds + 1 if too_slow(lately, usual, bound) and holds < _MOST_HOLDS else 0
            if holds:
                progress.status(f"standing still for a second: a commit waits {lately.mean:.0f} ms for the disk")
                execute(container, ["sh", "-c", _HOLD, "sh", WORKERS, str(_HOLD_SECONDS)], user=USER, check=False)


def _syncs(connection: psycopg.Connection) -> Syncs:
    counted = connection.execute(query("log_syncs")).fetchone()
    return Syncs(int(counted[0]), float(counted[1])) if counted else Syncs(0, 0.0)
