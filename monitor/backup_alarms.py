"""What makes backups worthless without anybody noticing: log that waits, drills and proofs that never come, growth, a full disk."""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from christmas.blueprint.backup_alarms import BACKUP_ALARMS, BackupAlarms
from christmas.blueprint.backup_and_drill_rules import BACKUP_RULES
from core.words import span_text
from infra.connections import Platform
from monitor.ages import cluster_born, days
from monitor.postgres import connected, query
from monitor.result import Finding, critical, ok, warning

if TYPE_CHECKING:
    from backup.sets.marks import Marks
    from backup.sets.model import Manifest


def judge_waiting(waiting: int, seconds: float | None, timeout: int, alarms: BackupAlarms, wanted_timeout: timedelta) -> Finding:
    """Finished segments of PostgreSQL's log that wait for the archiver, the oldest for `seconds`; `timeout` ends an open one."""
    if not 0 < timeout <= wanted_timeout.total_seconds():
        return critical(
            f"archive_timeout is {timeout} s, so a quiet database's last writes are never archived",
            "invoke up puts the setting back",
            timeout,
            "seconds",
        )
    age = timedelta(seconds=seconds or 0.0)
    message = f"{waiting} segments wait to be archived, the oldest for {span_text(age)}" if waiting else "no segment waits to be archived"
    step = "docker logs the database: pgBackRest says why; see backup.archive and backup.space"
    if waiting and age >= alarms.waiting_critical_after:
        return critical(message, step, age.total_seconds(), "seconds")
    if waiting and age >= alarms.waiting_warn_after:
        return warning(message, step, age.total_seconds(), "seconds")
    return ok(f"{message}; an open one is finished after {timeout} s", age.total_seconds(), "seconds")


def waiting(platform: Platform) -> Finding:
    """PostgreSQL's finished log reaches the repository soon."""
    with connected(platform) as connection:
        row = connection.execute(query("waiting")).fetchone()
    if row is None:
        return critical("the archiver's folder can't be listed", "docker logs the database")
    count, seconds, timeout = row
    return judge_waiting(count, seconds, timeout, BACKUP_ALARMS, BACKUP_RULES.archive_timeout)


def judge_drill(history: Sequence[Mapping[str, Any]], sets: Sequence[Manifest], alarms: BackupAlarms, now: datetime) -> Finding:
    """The last drill that passed, and whether the very last one did. A platform too young for its first drill is no fault."""
    step = "invoke backup.drill; invoke schedule shows why it was not done by itself"
    passed = [past for past in history if past.get("passed")]
    age = now - datetime.fromisoformat(str(passed[-1]["started"])) if passed else None
    if history and not history[-1].get("passed"):
        last = history[-1]
        message = last.get("failure") or "what was restored is not what it should be"
        return critical(f"the last drill, of {last.get('set_id')}, failed: {message}", "read its report beside the sets, in drills/")
    if age is None:
        return _not_yet("no set was ever drilled", step, sets, alarms.drill_warn_after, now)
    message = f"last drill {span_text(age)} ago, of {passed[-1].get('set_id')}, restored in {passed[-1].get('restore_seconds')} s"
    if age > alarms.drill_critical_after:
        return critical(message, step, days(age), "days")
    if age > alarms.drill_warn_after:
        return warning(message, step, days(age), "days")
    return ok(message, days(age), "days")


def drill(platform: Platform) -> Finding:
    """A set was restored and proven not too long ago, and the last try succeeded."""
    from backup.drill import history
    from backup.sets.folders import folder_of, list_sets

    return judge_drill(history(folder_of(platform.stack)), list_sets(platform.stack), BACKUP_ALARMS, datetime.now(UTC))


def judge_verified(marks: Mapping[str, Marks], sets: Sequence[Manifest], alarms: BackupAlarms, now: datetime) -> Finding:
    """When one of the present sets was last verified as good."""
    step = "invoke backup.verify; the schedule does it before each drill"
    moments = {manifest.id: mark.verified for manifest in sets if (mark := marks.get(manifest.id)) and mark.verified}
    if not moments:
        return _not_yet("no set was ever verified", step, sets, alarms.verified_warn_after, now)
    newest = max(moments, key=lambda set_id: moments[set_id])
    age = now - moments[newest]
    message = f"{newest} was verified {span_text(age)} ago; {len(moments)} of {len(sets)} sets ever were"
    return warning(message, step, days(age), "days") if age > alarms.verified_warn_after else ok(message, days(age), "days")


