"""Leaving the processor to the stores and their clients while a backup or a check works."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

NICE = 15
"""A thirtieth of what a process of usual priority gets where both want all of it: a machine that is always busy still gets its backups."""
_AUTOGROUP = Path("/proc/self/autogroup")


def yield_processor() -> bool:
    """Take less of the processor than others, where this process has a session to itself; tells whether it has.

    Linux shares the processor out between sessions first, and a nice value counts only within one (sched(7), autogroup). The
    session of a terminal has the user's shell in it and is left alone; under systemd, cron or a container there is one to each run.
    """
    if os.getsid(0) != os.getpid():
        return False
    os.nice(max(0, NICE - os.nice(0)))  # a unit of systemd has it from the start
    # Not every kernel has it, and no other one needs it.
    with contextlib.suppress(OSError):
        _AUTOGROUP.write_text(str(NICE), encoding="ascii")
    return True
