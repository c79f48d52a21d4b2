"""Docker's logs in lines, and Docker's times."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime


def lines_of(pieces: Iterable[bytes], *, unfinished: bool = True) -> Iterator[bytes]:
    """The lines of a log that comes in pieces, which may end inside a line; a last one without its end only if `unfinished`."""
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        yield from whole
    if rest and unfinished:
        yield rest


def moment(text: str) -> datetime:
    """A time as Docker writes it, to the second: it has nanoseconds, more digits than fromisoformat takes."""
    return datetime.fromisoformat(text[:19] + "+00:00").astimezone(UTC)
