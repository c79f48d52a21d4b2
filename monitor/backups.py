"""Whether there are backups, fresh and enough of them, and whether the log is being archived."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from blueprint.model import BackupRules
from blueprint.rules import BACKUP_RULES
from infra import clients
from infra.connections import Platform
from monitor.relational import query
from monitor.result import Finding, critical, ok, warning

if TYPE_CHECKING:
    from backup.model import Manifest

ACCOUNT = "monitor"


def _hours(span: timedelta) -> float:
    return round(span.total_seconds() / 3600, 2)


def judge_age(sets: Sequence[Manifest], rules: BackupRules, now: datetime) -> Finding:
    """The age of the newest complete set, and of the newest full one, by the blueprint's rules."""
    from backup.due import covering
    from backup.model import STORES

    whole = covering(sets, STORES)
    if not whole:
        return critical("there is no backup set of all three stores", "invoke backup --full")
    newest = now - whole[-1].started
    fulls = [each for each in whole if each.kind == "full"]
    full = now - fulls[-1].started if fulls else None
    told = f"newest {_say(newest)} old ({whole[-1].id}), newest full {_say(full) if full is not None else 'missing'}"
    hours = _hours(newest)
    if full is None or max(newest, full) > rules.critical_after:
        return critical(told, "invoke backup; then see why the schedule did not make one", hours, "hours")
    if max(newest, full) > rules.warn_after:
        return warning(told, "invoke backup; then see why the schedule did not make one", hours, "hours")
    if newest < -timedelta(minutes=5):
        return warning(f"the newest set is from the future: {whole[-1].started:%Y-%m-%d %H:%M}", "set this machine's clock", hours, "hours")
    return ok(told, hours, "hours")


def _say(span: timedelta) -> str:
    seconds = span.total_seconds()
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 172_800 else f"{seconds / 86_400:.0f} days"


def age(platform: Platform) -> Finding:
    """The newest backup set and the newest full one are young enough."""
    from backup.sets import list_sets

    return judge_age(list_sets(platform.stack), BACKUP_RULES, datetime.now(UTC))


def cluster_born(system_id: str) -> datetime:
    """When a PostgreSQL cluster was made: its identifier begins with that second (`BootStrapXLOG` in PostgreSQL's xlog.c)."""
    return datetime.fromtimestamp(int(system_id) >> 32, UTC)


def judge_redundancy(sets: Sequence[Manifest], rules: BackupRules, now: datetime) -> Finding:
    """How many full sets there are, against the least that the blueprint wants; a cluster that is too young for them is no fault."""
    from backup.due import covering
    from backup.model import STORES

    fulls = [each for each in covering(sets, STORES) if each.kind == "full"]
    told = f"{len(fulls)} full sets of all three stores, {len(sets)} sets in all"
    if len(fulls) >= rules.minimum_redundancy:
        return ok(told, len(fulls), "sets")
    young = (rules.minimum_redundancy - 1) * rules.full_every + (rules.warn_after - rules.full_every)
    if fulls and fulls[-1].postgres and now - cluster_born(fulls[-1].postgres.system_id) < young:
        return ok(f"{told}; the next full set comes with its day", len(fulls), "sets")
    return warning(
        f"{told}; at least {rules.minimum_redundancy} are wanted",
        "the schedule makes the next full; or: invoke backup --full",
        len(fulls),
        "sets",
    )


def redundancy(platform: Platform) -> Finding:
    """There are as many full sets as the blueprint wants at least."""
    from backup.sets import list_sets

    return judge_redundancy(list_sets(platform.stack), BACKUP_RULES, datetime.now(UTC))


def archive(platform: Platform) -> Finding:
    """PostgreSQL's log is archived, and nothing waits."""
    with clients.postgres(platform, ACCOUNT) as connection:
        row = connection.execute(query("archiver")).fetchone()
    if row is None:
        return critical("the archiver's statistics are missing", "docker logs the database")
    archived, failed, failing, segment, seconds, mode = row
    if mode == "off":
        return critical("the log is not archived: archive_mode is off", f"invoke up --stack {platform.stack} puts the setting back")
    if failing:
        return critical(f"archiving fails, at segment {segment}", "docker logs the database: pgBackRest says why", seconds, "seconds")
    since = "nothing yet" if seconds is None else f"the last {seconds:.0f} s ago"
    return ok(f"{archived} segments archived, {since}, {failed} attempts failed before", seconds, "seconds")
