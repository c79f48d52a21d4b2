"""Whether there are backups, fresh and enough of them, and whether the log is being archived."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from christmas.blueprint.backup_alarms import BACKUP_ALARMS, BackupAlarms
from christmas.blueprint.backup_and_drill_rules import BACKUP_RULES
from christmas.blueprint.model import BackupRules
from core.errors import PlatformError
from core.words import shortened, span_text
from infra.components.timescaledb_container import ARCHIVE_COMMAND
from infra.connections import Platform
from monitor.ages import cluster_born, hours
from monitor.postgres import connected, query
from monitor.result import Finding, critical, ok, warning

if TYPE_CHECKING:
    from backup.postgres.live_log import LiveLog
    from backup.restoring.journal import Begun
    from backup.sets.model import Manifest, Unproven


_SHOWN = 6
_STEP = "invoke backup; then see why the schedule did not make one"


def judge_newest(sets: Sequence[Manifest], alarms: BackupAlarms, now: datetime) -> Finding:
    """The age of the newest complete set, full or incremental: what Redis and Weaviate would go back to."""
    from backup.sets.due import covering
    from backup.sets.model import STORES

    whole = covering(sets, STORES)
    if not whole:
        return critical("there is no backup set of all three stores", "invoke backup --full")
    age = now - whole[-1].started
    message = f"newest set {span_text(age)} old ({whole[-1].id})"
    if age > alarms.newest_critical_after:
        return critical(message, _STEP, hours(age), "hours")
    if age > alarms.newest_warn_after:
        return warning(message, _STEP, hours(age), "hours")
    if age < -timedelta(minutes=5):
        moment = f"{whole[-1].started:%Y-%m-%d %H:%M}"
        return warning(f"the newest set is from the future: {moment}", "set this machine's clock", hours(age), "hours")
    return ok(message, hours(age), "hours")


def newest(platform: Platform) -> Finding:
    """The newest backup set is young enough."""
    from backup.sets.folders import list_sets

    return judge_newest(list_sets(platform.stack), BACKUP_ALARMS, datetime.now(UTC))


def judge_full(sets: Sequence[Manifest], rules: BackupRules, now: datetime) -> Finding:
    """The age of the newest complete full set, on which everything else builds."""
    from backup.sets.due import covering
    from backup.sets.model import STORES

    fulls = [manifest for manifest in covering(sets, STORES) if manifest.kind == "full"]
    if not fulls:
        return critical("there is no full backup set of all three stores", "invoke backup --full")
    age = now - fulls[-1].started
    message = f"newest full set {span_text(age)} old ({fulls[-1].id})"
    if age > rules.critical_after:
        return critical(message, _STEP, hours(age), "hours")
    return warning(message, _STEP, hours(age), "hours") if age > rules.warn_after else ok(message, hours(age), "hours")


def full(platform: Platform) -> Finding:
    """The newest full backup set is young enough."""
    from backup.sets.folders import list_sets

    return judge_full(list_sets(platform.stack), BACKUP_RULES, datetime.now(UTC))


def judge_timeline(live: LiveLog | None, sets: Sequence[Manifest], begun: Begun | None) -> Finding:
    """Whether nothing of a live restore is owed: no store half restored, and a full set of the timeline that the server writes.

    The server's own timeline counts, so that a lost journal hides nothing. `live` is None where the server can't be asked.
    Raises PlatformError where neither it nor a journal tells.
    """
    from backup.sets.due import full_of

    if begun and begun.half:
        return critical(begun.description(), begun.next_step())
    if live is None:
        if begun:
            return critical(begun.description(), begun.next_step())
        raise PlatformError(what="PostgreSQL can't be asked for its timeline", where="the database's container", next_step="invoke up")
    message = f"PostgreSQL writes timeline {live.timeline}"
    if live.recovering:
        return critical(f"{message.replace('writes', 'still replays')}: it takes no writes", "docker logs the database: it says why")
    full = full_of(live, sets)
    if begun and "postgres" not in begun.stores:
        return critical(begun.description(), begun.next_step())
    if full:
        return ok(f"{message}, of which {full.id} is the newest full set", live.timeline)
    since = f"; {begun.description()}" if begun else ""
    return critical(f"{message}, of which there is no full set yet{since}", "invoke backup makes it, before anything else", live.timeline)


def timeline(platform: Platform) -> Finding:
    """The log that PostgreSQL writes now has a full set to build on, and no live restore was left half done."""
    from backup.postgres.live_log import ask_as
    from backup.restoring.journal import Journal, part_brought_back
    from backup.sets.folders import folder_of, list_sets

    folder = folder_of(platform.stack)
    if part := part_brought_back(folder):
        return critical(*part)
    return judge_timeline(ask_as(platform, "monitor"), list_sets(folder=folder), Journal(folder).read())


def judge_redundancy(sets: Sequence[Manifest], rules: BackupRules, now: datetime) -> Finding:
    """Compare the number of full sets with the blueprint's minimum; a cluster too young to have them is no fault."""
    from backup.sets.due import covering
    from backup.sets.model import STORES

    fulls = [manifest for manifest in covering(sets, STORES) if manifest.kind == "full"]
    message = f"{len(fulls)} full sets of all three stores, {len(sets)} sets in all"
    if len(fulls) >= rules.minimum_redundancy:
        return ok(message, len(fulls), "sets")
    young = (rules.minimum_redundancy - 1) * rules.full_every + (rules.warn_after - rules.full_every)
    if fulls and fulls[-1].postgres and now - cluster_born(fulls[-1].postgres.system_id) < young:
        return ok(f"{message}; the next full set comes with its day", len(fulls), "sets")
    return warning(
        f"{message}; at least {rules.minimum_redundancy} are wanted",
        "the schedule makes the next full; or: invoke backup --full",
        len(fulls),
        "sets",
    )