def verified(platform: Platform) -> Finding:
    """A set was verified as good not too long ago."""
    from backup.sets import marks
    from backup.sets.folders import folder_of, list_sets

    return judge_verified(marks.read(folder_of(platform.stack)), list_sets(platform.stack), BACKUP_ALARMS, datetime.now(UTC))


def _not_yet(message: str, step: str, sets: Sequence[Manifest], grace: timedelta, now: datetime) -> Finding:
    born = next((cluster_born(manifest.postgres.system_id) for manifest in reversed(sets) if manifest.postgres), None)
    if not sets or (born is not None and now - born < grace):
        return ok(f"{message} yet; the platform is young")
    return warning(message, step)


def judge_growth(sets: Sequence[Manifest], alarms: BackupAlarms) -> Finding:
    """The last full set's size against the median of those before: both growth and loss are news."""
    from backup.sets.due import covering
    from backup.sets.model import STORES
    from core.words import size_text

    sizes = [manifest.total_bytes for manifest in covering(sets, STORES) if manifest.kind == "full"]
    if len(sizes) <= alarms.growth_needs:
        return ok(f"{len(sizes)} full sets, too few to compare")
    usual = statistics.median(sizes[:-1])
    ratio = round(sizes[-1] / usual, 2) if usual else 0.0
    message = f"the last full set has {size_text(sizes[-1])}, {ratio:g} times the usual {size_text(usual)}"
    if ratio > alarms.growth_warn:
        return warning(message, "see what grew: invoke backup.list --json has each store's size", ratio, "times")
    if ratio < 1 / alarms.growth_warn:
        return warning(message, "see what is gone before old sets are pruned: invoke backup.list --json", ratio, "times")
    return ok(message, ratio, "times")


def growth(platform: Platform) -> Finding:
    """The last full set is of the usual size."""
    from backup.sets.folders import list_sets

    return judge_growth(list_sets(platform.stack), BACKUP_ALARMS)


def judge_space(free: Mapping[str, tuple[int, int]], full_bytes: int, alarms: BackupAlarms) -> Finding:
    """Room where backups are written: for each place its free bytes and all of them, against the last full set's size."""
    from core.words import size_text

    name, (left, total) = min(free.items(), key=lambda item: item[1][0] / max(1, item[1][1]))
    share = left / max(1, total)
    least = min(share_free for share_free, _ in free.values())
    sets = f", room for {least / full_bytes:.0f} more full sets" if full_bytes else ""
    message = f"{name} has {size_text(left)} free ({share:.0%}){sets}"
    step = "invoke backup.prune --dry-run shows what could go; else make room on the disk"
    if share < alarms.free_critical or least < alarms.room_critical * full_bytes:
        return critical(message, step, round(share, 3), "of the disk")
    if share < alarms.free_warn or least < alarms.room_warn * full_bytes:
        return warning(message, step, round(share, 3), "of the disk")
    return ok(message, round(share, 3), "of the disk")


def space(platform: Platform) -> Finding:
    """There is room for the next backups, in pgBackRest's repository and where the sets are."""
    from backup.sets.folders import folder_of, list_sets
    from core.container_commands import execute
    from infra.components.pgbackrest_config import REPOSITORY_PATH

    line = execute(platform.containers["timescaledb"], ["df", "-Pk", REPOSITORY_PATH]).text().splitlines()[-1].split()
    used, left = int(line[2]) * 1024, int(line[3]) * 1024
    folder = folder_of(platform.stack)
    here = shutil.disk_usage(_existing(folder))
    fulls = [manifest.total_bytes for manifest in list_sets(folder=folder) if manifest.kind == "full"]
    # What the file system keeps for root is not free.
    free = {"pgBackRest's repository": (left, used + left), "the sets' folder": (here.free, here.used + here.free)}
    return judge_space(free, fulls[-1] if fulls else 0, BACKUP_ALARMS)


def _existing(folder: Path) -> Path:
    return next(parent for parent in (folder, *folder.parents) if parent.exists())
