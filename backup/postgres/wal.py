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


def name(timeline: int, place: int) -> str:
    """The name of the segment at a place of a timeline."""
    return f"{timeline:08X}{place // _PER_LOG:08X}{place % _PER_LOG:08X}"


def between(first: str, last: str) -> list[str]:
    """The names from one segment to another of the same timeline, both included."""
    return [name(timeline(first), place) for place in range(number(first), number(last) + 1)]


def missing(first: str, last: str, there: Iterable[str]) -> list[str]:
    """Which of the segments from one to another are not there. Across a change of timeline, a segment of either will do."""
    present = set(there)
    if timeline(first) == timeline(last):
        return [each for each in between(first, last) if each not in present]
    places = {number(each) for each in present if timeline(first) <= timeline(each) <= timeline(last)}
    return [f"segment {place}" for place in range(number(first), number(last) + 1) if place not in places]
