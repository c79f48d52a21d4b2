"""One named step of a procedure, and a procedure as a list of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from core.progress import Progress


@dataclass(frozen=True)
class Step:
    """One named step of a procedure.

    `why` is shown when the step fails. `done` tells quickly whether there is nothing to do; without it the step always
    runs, and must be cheap to repeat. `run` may return a few words about its result.
    Adjacent steps with `beside` run in parallel, each in its own process, which starts when the steps in `after` are done.
    """

    name: str
    why: str
    run: Callable[[Progress], str | None]
    done: Callable[[], bool] | None = None
    beside: bool = False
    after: tuple[str, ...] = ()


def follow(steps: Iterable[Step], progress: Progress) -> None:
    """Carry the steps out in their order, without those that have nothing to do; the first failure ends it."""
    for step in steps:
        if step.done is None or not step.done():
            step.run(progress)
