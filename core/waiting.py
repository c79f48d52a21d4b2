"""Polling until a condition holds or the time is up."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

_T = TypeVar("_T")


def looks(seconds: float, *, pause: float = 0.2) -> Iterator[bool]:
    """Yield, with pauses, whether there is time for another look after this one. The look that gets False is the last."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield True
        time.sleep(pause)
    yield False


def until(look: Callable[[], _T | None], seconds: float, *, pause: float = 0.2) -> _T | None:
    """Poll until `look` returns something; None if it doesn't in time. An error of `look` ends the waiting."""
    for _ in looks(seconds, pause=pause):
        if answer := look():
            return answer
    return None
