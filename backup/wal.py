"""Names of WAL segments: 24 hexadecimal digits for timeline, log and segment. Pure."""

from __future__ import annotations

from collections.abc import Iterable

# Of 16 MiB each, so a log of 4 GiB has 256 (PostgreSQL's default, and what the server here is made with).
_PER_LOG = 0x100


def number(segment: str) -> int:
    """A segment's place in its timeline."""
    return int(segment[8:16], 16) * _PER_LOG + int(segment[16:24], 16)


def timeline(segment: str) -> int:
    """The timeline that a segment is of."""
    return int(segment[:8], 16)


def between(first: str, last: str) -> list[str]:
    """The names from one segment to another of the same timeline, both included."""
    return [f"{first[:8]}{place // _PER_LOG:08X}{place % _PER_LOG:08X}" for place in range(number(first), number(last) + 1)]


def missing(first: str, last: str, there: Iterable[str]) -> list[str]:
    """Which of the segments from one to another are not there. Across a change of timeline, a segment of either will do."""
    present = set(there)
    if timeline(first) == timeline(last):
        return [name for name in between(first, last) if name not in present]
    places = {number(name) for name in present if timeline(first) <= timeline(name) <= timeline(last)}
    return [f"segment {place}" for place in range(number(first), number(last) + 1) if place not in places]
