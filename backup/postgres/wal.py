"""Names of WAL segments: 24 hexadecimal digits for timeline, log and segment. Pure."""

from __future__ import annotations

from collections.abc import Iterable

# Segments of 16 MiB, so a log of 4 GiB has 256 (PostgreSQL's default, also of the servers here).
_PER_LOG = 0x100


def number(segment: str) -> int:
    """A segment's number within its timeline."""
    return int(segment[8:16], 16) * _PER_LOG + int(segment[16:24], 16)


def timeline(segment: str) -> int:
    """The timeline of a segment."""
    return int(segment[:8], 16)


def name(timeline: int, number: int) -> str:
    """The name of the segment with that number in a timeline."""
    return f"{timeline:08X}{number // _PER_LOG:08X}{number % _PER_LOG:08X}"


def between(first: str, last: str) -> list[str]:
    """The names from one segment to another of the same timeline, both included."""
    return [name(timeline(first), segment) for segment in range(number(first), number(last) + 1)]


def missing(first: str, last: str, segments: Iterable[str]) -> list[str]:
    """The missing segments from one to another. Across a timeline switch, the segment of either timeline is enough."""
    present = set(segments)
    if timeline(first) == timeline(last):
        return [segment for segment in between(first, last) if segment not in present]
    numbers = {number(segment) for segment in present if timeline(first) <= timeline(segment) <= timeline(last)}
    return [f"segment {wanted}" for wanted in range(number(first), number(last) + 1) if wanted not in numbers]
