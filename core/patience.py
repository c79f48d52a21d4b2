"""Time limits that grow with what the machine is doing: a server that shares its cores with much else answers late, not never."""

from __future__ import annotations

import os

_MOST = 8.0


def patience(seconds: float) -> float:
    """Return a time limit for a quiet machine as it is now: times the runnable processes for each core, eight at most."""
    try:
        waiting = os.getloadavg()[0] / (os.cpu_count() or 1)
    except OSError:
        waiting = 1.0
    return seconds * min(_MOST, max(1.0, waiting))
