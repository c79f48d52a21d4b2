"""Leaves the processor to the stores and their clients while a backup or a check works."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

NICE = 15
"""A thirtieth of a normal process's share if both are busy: on a machine that is always busy, backups still progress."""
_AUTOGROUP = Path("/proc/self/autogroup")


def yield_processor() -> bool:
    """Lower this process's priority if it has its own session; returns whether it has.

    Linux first shares the processor between sessions; a nice value counts only within one (sched(7), autogroup). A terminal's
    session includes the user's shell and is left alone; systemd, cron and containers give each run its own session.
    """
    if os.getsid(0) != os.getpid():
        return False
    os.nice(max(0, NICE - os.nice(0)))  # a systemd unit starts with it
    # Not every kernel has autogroups, and the others don't need this.
    with contextlib.suppress(OSError):
        _AUTOGROUP.write_text(str(NICE), encoding="ascii")
    return True
