"""One wake-up: check whether something is due, do it, and report. No failure here ends the schedule."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar, Literal

from backup.restoring.journal import Journal
from backup.sets import due, folders
from christmas.blueprint.audit_rules import AUDIT_RULES
from christmas.blueprint.backup_and_drill_rules import BACKUP_RULES
from christmas.blueprint.password_rotation import ROTATION_RULES
from christmas.blueprint.schedule_rules import SCHEDULE_RULES
from core import lock
from core.errors import PlatformError
from core.words import size_text, span_text
from infra.connections import Platform
from monitor.result import CheckResult
from monitor.signs import WorkSigns
from schedule.decide import backup_since, drill_due, drill_since, dump_due, pause_after
from schedule.delays import Delays, Gap
from schedule.said import say, without_values, worst_first

Work = Literal["backup", "upkeep", "drill", "check", "audit", "rotation"]
WORKS: tuple[Work, ...] = ("backup", "upkeep", "drill", "check", "audit", "rotation")

# After that many failures in a row (a quarter of an hour), a stack that is not in the state counts as gone.
_GONE_AFTER = 5


def steady() -> float:
    """Seconds on a clock that nobody sets and that runs while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(slots=True)
class Job:
    """One kind of work for one stack. `load` reads the stack's connections again for each run: passwords change.

    `drills` tells that the same schedule drills, and so makes logical backups from copies.
    `folder` has the sets, `history` is the file for outcomes of checks; `goes_on` means that another wake-up follows;
    `delays` records late work and its causes.
    """

    work: Work
    stack: str
    load: Callable[[str], Platform]
    folder: Path
    goes_on: bool = True
    drills: bool = False
    history: Path = Path()
    delays: Delays = field(default_factory=lambda: Delays(None))
    stopping: threading.Event = field(default_factory=threading.Event)
    failures: int = 0
    done_at: datetime | None = None
    failed_at: datetime | None = None
    reason: str = ""
    stack_is_gone: bool = False
    _not_before: float = 0.0
    _last_message: str = ""
    _looked: dict[str, float] = field(default_factory=dict)
    _keys_from: int = 0
    _candles_changed: bool = True
    _status: str = ""
    _failing_since: datetime | None = None
    _held_since: datetime | None = None
    _since: datetime | None = None
    """When the present work became due; None if unknown, or if nothing is due."""

    @property
    def signs(self) -> WorkSigns:
        """The outcomes of this work, for checks of the schedule."""
        return WorkSigns(self.done_at, self.failed_at, self.failures, self.reason if self.failures else "")

    def wake(self) -> bool:
        """Do what is due, if anything; returns False if it failed. Never raises."""
        if self.stopping.is_set() or steady() < self._not_before:
            return True
        self._since, began = None, datetime.now(UTC)
        try:
            done = self._DOES[self.work](self)
        except lock.HeldError as error:
            # Somebody runs the same work by hand; the next wake-up finds out whether it is still due.
            self._held_since = self._held_since or began
            self._tell_once(f"{self.work}: {error.what}; the next wake-up tries again")
            return True
        except PlatformError as error:
            self._failed("\n  ".join(without_values(str(error)).splitlines()))
        except Exception as error:  # the schedule survives every error of a run
            self._failed(f"{type(error).__name__}: {without_values(str(error))}")
        else:
            if done:
                self._worked(began)
            return True
        return False

    def _worked(self, began: datetime) -> None:
        """Note that the due work is done, or that nothing was due."""
        if self.failures:
            say(f"{self.work}: works again after {self.failures} failures")
            self.delays.note(Gap(self._failing_since or began, began, "failed", f"{self.work} failed {self.failures} times: {self.reason}"))
        if self._held_since:
            self.delays.note(Gap(self._held_since, began, "held", "another run had the lock"))
        self.delays.late(self.work, self._since, began)
        self.failures, self._last_message, self.done_at = 0, "", datetime.now(UTC)
        self._failing_since = self._held_since = None

    def _failed(self, reason: str) -> None:
        self.failures += 1
        self._failing_since = self._failing_since or datetime.now(UTC)
        self.failed_at, self.reason = datetime.now(UTC), reason.partition("\n")[0]
        self.stack_is_gone = self.reason.startswith("there is no stack ") and self.failures >= _GONE_AFTER
        # Only the pause decides when to try again, not the usual interval.
        self._looked.clear()
        pause = pause_after(self.failures)
        self._not_before = steady() + pause.total_seconds()
        again = f", next try in {span_text(pause)}" if self.goes_on else ""
        say(f"{self.work}: FAILED{again}: {reason}")

    def _tell_once(self, text: str) -> None:
        if text != self._last_message:
            self._last_message = text
            say(text)

    def _every(self, what: str, interval: timedelta) -> bool:
        """Whether simply repeated work is due: its first time is now."""
        now = steady()
        if what in self._looked and now - self._looked[what] < interval.total_seconds():
            return False
        if what != self.work:
            self._looked[what] = now
            return True
        if what in self._looked:
            self._since = datetime.now(UTC) - timedelta(seconds=now - self._looked[what]) + interval
        elif self.done_at:
            # The previous schedule did it.
            self._since = self.done_at + interval
        self._looked[what] = now
        return True

    def _waits_for_schema(self, platform: Platform) -> bool:
        """A stack without a schema needs no work; reported once."""
        from infra.clients import postgres
        from migrations.queries import current_revision

        with postgres(platform, "migrator", autocommit=True) as connection:
            if current_revision(connection) is not None:
                return False
        self._tell_once(f"{self.work}: waits for the schema: invoke migrate")
        return True

    def _upkeep(self) -> bool:
        """Remove what killed runs left; refresh rollups and drop expired data; fix expiries of keys; compute indicators from changes."""
        if not self._every("upkeep", SCHEDULE_RULES.upkeep_every):
            return not self.failures
        if lock.is_held(self.folder) or Journal(self.folder).read():
            # Don't write into stores that are being restored.
            self._looked.pop("upkeep", None)
            self._held_since = self._held_since or datetime.now(UTC)
            return False
        from core.leftovers import remove_of_dead_processes
        from migrations.edition import Edition
        from migrations.upkeep.run import maintain
        from monitor import keyspaces
        from seed import indicators

        platform = self.load(self.stack)
        for line in remove_of_dead_processes():
            say(f"upkeep: {line}, of a run that was ended")
        if self._waits_for_schema(platform):
            return False
        report = maintain(platform)
        if report.refreshed or any(report.dropped.values()):
            say(str(report))
        self._candles_changed |= bool(report.refreshed) or report.edition is Edition.COMMUNITY
        if self._candles_changed and not self.stopping.is_set() and self._every("indicators", SCHEDULE_RULES.indicators_every):
            computed = indicators.load(platform)
            self._candles_changed = False
            if computed.changed:
                say(str(computed))
        mended, self._keys_from = keyspaces.mend_next(platform, self._keys_from)
        if mended:
            say(f"upkeep: {mended} Redis keys that lived too long got their keyspace's expiry")
        return True

    def _check(self) -> bool:
        """Run every check, add the outcome to the history; print it if it changed."""
        if not self._every("check", SCHEDULE_RULES.check_every):
            return not self.failures
        from monitor import checks, render
        from monitor.growth.sizes import measure
        from schedule import growth, history

        platform, results = checks.run_present(self.load(self.stack), lambda: self.load(self.stack), checks.every())
        history.append(self.history, results)
        if growth.is_due(grown := self.history.with_name(growth.FILE)):
            growth.record(grown, measure(platform), results)
        self._tell_prometheus(platform, results)
        status = render.summary(results)
        if status != self._status:
            self._status = status
            say("; ".join([f"check: {status}", *worst_first(results)]))
        return True

    def _tell_prometheus(self, platform: Platform, results: Sequence[CheckResult]) -> None:
        """Give a stack's Prometheus the outcomes. Where it can't take them the checks still count: one of them tells of its container."""
        from monitor import exposition
        from schedule import figures

        if not exposition.is_watched(platform):
            return
        try:
            exposition.publish(platform, figures.gather(results, figures.audited(self.stack), self.folder, self.history.parent))
        except PlatformError as error:
            self._tell_once(f"check: Prometheus was not told: {error.what}")

    def _backup(self) -> bool:
        """Make the set that is due; after a full one, prune."""
        sets = folders.list_sets(folder=self.folder)
        begun = Journal(self.folder).read()
        # If the journal is lost, the next due set finds out from the server itself.
        owed = begun is not None and begun.owes_full
        kind = "full" if owed else due.due(datetime.now(UTC), sets, BACKUP_RULES)
        if kind is None:
            return not self.failures
        from backup import make, prune

        self._since = backup_since(kind, sets, BACKUP_RULES)
        platform = self.load(self.stack)
        if not sets and not lock.is_held(self.folder) and self._waits_for_schema(platform):
            return False
        say(f"backup: {kind} set is due")
        manifest = make.make(platform, folder=self.folder, logical="copy" if self.drills else "live")
        if manifest is None:
            say("backup: another run made it meanwhile")
            return True
        say(f"backup: made {manifest.id}, {size_text(manifest.total_bytes)} in {manifest.duration.total_seconds():.0f} s")
        if manifest.kind == "full" and not self.stopping.is_set():
            pruned = prune.prune(platform, folder=self.folder)
            say(f"prune: {len(pruned.removed)} sets removed ({size_text(pruned.bytes)}), {len(pruned.staying)} kept")
        return True

    def _drill(self) -> bool:
        """Verify the newest set with all that it builds on; then restore and prove it. Also a set that awaits its logical backup."""
        from backup import drill, verify

        past, sets = drill.history(self.folder), folders.list_sets(folder=self.folder)
        regular, awaiting = drill_due(datetime.now(UTC), past, sets, BACKUP_RULES), dump_due(past, sets)
        if not regular and not awaiting:
            return not self.failures
        platform = self.load(self.stack)
        if strangers := drill.locked_out(platform, folders.choose(sets, awaiting, self.folder)):
            self._tell_once(f"drill: waits for the next set: the secrets of {', '.join(strangers)} are newer than this one")
            return not self.failures
        if regular:
            self._since = drill_since(past, BACKUP_RULES)
            say("drill: is due; verifying the newest set first")
            for verdict in verify.verify(platform, folder=self.folder):
                say(f"verify: {verdict.set_id} {'is good' if verdict.good else 'is DAMAGED: ' + '; '.join(verdict.faults)}")
        else:
            say(f"drill: {awaiting} awaits its logical backup")
        if self.stopping.is_set():
            return True
        report = drill.drill(platform, awaiting, folder=self.folder)
        lost = max(report.loss_seconds.values(), default=0.0)
        say(
            f"drill: {report.set_id} {'passed' if report.passed else 'FAILED'}, RTO {report.restore_seconds:.0f} s, "
            f"RPO {lost:.0f} s, report drills/{report.id}.md"
        )
        if report.logical:
            say(f"drill: logical backup of {report.set_id}: {report.logical}")
        wrong = [report.failure] if report.failure else [f"{proof.name}: {proof.message}" for proof in report.proofs if not proof.passed]
        for result in wrong:
            say(f"drill: {result}")
        return True

    def _audit(self) -> bool:
        """Add the stores' new events to the audit."""
        if not self._every("audit", AUDIT_RULES.collected_every):
            return not self.failures
        from security.audit.collect import collect

        collected = collect(self.load(self.stack))
        if collected.unread:
            # What could be read is added; the rest counts as a failure, and the next run reads it.
            raise PlatformError(
                what="; ".join(f"{store} can't be read: {why}" for store, why in collected.unread.items()),
                where="the audit",
                next_step="invoke check shows what is wrong with the service",
            )
        return True

    def _rotation(self) -> bool:
        """Take away former secrets whose overlap is over, and go on with a rotation of the CA."""
        if not self._every("rotation", ROTATION_RULES.looked_every):
            return not self.failures
        from infra.rotation import end_overlaps

        for done in end_overlaps(self.load(self.stack)):
            say(f"rotation: {done}")
        return True

    _DOES: ClassVar[dict[Work, Callable[[Job], bool]]] = {
        "backup": _backup,
        "upkeep": _upkeep,
        "drill": _drill,
        "check": _check,
        "audit": _audit,
        "rotation": _rotation,
    }
