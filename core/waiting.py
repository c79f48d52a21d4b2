"""Looking again and again until something is so, or time is up."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

_T = TypeVar("_T")


def looks(seconds: float, *, pause: float = 0.2) -> Iterator[bool]:
    """Yield before each look whether there is time for another one after it; pauses between them. The look that gets False is the last."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield True
        time.sleep(pause)
    yield False


def until(look: Callable[[], _T | None], seconds: float, *, pause: float = 0.2) -> _T | None:
    """Look until there is an answer; None where there is none in time. What `look` raises ends the waiting."""
    for _ in looks(seconds, pause=pause):
        if answer := look():
            return answer
    return None
