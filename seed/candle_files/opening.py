"""Opens a file by its content, not by its name, and returns whole lines in blocks."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from core.errors import PlatformError
from seed.candle_files.verdicts import printable

BLOCK_BYTES = 1 << 20
_LONGEST_LINE = 1 << 20
_BOM = b"\xef\xbb\xbf"


class FileKind(StrEnum):
    """The kind of a file."""

    CSV = "csv"
    GZIP = "gzip"
    ZSTD = "zstd"
    PARQUET = "parquet"
    ZIP = "zip"


@dataclass(frozen=True, slots=True)
class Part:
    """A file, or one file of an archive."""

    path: Path
    kind: FileKind
    size: int
    member: str = ""
    place: int = 0  # in the archive, which may have two files of one name

    @property
    def name(self) -> str:
        """Its name in messages."""
        return f"{self.path}:{printable(self.member)}" if self.member else str(self.path)


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines. `line` is the number of the first one, from 1; the last one may lack its newline."""

    line: int
    data: bytes = field(repr=False)


_STARTS = {
    b"\x1f\x8b": FileKind.GZIP,
    b"\x28\xb5\x2f\xfd": FileKind.ZSTD,
    b"PAR1": FileKind.PARQUET,
    b"PK\x03\x04": FileKind.ZIP,
    b"PK\x05\x06": FileKind.ZIP,
}
# Files that people mistake for CSV, by their first bytes.
_OTHERS = {
    b"\xd0\xcf\x11\xe0": "an Excel workbook: save the sheet as CSV",
    b"%PDF": "a PDF document: export the table as CSV",
    b"BZh": "bzip2: unpack it first",
    b"\xfd7zXZ": "xz: unpack it first",
    b"7z\xbc\xaf": "a 7z archive: unpack it first",
    b"Rar!": "a RAR archive: unpack it first",
    b"ARROW1": "an Arrow file: save it as Parquet or CSV",
    b"SQLite format 3": "a SQLite database: export the table as CSV",
    b"<!doctype html": "a web page, perhaps the source's error message: fetch the file again",
    b"<html": "a web page, perhaps the source's error message: fetch the file again",
    b"<?xml": "XML: export CSV",
    b"{": "JSON: export CSV",
    b"[": "JSON: export CSV",
    # What would be opened by itself, but not inside of another archive.
    b"PK\x03\x04": "a zip archive in another archive: unpack it first",
    b"PAR1": "a Parquet file in an archive: unpack it first",
    b"\x1f\x8b": "gzip in another archive: unpack it first",
    b"\x28\xb5\x2f\xfd": "zstd in another archive: unpack it first",
}
_TAR = slice(257, 262), b"ustar"  # where its first block says so
_TABLES = (".csv", ".txt", ".tsv", ".tab", ".prn", ".asc")


def parts_of(path: Path) -> list[Part]:
    """The readable parts of a file, by its first bytes: itself, or the CSV files of a zip archive.

    Raises PlatformError if it is missing, unreadable, empty, not a file, or of an unsupported kind.
    """
    try:
        with path.open("rb") as stream:
            start = stream.read(512)
    except OSError as error:
        raise PlatformError(
            f"the file can't be read: {error.strerror}", where=str(path), next_step="check its path and permissions"
        ) from error
    if not start:
        raise PlatformError("the file is empty", where=str(path), next_step="leave it out, or fetch it again")
    kind = next((kind for mark, kind in _STARTS.items() if start.startswith(mark)), FileKind.CSV)
    size = path.stat().st_size
    if kind is FileKind.ZIP:
        return _members(path, size)
    if kind is FileKind.CSV:
        refuse_others(start, str(path))
    return [Part(path, kind, size)]


def refuse_others(start: bytes, where: str) -> None:
    """Raise PlatformError for content that is not a text table."""
    begun = start.removeprefix(_BOM).lstrip().lower()
    what = next((what for mark, what in _OTHERS.items() if begun.startswith(mark.lower())), None)
    if start[_TAR[0]] == _TAR[1]:
        what = "a tar archive: unpack it, and name the files of candles"
    if what is not None:
        raise PlatformError("the file has no readable candles", where=where, next_step=f"it is {what}")


def _is_litter(name: str) -> bool:
    """Whether a file is a desktop's leftover in a folder."""
    return name.startswith("__MACOSX/") or name.rpartition("/")[2] in {".DS_Store", "Thumbs.db", "desktop.ini"}


def _members(path: Path, size: int) -> list[Part]:
    try:
        with zipfile.ZipFile(path) as archive:
            every = list(enumerate(archive.infolist()))
    except (zipfile.BadZipFile, OSError, NotImplementedError) as error:
        raise PlatformError(f"the zip archive is damaged or cut off: {error}", where=str(path), next_step="fetch it again") from error
    listed = [(place, member) for place, member in every if not member.is_dir() and not _is_litter(member.filename)]
    names = [member.filename for _, member in listed]
    if "[Content_Types].xml" in names:
        raise PlatformError("the file has no readable candles", where=str(path), next_step="it is an Excel workbook: save the sheet as CSV")
    tables = [(place, member) for place, member in listed if member.filename.lower().endswith(_TABLES)]
    others = sorted(set(names) - {table.filename for _, table in tables})
    if not tables or others:
        # Skipping a file could skip candles.
        raise PlatformError(
            f"the zip archive has {'no CSV file' if not tables else 'more than CSV files'}: {printable(', '.join(others)) or 'nothing'}",
            where=str(path),
            next_step="unpack it, and name the files of candles",
        )
    if any(table.flag_bits & 1 for _, table in tables):
        raise PlatformError(
            "the zip archive is encrypted", where=str(path), next_step="unpack it with its password, and name the files in it"
        )
    total = sum(table.file_size for _, table in tables) or 1
    # Progress is counted in bytes of the archive.
    return [Part(path, FileKind.ZIP, size * table.file_size // total, table.filename, place) for place, table in tables if table.file_size]


class _Zstd(io.RawIOBase):
    """Frames of zstd as one stream. The library's own reader treats a cut-off file as a complete one."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self._frame: Any = None
        self._input = b""
        self._output = b""

    def readable(self) -> bool:
        """This stream is readable."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer; EOFError if the file ends inside a frame."""
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
def opened(part: Part) -> Iterator[tuple[IO[bytes], BinaryIO]]:
    """The file's content, decompressed, and the file itself: its position shows how much was read.

    For a damaged or cut-off file raises PlatformError at the damage.
    """
    import zstandard

    with part.path.open("rb") as raw:
        try:
            stream: IO[bytes]
            if part.kind is FileKind.GZIP:
                stream = cast("IO[bytes]", gzip.GzipFile(fileobj=raw))
            elif part.kind is FileKind.ZSTD:
                stream = cast("IO[bytes]", io.BufferedReader(_Zstd(raw)))
            elif part.kind is FileKind.ZIP:
                archive = zipfile.ZipFile(raw)
                stream = archive.open(archive.infolist()[part.place])
            else:
                stream = raw
            yield stream, raw
        except (EOFError, gzip.BadGzipFile, zipfile.BadZipFile, NotImplementedError, zlib.error, zstandard.ZstdError) as error:
            raise PlatformError(
                f"the file is damaged or cut off: {error}",
                where=part.name,
                next_step="fetch it again; rows before the damage are loaded",
            ) from error


def blocks(stream: IO[bytes], size: int = BLOCK_BYTES) -> Iterator[Block]:
    """The stream in blocks of whole lines, about `size` bytes each; an endless line is cut after a mebibyte."""
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
