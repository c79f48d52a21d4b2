"""Python starts with this where its folder is on PYTHONPATH: the blueprint's times on a shorter day.

Every interval that decides when a stack does something is divided by HURRIED_BY; the program, the servers and their clocks are real.
That is what somebody gets who writes these numbers into the blueprint, so nothing in the program knows of it. `archive_timeout` is the
server's own and stays.

The wall clock of such a process is moved by what the file HURRIED_CLOCK holds, in seconds: what a process sees of a clock that is set.
"""

import contextlib
import os
import sys
import threading
import time
from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

FACTOR = float(os.environ["HURRIED_BY"])


def _hurry() -> None:
    try:
        from christmas.blueprint import backup_and_drill_rules, schedule_rules
    except ImportError:
        return  # another Python's, which has nothing to do with the platform
    for module, name, kept in (
        (backup_and_drill_rules, "BACKUP_RULES", {"archive_timeout", "loss_at_most", "commit_waits_at_most"}),
        (schedule_rules, "SCHEDULE_RULES", {"keep_history"}),
    ):
        before = getattr(module, name)
        times = {field.name: getattr(before, field.name) for field in fields(before) if field.name not in kept}
        setattr(module, name, replace(before, **{key: value / FACTOR for key, value in times.items() if isinstance(value, timedelta)}))


def _keep_deadlines() -> None:
    """Leave gRPC the machine's clock: it takes deadlines from Python's and holds them against the machine's, so where the one is set
    back for Python alone, every call would be too late as it begins."""
    import grpc._channel as channel

    offset = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    real = {"time": lambda: time.clock_gettime(time.CLOCK_BOOTTIME) + offset}
    setattr(channel, "time", SimpleNamespace(**{**vars(time), **real}))  # noqa: B010 - a module of another's


def _follow(path: Path) -> None:
    import time_machine

    applied, travelling = 0.0, None
    while True:
        # Nobody may be cut off in the middle of a look at the clock for longer than this takes.
        with contextlib.suppress(OSError, ValueError):
            wanted = float(path.read_text())
            if wanted != applied:
                if travelling:
                    travelling.stop()
                travelling = time_machine.travel(time.time() + wanted, tick=True)
                travelling.start()
                applied = wanted
        threading.Event().wait(0.2)


_hurry()
if os.environ.get("HURRIED_CLOCK") and "schedule.kept" in sys.orig_argv:
    _keep_deadlines()
    threading.Thread(target=_follow, args=(Path(os.environ["HURRIED_CLOCK"]),), daemon=True).start()