def redundancy(platform: Platform) -> Finding:
    """There are at least as many full sets as the blueprint asks for."""
    from backup.sets.folders import list_sets

    return judge_redundancy(list_sets(platform.stack), BACKUP_RULES, datetime.now(UTC))


def judge_unproven(sets: Sequence[Manifest], now: datetime | None = None) -> Finding:
    """Judge what the newest sets keep without proof, or don't keep. What can't be otherwise is listed, but is no fault."""
    from backup.sets.model import STORES

    if changed := _without_the_log(sets):
        message = f"rows changed though no log has it: {shortened(sorted(changed), _SHOWN)}"
        step = "docs/backup.md, 'A page written behind the server's back'; then invoke backup --full --recount, until one finds nothing"
        return critical(message, step, len(changed), "relations")
    unprovens: dict[str, Unproven] = {}
    for store in STORES:
        having = [manifest for manifest in sets if store in manifest.parts]
        # A full set also says what its dumps lack.
        for manifest in (*having[-1:], *[manifest for manifest in having if manifest.kind == "full"][-1:]):
            newer = set(unprovens)
            unprovens |= {finding.what: finding for finding in manifest.parts[store].unproven if finding.what not in newer}
    unprovens |= _late_dump(sets, now or datetime.now(UTC))
    grave = [finding for finding in unprovens.values() if not finding.by_design]
    message = shortened([*grave, *(finding for finding in unprovens.values() if finding.by_design)], _SHOWN)
    if grave:
        return warning(message, "docs/backup.md says what is proven, what is only kept, and what to do about it", len(grave), "objects")
    return ok(message or ("all of it is counted" if sets else "there is no set yet"), len(unprovens), "objects")


def _late_dump(sets: Sequence[Manifest], now: datetime) -> dict[str, Unproven]:
    """The newest logical backup, where it is awaited for longer than a drill takes to come."""
    from backup.sets.model import Unproven

    for manifest in reversed(sets):
        if manifest.awaits_logical and now - manifest.finished > BACKUP_ALARMS.newest_warn_after:
            what, age = f"the logical backup of {manifest.id}", span_text(now - manifest.finished)
            return {what: Unproven(what=what, why=f"awaited from a drill for {age}: invoke backup.drill {manifest.id}")}
        if manifest.awaits_logical or (manifest.postgres and manifest.postgres.logical):
            break
    return {}


def _without_the_log(sets: Sequence[Manifest]) -> set[str]:
    """Relations that were not as before when they were counted again. A later set that counted everything and found none ends it."""
    changed: set[str] = set()
    for part in (manifest.postgres for manifest in reversed(sets) if manifest.postgres):
        changed |= set(part.unlogged_changes)
        if not part.taken_over and not part.unlogged_changes and part.counted:
            break
    return changed


def unproven(platform: Platform) -> Finding:
    """The newest sets keep everything, and prove all that they keep."""
    from backup.sets.folders import list_sets

    return judge_unproven(list_sets(platform.stack))


def archive(platform: Platform) -> Finding:
    """PostgreSQL's log is archived, and nothing waits."""
    with connected(platform) as connection:
        row = connection.execute(query("archiver")).fetchone()
    if row is None:
        return critical("the archiver's statistics are missing", "docker logs the database")
    archived, failed, failing, segment, seconds, mode, command = row
    if mode == "off":
        return critical("the log is not archived: archive_mode is off", f"invoke up --stack {platform.stack} puts the setting back")
    if failing:
        return critical(f"archiving fails, at segment {segment}", "docker logs the database: pgBackRest says why", seconds, "seconds")
    if command != ARCHIVE_COMMAND:
        # The server takes its word for it that a segment is in the repository.
        message = f"the log doesn't go to the repository: archive_command is {command!r}"
        return critical(message, "alter system reset archive_command; select pg_reload_conf(); then invoke backup --full")
    since = "nothing yet" if seconds is None else f"the last {seconds:.0f} s ago"
    return ok(f"{archived} segments archived, {since}, {failed} attempts failed before", seconds, "seconds")
