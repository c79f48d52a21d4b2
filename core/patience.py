"""Time limits that grow with the machine's load: a server that shares its cores answers late, not never."""

from __future__ import annotations

import os

_MOST = 8.0


def patience(seconds: float) -> float:
    """Return a time limit for a quiet machine, adapted to its present load: times the runnable processes per core, eight at most."""
    try:
        waiting = os.getloadavg()[0] / (os.cpu_count() or 1)
    except OSError:
        waiting = 1.0
    return seconds * min(_MOST, max(1.0, waiting))
