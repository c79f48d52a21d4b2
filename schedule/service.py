"""The schedule in the foreground: wakes up every minute, does what is due, ends cleanly.

APScheduler times and runs the jobs. It counts on the wall clock, so a second look at the steady clock wakes it where the
wall clock was set, or the machine slept.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import IO, Any

from christmas.blueprint.rules import SCHEDULE_RULES
from core import lock
from core.words import span_text
from monitor import signs
from schedule.decide import clock_jump
from schedule.delays import Delays, Gap
from schedule.jobs import Job, steady
from schedule.said import say

WAKE_SECONDS = SCHEDULE_RULES.wake_every.total_seconds()
ENDED_AT_ONCE = 130
DELAYS = "delays.jsonl"


@dataclass(frozen=True, slots=True)
class Passed:
    """Seconds since the last look: that went by, of these the machine slept, and by which the wall clock was set meanwhile, else 0."""

    seconds: float
    slept: float
    jump: float


class ClockWatch:
    """Notices a wall clock that was set, and a machine that slept: how far each clock went since the last look.

    Nobody sets `steady`, which goes on in sleep; `awake` stands still then.
    """

    def __init__(
        self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = steady, awake: Callable[[], float] = time.monotonic
    ) -> None:
        self._clocks = wall, steady, awake
        self._last = self._read()

    def _read(self) -> tuple[float, float, float]:
        wall, steady, awake = self._clocks
        return wall(), steady(), awake()

    def look(self) -> Passed:
        """What happened since the last look."""
        before, self._last = self._last, self._read()
        wall, steady, awake = (now - then for now, then in zip(self._last, before, strict=True))
        return Passed(steady, max(0.0, clock_jump(steady, awake)), clock_jump(wall, steady))


class SignsOfLife:
    """Writes what the schedule is at into its folder, for checks to read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        now = datetime.now(UTC)
        self.before = signs.read(folder)
        works = self.before.works if self.before else {}
        self._signs = signs.Signs(now, now, works=works, boot=signs.boot_id())

    def take_up(self, jobs: Sequence[Job]) -> None:
        """Give jobs what the schedule before this one has done."""
        for job in jobs:
            if self.before and job.work in self.before.works:
                job.done_at = self.before.works[job.work].done

    def gap(self) -> Gap | None:
        """The time since the last sign of the schedule before this one, and what ended that; None for a first one."""
        if self.before is None:
            return None
        since, now = self.before.at, datetime.now(UTC)
        length = span_text(max(now - since, timedelta(0)))
        if self.before.boot and self.before.boot != signs.boot_id():
            return Gap(since, now, "machine restarted", f"the machine was started again; the schedule was not at work for {length}")
        if self.before.ended:
            return Gap(since, now, "stopped", f"the schedule was stopped for {length}")
        return Gap(since, now, "killed", f"the schedule was killed; none was at work for {length}")

    def end(self) -> None:
        """Say that it ends because it was told to."""
        self._write(lambda last: replace(last, at=datetime.now(UTC), ended=True))

    def beat(self) -> None:
        """Say that it lives."""
        self._write(lambda last: replace(last, at=datetime.now(UTC)))

    @contextlib.contextmanager
    def during(self, job: Job) -> Iterator[None]:
        """Say what is worked at, and afterwards how it went."""
        self._write(lambda last: last.begin(job.work))
        try:
            yield
        finally:
            # Timers run each kind of work in a process of its own: what others wrote meanwhile stays.
            others = signs.read(self._folder)
            self._write(lambda last: replace(last, works=others.works if others else last.works).end(job.work, job.signs))

    def _write(self, change: Callable[[signs.Signs], signs.Signs]) -> None:
        with self._lock:
            self._signs = change(self._signs)
            # Without room for its signs the schedule goes on: a check then says that it hangs, and another why.
            with contextlib.suppress(OSError):
                signs.write(self._folder, self._signs)


