"""Waiting for what a test needs to happen, however slow the machine is."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")

# Says nothing about speed: only how long a test waits for what never comes. A busy machine takes ten times as long as a quiet one.
PATIENCE = 180


def wait_for(happened: Callable[[], _T | None], what: str, seconds: float = PATIENCE, pause: float = 0.05) -> _T:
    """Ask again and again until the answer is true, and return it. AssertionError with `what` where it never is."""
    deadline = time.monotonic() + seconds
    while not (answer := happened()):
        if time.monotonic() > deadline:
            raise AssertionError(f"did not happen within {seconds:.0f} s: {what}")
        time.sleep(pause)
    return answer
