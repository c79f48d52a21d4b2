"""The schedule in the foreground: wakes up every minute, does what is due, ends cleanly.

APScheduler times and runs the jobs. It uses the wall clock, so a second timer on the steady clock wakes the jobs if the
wall clock was set or the machine slept.
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

from christmas.blueprint.schedule_rules import SCHEDULE_RULES
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
    """Seconds since the last look: in total, asleep, and by which the wall clock was set (0 if it was not)."""

    seconds: float
    slept: float
    jump: float


class ClockWatch:
    """Detects a wall clock that was set, and a machine that slept, from the advance of three clocks since the last look.

    Nobody sets `steady`, which also runs during sleep; `awake` stops then.
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
        """The changes since the last look."""
        before, self._last = self._last, self._read()
        wall, steady, awake = (now - then for now, then in zip(self._last, before, strict=True))
        return Passed(steady, max(0.0, clock_jump(steady, awake)), clock_jump(wall, steady))


class SignsOfLife:
    """Writes the schedule's state into its folder, for checks to read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        now = datetime.now(UTC)
        self.before = signs.read(folder)
        works = self.before.works if self.before else {}
        self._signs = signs.Signs(now, now, works=works, boot=signs.boot_id())

    def take_up(self, jobs: Sequence[Job]) -> None:
        """Give the jobs the outcomes of the previous schedule."""
        for job in jobs:
            if self.before and job.work in self.before.works:
                job.done_at = self.before.works[job.work].done

    def gap(self) -> Gap | None:
        """The time since the previous schedule's last sign of life, and what ended it; None for a first schedule."""
        if self.before is None:
            return None
        since, now = self.before.at, datetime.now(UTC)
        length = span_text(max(now - since, timedelta(0)))
        if self.before.boot and self.before.boot != signs.boot_id():
            return Gap(since, now, "machine restarted", f"the machine was restarted; the schedule did not run for {length}")
        if self.before.ended:
            return Gap(since, now, "stopped", f"the schedule was stopped for {length}")
        return Gap(since, now, "killed", f"the schedule was killed; none ran for {length}")

    def end(self) -> None:
        """Note that it was stopped on purpose."""
        self._write(lambda last: replace(last, at=datetime.now(UTC), ended=True))

    def end_at_once(self) -> None:
        """The same from a signal's handler, which must not wait for what it interrupted."""
        with contextlib.suppress(OSError):
            signs.write(self._folder, replace(self._signs, at=datetime.now(UTC), ended=True))

    def beat(self) -> None:
        """Write a sign of life."""
        self._write(lambda last: replace(last, at=datetime.now(UTC)))

    @contextlib.contextmanager
    def during(self, job: Job) -> Iterator[None]:
        """Note the present work, and afterwards its outcome."""
        self._write(lambda last: last.begin(job.work))
        try:
            yield
        finally:
            # Timers run each kind of work in its own process: keep what others wrote meanwhile.
            others = signs.read(self._folder)
            self._write(lambda last: replace(last, works=others.works if others else last.works).end(job.work, job.signs))

    def _write(self, change: Callable[[signs.Signs], signs.Signs]) -> None:
        with self._lock:
            self._signs = change(self._signs)
            # Even if the disk is full, the schedule continues: one check then reports that it hangs, another why.
            with contextlib.suppress(OSError):
                signs.write(self._folder, self._signs)


class Service:
    """Runs jobs, one at a time, until it is stopped. At most one run of a job; missed wake-ups count as one.

    `folder` is for its signs of life.
    """

    def __init__(self, jobs: Sequence[Job], folder: Path, *, wake_seconds: float = WAKE_SECONDS, watch: ClockWatch | None = None) -> None:
        self._jobs = jobs
        self.stack_is_gone = False
        self.starter_is_gone = False
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
        """Work until `stop` is called; the present run is then finished first."""
        if gap := self._signs.gap():
            self._delays.tell(gap)
        self._signs.beat()
        from apscheduler.executors.pool import ThreadPoolExecutor
        from apscheduler.schedulers.background import BackgroundScheduler
        from apscheduler.triggers.interval import IntervalTrigger

        # It is normal that a wake-up finds the previous one still running.
        logging.getLogger("apscheduler").setLevel(logging.CRITICAL)
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(1)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        trigger = IntervalTrigger(seconds=max(1, int(self._wake_seconds)), timezone=UTC)
        for job in self._jobs:
            # The first wake-up is now: work that became due while nothing ran is done at once.
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
                say("schedule: finishing the present run; a second signal ends it at once")
            self._scheduler.shutdown(wait=True)
            if not self.starter_is_gone:
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
        """If the clock was set, or the machine slept, wake every job now: their next wake-ups were computed from the old time."""
        passed, now = self._watch.look(), datetime.now(UTC)
        stood = passed.seconds - passed.slept - self._wake_seconds / 2
        gaps = []
        if passed.slept:
            slept = timedelta(seconds=passed.slept)
            gaps.append(Gap(now - slept, now, "asleep", f"the machine slept for {span_text(slept)}"))
        if passed.jump:
            by = f"the clock jumped by {passed.jump:+.0f} s; checking at once whether something is due"
            gaps.append(Gap(now - timedelta(seconds=passed.jump), now, "clock set", by))
        if stood >= SCHEDULE_RULES.late_after.total_seconds():
            still = timedelta(seconds=stood)
            gaps.append(
                Gap(now - still, now, "stood still", f"the schedule stood still for {span_text(still)}: stopped, or without processor time")
            )
        for gap in gaps:
            self._delays.tell(gap)
        if gaps and self._scheduler is not None:
            for job in self._scheduler.get_jobs():
                job.modify(next_run_time=now)

    def stop(self, number: int = 0, _frame: FrameType | None = None) -> None:
        """Stop; a signal's handler. The second time, stop at once: the next run cleans up after an interrupted one."""
        if self._stop.is_set() and number:
            say("schedule: ended at once; the next run cleans up after it")
            self._signs.end_at_once()
            os._exit(ENDED_AT_ONCE)
        self._stop.set()


def serve(jobs: Sequence[Job], folder: Path, *, wake_seconds: float = WAKE_SECONDS, tether: IO[bytes] | None = None) -> bool:
    """Run the schedule until SIGTERM or SIGINT, or until the other end of `tether` closes: then its starter has ended.

    It ends if the stack is gone; returns whether work is left.
    Raises HeldError if another schedule of this stack runs.
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
    # Not through the buffered reader: a thread that blocks in one at the interpreter's end makes it abort.
    with contextlib.suppress(OSError):
        while os.read(tether.fileno(), 1024):
            pass
    service.starter_is_gone = True
    service.stop()


def once(jobs: Sequence[Job], folder: Path) -> int:
    """Do what is due now; returns the exit code: 1 if something failed. A first SIGTERM or Ctrl-C lets it finish."""
    ended = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        if ended.is_set():
            os._exit(ENDED_AT_ONCE)
        ended.set()
        for job in jobs:
            job.stopping.set()
        say("schedule: finishing the present run; a second signal ends it at once")

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    lock.be_the_schedule()
    written = SignsOfLife(folder)
    results = []
    for job in jobs:
        with written.during(job):
            results.append(job.wake())
    return 0 if all(results) else 1
