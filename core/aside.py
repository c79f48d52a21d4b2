"""Several looks at once, none of which may hold up the others: what is not there in time is told as late, and left behind.

Standard library only.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Late:
    """There was no answer within so many seconds."""

    seconds: float

    def __str__(self) -> str:
        return f"no answer within {round(self.seconds, 1):g} s"


def gather(looks: Mapping[str, Callable[[], Any]], seconds: float) -> dict[str, Any]:
    """What each look returns, by name: its answer, the exception that it raised, or `Late`. In the looks' order.

    A thread that hangs in a driver can't be ended; as a daemon it keeps nobody waiting, and the process may end.
    """
    answers: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()

    def look(name: str) -> None:
        try:
            answers.put((name, looks[name]()))
        except Exception as error:  # whatever it is, it is this look's answer
            answers.put((name, error))

    for name in looks:
        threading.Thread(target=look, args=(name,), name=name, daemon=True).start()
    deadline = time.monotonic() + seconds
    found: dict[str, Any] = {}
    while len(found) < len(looks):
        try:
            name, answer = answers.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            break
        found[name] = answer
    return {name: found.get(name, Late(seconds)) for name in looks}
