"""Several calls at the same time with one time limit; late ones are reported and abandoned.

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
    """No answer within that many seconds."""

    seconds: float

    def __str__(self) -> str:
        return f"no answer within {round(self.seconds, 1):g} s"


def gather(looks: Mapping[str, Callable[[], Any]], seconds: float) -> dict[str, Any]:
    """The result of each call by name: its answer, its exception, or `Late`. In the given order.

    A thread that hangs in a driver can't be ended; as a daemon thread it does not delay the end of the process.
    """
    answers: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()

    def look(name: str) -> None:
        try:
            answers.put((name, looks[name]()))
        except Exception as error:  # any exception is the answer of this call
            answers.put((name, error))

    for name in looks:
        threading.Thread(target=look, args=(name,), name=name, daemon=True).start()
    deadline = time.monotonic() + seconds
    outcomes: dict[str, Any] = {}
    while len(outcomes) < len(looks):
        try:
            name, answer = answers.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            break
        outcomes[name] = answer
    return {name: outcomes.get(name, Late(seconds)) for name in looks}
