"""What a lost machine would take along: whether anything of the backups lies outside this engine, and whether a kit opens it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from christmas.blueprint.backup_alarms import BACKUP_ALARMS, BackupAlarms
from core.errors import PlatformError
from core.words import span_text
from infra.connections import Platform
from monitor.result import Finding, critical, ok, warning

if TYPE_CHECKING:
    from pathlib import Path

    from backup.kit.coverage import Taken
    from backup.storage.copies import CopyState


def judge_copies(names: Collection[str], states: Mapping[str, CopyState], alarms: BackupAlarms, now: datetime, *, bucket: bool) -> Finding:
    """The copies that the settings name, by how each stood after the last run; one that never was complete counts as very old.

    With `bucket` the first place itself is outside the engine; without, and without a copy, one fault takes data and backups.
    """
    if not names and bucket:
        return ok("the sets are in a bucket; no further copies are set", 0, "copies")
    if not names:
        return warning(
            "no copies are set, so data and backups lie in one engine and are lost together",
            "name a folder of another machine or a bucket, docs/backup.md 'Places': "
            "pulumi config set --secret christmas:backup '{\"copies\": {…}}', then invoke up and invoke backup.copy",
            0,
            "copies",
        )
    step = "invoke backup.copy brings them up to date, or says why not"
    ages = {}
    for name in names:
        complete = states[name].complete_at if name in states else None
        ages[name] = now - datetime.fromisoformat(complete) if complete else None
    message = ", ".join(
        f"{name} {'never was complete' if age is None else f'was complete {span_text(age)} ago'}" for name, age in ages.items()
    )
    failing = [f"{name}: {states[name].failure}" for name in names if name in states and states[name].failure]
    message = "; ".join([message, *failing])
    if any(age is None or age > alarms.newest_critical_after for age in ages.values()):
        return critical(message, step, len(names), "copies")
    if failing or any(age and age > alarms.newest_warn_after for age in ages.values()):
        return warning(message, step, len(names), "copies")
    return ok(message, len(names), "copies")


def copies(platform: Platform, folder: Path | None = None) -> Finding:
    """Every further place has all sets that the first one has, and one lies outside this engine."""
    from backup.sets.folders import folder_of
    from backup.storage.copies import state

    folder = folder or folder_of(platform.stack)
    names, states = tuple(platform.backup.copies), state(folder)
    after_last_run = judge_copies(names, states, BACKUP_ALARMS, datetime.now(UTC), bucket=platform.backup.place is not None)
    return _as_they_are_now(platform, folder, [states[name] for name in names if name in states], after_last_run)


def _as_they_are_now(platform: Platform, folder: Path, states: Iterable[CopyState], after_last_run: Finding) -> Finding:
    """The same finding, unless a copy has lost sets since its last run, or can't be listed: a disk that is gone is told early."""
    from backup.storage.copies import lost_sets

    step = "mount it; if its sets are lost: invoke backup.copy fills it again"
    for known in states:
        try:
            lost = lost_sets(platform, folder, known)
        except PlatformError as error:
            if after_last_run.status == "ok":
                return warning(f"{known.name} can't be listed now: {error.what}", step, len(platform.backup.copies), "copies")
            continue
        if lost:
            message = f"{known.name} has lost {len(lost)} sets that it had, the newest {lost[-1]} ({known.where}): is it mounted?"
            return critical(message, step, len(platform.backup.copies), "copies")
    return after_last_run


def judge_kit(taken: Taken | None, covers: Mapping[str, str], now: datetime) -> Finding:
    """The kit that was taken last, against what the stack has now: what was changed since isn't in it."""
    from backup.kit.coverage import changed

    step = "invoke backup.kit --out FILE, and keep the file away from this machine (docs/recovery.md)"
    if taken is None:
        return warning("no recovery kit was ever taken, so whoever loses this machine can't read its backups", step)
    gone = changed(taken, dict(covers))
    message = f"the last kit ({taken.file}, for {taken.readers}) was taken {span_text(now - taken.made_at)} ago"
    if gone:
        return warning(f"{message}; changed since: {', '.join(gone)}", f"{step}; then remove the older one")
    return ok(f"{message}, and holds all keys of now")


def kit(platform: Platform) -> Finding:
    """A recovery kit was taken since keys, passwords and places were last changed; a stack that came from one has its data back."""
    from backup.kit import coverage
    from backup.restoring import recovery
    from backup.sets.folders import folder_of

    if (coming := recovery.read(folder_of(platform.stack))) and coming.restore:
        return critical(f"the stack came up from a kit at {coming.since}, and its data is not restored yet", recovery.COMMAND)
    return judge_kit(coverage.read(folder_of(platform.stack)), coverage.covers(platform), datetime.now(UTC))
