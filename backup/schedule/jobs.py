"""What one wake-up does: look whether something is due, do it, say how it went. Nothing that fails here ends the schedule."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from airgap.errors import PlatformError
from backup import due, lock, sets
from backup.journal import Journal
from backup.schedule.decide import drill_due, pause_after
from backup.words import size_text
from blueprint.rules import BACKUP_RULES
from infra.connections import Platform

Work = Literal["backup", "drill"]
WORKS: tuple[Work, ...] = ("backup", "drill")


def say(text: str) -> None:
    """A line with the time, for a terminal, a file or the journal."""
    print(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {text}", flush=True)


@dataclass(slots=True)
class Job:
    """One kind of work, for one stack. `load` reads the stack's connections anew for each run: passwords change.

    `goes_on` is whether another wake-up follows.
    """

    work: Work
    stack: str
    load: Callable[[str], Platform]
    folder: Path
    goes_on: bool = True
    stopping: threading.Event = field(default_factory=threading.Event)
    failures: int = 0
    _not_before: float = 0.0
    _told: str = ""

    def wake(self) -> bool:
        """Do what is due, if anything; returns False where it failed. Never raises."""
        if self.stopping.is_set() or time.monotonic() < self._not_before:
            return True
        try:
            done = self._backup() if self.work == "backup" else self._drill()
        except lock.HeldError as error:
            # Somebody does by hand what would be done here; whether it is still due shows at the next wake-up.
            self._tell_once(f"{self.work}: {error.what}; looked at again at the next wake-up")
            return True
        except PlatformError as error:
            self._failed("\n  ".join(str(error).splitlines()))
        except Exception as error:  # the schedule outlives every fault of a run
            self._failed(f"{type(error).__name__}: {error}")
        else:
            if done and self.failures:
                say(f"{self.work}: works again after {self.failures} failures")
            if done:
                self.failures, self._told = 0, ""
            return True
        return False

    def _failed(self, reason: str) -> None:
        self.failures += 1
        pause = pause_after(self.failures)
        self._not_before = time.monotonic() + pause.total_seconds()
        again = f", tried again in {pause.total_seconds() / 60:.0f} min" if self.goes_on else ""
        say(f"{self.work}: FAILED{again}: {reason}")

    def _tell_once(self, text: str) -> None:
        if text != self._told:
            self._told = text
            say(text)

    def _backup(self) -> bool:
        """Make the set that is due; after a full one, prune."""
        begun = Journal(self.folder).read()
        # With the journal lost, the next set that is due finds out from the server itself.
        owed = begun is not None and begun.owes_full
        kind = "full" if owed else due.due(datetime.now(UTC), sets.list_sets(folder=self.folder), BACKUP_RULES)
        if kind is None:
            return not self.failures
        from backup import prune, run

        say(f"backup: {kind} set is due")
        platform = self.load(self.stack)
        made = run.make(platform, folder=self.folder)
        if made is None:
            say("backup: somebody else made it meanwhile")
            return True
        say(f"backup: made {made.id}, {size_text(made.total_bytes)} in {made.duration.total_seconds():.0f} s")
        if made.kind == "full" and not self.stopping.is_set():
            pruned = prune.prune(platform, folder=self.folder)
            say(f"prune: {len(pruned.removed)} sets removed ({size_text(pruned.bytes)}), {len(pruned.kept)} kept")
        return True

    def _drill(self) -> bool:
        """Read the newest set back, with all that it builds on; then restore it and prove it."""
        from backup import drill, verify

        if not drill_due(datetime.now(UTC), drill.history(self.folder), sets.list_sets(folder=self.folder), BACKUP_RULES):
            return not self.failures
        say("drill: is due; first the newest set is read back")
        platform = self.load(self.stack)
        for verdict in verify.verify(platform, folder=self.folder):
            say(f"verify: {verdict.set_id} {'is good' if verdict.good else 'is DAMAGED: ' + '; '.join(verdict.faults)}")
        if self.stopping.is_set():
            return True
        report = drill.drill(platform, folder=self.folder)
        lost = max(report.loss_seconds.values(), default=0.0)
        say(
            f"drill: {report.set_id} {'passed' if report.passed else 'FAILED'}, RTO {report.restore_seconds:.0f} s, "
            f"RPO {lost:.0f} s, report drills/{report.id}.md"
        )
        wrong = [report.failure] if report.failure else [f"{each.name}: {each.message}" for each in report.proofs if not each.passed]
        for each in wrong:
            say(f"drill: {each}")
        return True