class Service:
    """Runs jobs, one at a time, until told to stop. One run of a job at most; wake-ups that were missed count as one.

    `folder` is where its signs of life go.
    """

    def __init__(self, jobs: Sequence[Job], folder: Path, *, wake_seconds: float = WAKE_SECONDS, watch: ClockWatch | None = None) -> None:
        self._jobs = jobs
        self.stack_is_gone = False
        self._signs = SignsOfLife(folder)
        self._signs.take_up(jobs)
        self._delays = Delays(folder / DELAYS)
        for job in jobs:
            job.delays = self._delays
        self._wake_seconds = wake_seconds
        self._watch = watch or ClockWatch()
        self._stop = threading.Event()
        self._working = threading.Lock()
        self._scheduler: Any = None

    def run(self) -> None:
        """Work until `stop` is called; a run that is under way then is finished first."""
        if gap := self._signs.gap():
            self._delays.tell(gap)
        self._signs.beat()
        from apscheduler.executors.pool import ThreadPoolExecutor
        from apscheduler.schedulers.background import BackgroundScheduler
        from apscheduler.triggers.interval import IntervalTrigger

        # A wake-up that finds the last one still at work is no news.
        logging.getLogger("apscheduler").setLevel(logging.CRITICAL)
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(1)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        trigger = IntervalTrigger(seconds=max(1, int(self._wake_seconds)), timezone=UTC)
        for job in self._jobs:
            # The first wake-up is now: what fell due while nothing ran is made at once.
            self._scheduler.add_job(self._wake, trigger, args=(job,), id=job.work, next_run_time=datetime.now(UTC))
        self._scheduler.start()
        try:
            while not self._stop.wait(self._wake_seconds / 2):
                self._signs.beat()
                self.look_at_the_clock()
        finally:
            for job in self._jobs:
                job.stopping.set()
            if self._working.locked():
                say("schedule: finishing the run under way; a second signal ends it at once")
            self._scheduler.shutdown(wait=True)
            self._signs.end()

    def _wake(self, job: Job) -> None:
        began = datetime.now(UTC)
        with self._working, self._signs.during(job):
            job.wake()
        now = datetime.now(UTC)
        if (now - began).total_seconds() >= self._wake_seconds:
            self._delays.note(Gap(began, now, "busy", f"{job.work} was under way for {span_text(now - began)}"))
        if job.stack_is_gone and not self._stop.is_set():
            say(f"schedule: stack {job.stack} is gone, so there is nothing left to do")
            self.stack_is_gone = True
            self.stop()

    def look_at_the_clock(self) -> None:
        """Where the clock was set, or the machine slept, wake every job now: when they would wake up next was counted before."""
        passed, now = self._watch.look(), datetime.now(UTC)
        stood = passed.seconds - passed.slept - self._wake_seconds / 2
        found = []
        if passed.slept:
            slept = timedelta(seconds=passed.slept)
            found.append(Gap(now - slept, now, "asleep", f"the machine slept for {span_text(slept)}"))
        if passed.jump:
            by = f"the clock jumped by {passed.jump:+.0f} s; looking at once whether something is due"
            found.append(Gap(now - timedelta(seconds=passed.jump), now, "clock set", by))
        if stood >= SCHEDULE_RULES.late_after.total_seconds():
            still = timedelta(seconds=stood)
            found.append(
                Gap(now - still, now, "stood still", f"the schedule stood still for {span_text(still)}: stopped, or given no time")
            )
        for gap in found:
            self._delays.tell(gap)
        if found and self._scheduler is not None:
            for job in self._scheduler.get_jobs():
                job.modify(next_run_time=now)

    def stop(self, number: int = 0, _frame: FrameType | None = None) -> None:
        """Stop; a signal's handler. The second time, at once: what a cut-off run leaves is removed by the next."""
        if self._stop.is_set() and number:
            say("schedule: ended at once; the next run removes what this one leaves unfinished")
            os._exit(ENDED_AT_ONCE)
        self._stop.set()


def serve(jobs: Sequence[Job], folder: Path, *, wake_seconds: float = WAKE_SECONDS, tether: IO[bytes] | None = None) -> bool:
    """Run the schedule until SIGTERM or SIGINT, or until the other end of `tether` is closed: whoever started it is gone then.

    It ends by itself where the stack is gone; tells whether there is still something to do.
    Raises HeldError where another one is at work for this stack.
    """
    with lock.hold(folder, "the schedule"):
        lock.be_the_schedule()
        service = Service(jobs, folder, wake_seconds=wake_seconds)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, service.stop)
        if tether is not None:
            threading.Thread(target=_stop_at_its_end, args=(tether, service), daemon=True).start()
        works = ", ".join(job.work for job in jobs)
        say(f"schedule: {works} of stack {jobs[0].stack}, looked at every {wake_seconds:.0f} s; sets in {jobs[0].folder}")
        service.run()
        say("schedule: ended")
        return not service.stack_is_gone


def _stop_at_its_end(tether: IO[bytes], service: Service) -> None:
    # Not by the buffered reader: a thread that waits in one when the interpreter ends makes that end an abort.
    with contextlib.suppress(OSError):
        while os.read(tether.fileno(), 1024):
            pass
    service.stop()


def once(jobs: Sequence[Job], folder: Path) -> int:
    """Do what is due now; returns the exit code: 1 where something failed. A first SIGTERM or Ctrl-C lets it finish."""
    ended = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        if ended.is_set():
            os._exit(ENDED_AT_ONCE)
        ended.set()
        for job in jobs:
            job.stopping.set()
        say("schedule: finishing the run under way; a second signal ends it at once")

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    lock.be_the_schedule()
    written = SignsOfLife(folder)
    results = []
    for job in jobs:
        with written.during(job):
            results.append(job.wake())
    return 0 if all(results) else 1
