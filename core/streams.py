"""Byte streams in pieces: as readable files, and as content to write somewhere."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from core.errors import PlatformError


class PiecesFile(io.RawIOBase):
    """An iterator of byte strings as a readable file; closing it closes a generator. `failure` is the iterator's error."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")
        self.failure: BaseException | None = None

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer from one piece; 0 at the end."""
        try:
            while not self._rest:
                self._rest = memoryview(next(self._pieces))
        except StopIteration:
            return 0
        except BaseException as error:
            self.failure = error
            raise
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def close(self) -> None:
        """Close the iterator."""
        if not self.closed and (close := getattr(self._pieces, "close", None)):
            close()
        super().close()


@dataclass(frozen=True, slots=True)
class StreamedFile:
    """Content in pieces, with its size in bytes, to be written somewhere."""

    path: str
    size: int
    where: str
    read: Callable[[], Iterator[bytes]]


def proven(pieces: Iterable[bytes], sha256: str | None, fault: PlatformError) -> Iterator[bytes]:
    """The pieces, the last one only once the hash of all is the expected one (if it is known). Raises `fault` if it is not."""
    digest, last = hashlib.sha256(), b""
    for piece in pieces:
        digest.update(piece)
        if last:
            yield last
        last = piece
    if sha256 is not None and digest.hexdigest() != sha256:
        raise fault
    if last:
        yield last


def size_and_hash(pieces: Iterable[bytes]) -> tuple[int, str]:
    """The number of bytes, and their SHA-256."""
    digest, size = hashlib.sha256(), 0
    for piece in pieces:
        digest.update(piece)
        size += len(piece)
    return size, digest.hexdigest()
