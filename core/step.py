"""One named step of a procedure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core.progress import Progress


@dataclass(frozen=True)
class Step:
    """One named step of a procedure.

    `why` is shown when the step fails. `done` tells quickly whether there is nothing to do; without it the step always
    runs, and has to be cheap when repeated. `run` may return a few words on what it found or made.
    Neighbours that are `beside` run at once, each in a process of its own that starts when the steps named in `after` are done.
    """

    name: str
    why: str
    run: Callable[[Progress], str | None]
    done: Callable[[], bool] | None = None
    beside: bool = False
    after: tuple[str, ...] = ()
