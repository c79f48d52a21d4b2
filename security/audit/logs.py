"""A container's log from where it was last read, line by line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.container_logs import lines_of

if TYPE_CHECKING:
    from docker.models.containers import Container

_FIRST_LOOK = 2_000  # lines: Docker reads a log from its end only if it is asked for a number of lines
_MORE = 8


@dataclass(frozen=True, slots=True)
class Stamped:
    """A line and Docker's time of it, which is unique within a log."""

    time: str
    line: bytes


@dataclass(frozen=True, slots=True)
class NewLines:
    """`lines` after the position. `gap` is true if Docker has deleted lines before they were read."""

    lines: list[Stamped]
    gap: bool


def after(container: Container, position: str) -> NewLines:
    """The lines after a position, which is the time of a line; empty for all lines."""
    look = _FIRST_LOOK
    while True:
        lines = list(_stamped(container.logs(stream=True, follow=False, timestamps=True, tail=look if position else "all")))
        reached = not position or (bool(lines) and lines[0].time <= position)
        whole = len(lines) < look
        if reached or whole:
            # A log that begins after the position was shortened, unless its container began after it as well.
            began_before = str(container.attrs["Created"])[:19] <= position[:19]
            return NewLines([line for line in lines if line.time > position], gap=bool(position and lines) and not reached and began_before)
        look *= _MORE


def _stamped(chunks: Iterator[bytes]) -> Iterator[Stamped]:
    for line in lines_of(chunks, unfinished=False):
        time, _, text = line.partition(b" ")
        yield Stamped(time.decode(errors="replace"), text)
