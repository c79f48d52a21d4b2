"""Opens a file by what it is, not by its name, and hands out whole lines in blocks."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from airgap.errors import PlatformError

BLOCK_BYTES = 1 << 20
_LONGEST_LINE = 1 << 20
_BOM = b"\xef\xbb\xbf"


class Kind(StrEnum):
    """What a file is."""

    CSV = "csv"
    GZIP = "gzip"
    ZSTD = "zstd"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines. `line` is the number of the first one, from 1; the last one may lack its newline."""

    line: int
    data: bytes = field(repr=False)


def kind_of(path: Path) -> Kind:
    """What the file is, by its first bytes.

    Raises PlatformError where it is missing, unreadable, empty or no file.
    """
    try:
        with path.open("rb") as stream:
            start = stream.read(4)
    except OSError as error:
        raise PlatformError(
            f"the file can't be read: {error.strerror}", where=str(path), next_step="check its path and permissions"
        ) from error
    if not start:
        raise PlatformError("the file is empty", where=str(path), next_step="leave it out, or fetch it again")
    if start[:2] == b"\x1f\x8b":
        return Kind.GZIP
    return {b"\x28\xb5\x2f\xfd": Kind.ZSTD, b"PAR1": Kind.PARQUET}.get(start, Kind.CSV)


class _Zstd(io.RawIOBase):
    """Frames of zstd as one stream. The library's own reader takes a file that was cut off for one that has ended."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self._frame: Any = None
        self._input = b""
        self._output = b""

    def readable(self) -> bool:
        """It is for reading."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer as far as it goes; EOFError where the file ends within a frame."""
        import zstandard

        while not self._output:
            self._input = self._input or self._raw.read(1 << 17)
            if not self._input:
                if self._frame is not None:
                    raise EOFError("the file ends within a zstd frame")
                return 0
            self._frame = self._frame or zstandard.ZstdDecompressor().decompressobj()
            self._output, self._input = self._frame.decompress(self._input), b""
            if self._frame.eof:
                self._input, self._frame = self._frame.unused_data, None
        count = min(len(buffer), len(self._output))
        buffer[:count], self._output = self._output[:count], self._output[count:]
        return count


@contextmanager
def opened(path: Path, kind: Kind) -> Iterator[tuple[IO[bytes], BinaryIO]]:
    """The file's content, decompressed, and the file itself: its position tells how much has been read.

    A damaged or cut-off file raises PlatformError where the damage is reached.
    """
    import zstandard

    with path.open("rb") as raw:
        stream: IO[bytes]
        if kind is Kind.GZIP:
            stream = cast("IO[bytes]", gzip.GzipFile(fileobj=raw))
        elif kind is Kind.ZSTD:
            stream = cast("IO[bytes]", io.BufferedReader(_Zstd(raw)))
        else:
            stream = raw
        try:
            yield stream, raw
        except (EOFError, gzip.BadGzipFile, zlib.error, zstandard.ZstdError) as error:
            raise PlatformError(
                f"the file is damaged or cut off: {error}",
                where=str(path),
                next_step="fetch it again; what came before the damage is loaded",
            ) from error


def blocks(stream: IO[bytes], size: int = BLOCK_BYTES) -> Iterator[Block]:
    """The stream in blocks of whole lines, about `size` bytes each; a line that never ends is cut after a mebibyte."""
    line = 1
    rest = stream.read(len(_BOM))
    if rest == _BOM:
        rest = b""
    while True:
        data = stream.read(size)
        if not data:
            break
        data = rest + data
        end = data.rfind(b"\n") + 1
        if end == 0 and len(data) > _LONGEST_LINE + size:
            end = len(data)
        rest = data[end:]
        if end:
            yield Block(line, data[:end])
            line += data.count(b"\n", 0, end)
    if rest:
        yield Block(line, rest)


def first_line(stream: IO[bytes]) -> tuple[str, bytes]:
    """The header line as text and as it stood."""
    buffered = io.BytesIO(stream.read(_LONGEST_LINE))
    raw = buffered.readline()
    return raw.removeprefix(_BOM).decode("utf-8", errors="replace").rstrip("\r\n"), raw
