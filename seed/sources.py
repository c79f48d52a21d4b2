"""Finds documents on disk and reads them: which reader for which file, which encoding, which path they are known by."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from infra.connections import ROOT
from seed.blocks import Block, Kind, Unreadable
from seed.readers import html, markdown, pdf, plain, rst

READERS: dict[str, Callable[[str], list[Block]]] = {
    ".md": markdown.read,
    ".markdown": markdown.read,
    ".rst": rst.read,
    ".html": html.read,
    ".htm": html.read,
    ".xhtml": html.read,
    ".txt": plain.read,
    ".text": plain.read,
}
BINARY_READERS: dict[str, Callable[[bytes], list[Block]]] = {".pdf": pdf.read}
SUFFIXES = frozenset({*READERS, *BINARY_READERS})
"""Suffixes that have a reader. Other files in a folder are passed over; named one by one, they are a problem."""
BIGGEST = 32 * 1024 * 1024
"""Bytes of a file at most. A document this long is a data file, and its chunks would crowd out everything else."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file to import. `path` is what it is known by in the store: from the project's root, or absolute outside of it."""

    file: Path
    path: str


@dataclass(frozen=True, slots=True)
class Found:
    """What a list of paths covers: files that are there, and the stored paths (or folders, ending in a slash) they speak for."""

    sources: list[Source]
    scopes: list[str]
    problems: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)  # named, and not on disk

    def covers(self, path: str) -> bool:
        """Whether a stored path belongs to this run, so that its absence on disk means that it is gone."""
        return any(path == scope or (scope.endswith("/") and path.startswith(scope)) for scope in self.scopes)


def stored_path(file: Path) -> str:
    """The path by which a file is known in the store."""
    absolute = Path(os.path.abspath(file))  # noqa: PTH100 - resolve() would follow links out of the project
    return absolute.relative_to(ROOT).as_posix() if absolute.is_relative_to(ROOT) else absolute.as_posix()


def find(paths: Sequence[Path]) -> Found:
    """Every document under the paths, sorted. A path that is not there covers what was imported from it before."""
    files: dict[str, Source] = {}
    scopes: list[str] = []
    problems: list[str] = []
    absent: list[str] = []
    for path in paths:
        name = stored_path(path)
        if path.is_dir():
            scopes.append("" if name == "." else name.rstrip("/") + "/")
            files |= {stored_path(file): Source(file, stored_path(file)) for file in _walk(path)}
        else:
            scopes += [name, name + "/"]
            if path.exists() and path.suffix.lower() not in SUFFIXES:
                problems.append(f"{name}: no reader for {path.suffix or 'files without a suffix'}; known are {' '.join(sorted(SUFFIXES))}")
            elif path.exists():
                files[name] = Source(path, name)
            else:
                absent.append(name)
    return Found([files[name] for name in sorted(files)], scopes, problems, absent)


def _walk(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES:
                yield Path(root) / name


def content_hash(parts: Iterable[str]) -> str:
    """Twenty hexadecimal digits over texts, each set off from the next."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode("utf-8", "surrogatepass"))
        digest.update(b"\0")
    return digest.hexdigest()[:20]


def read(source: Source) -> list[Block]:
    """The blocks of a file.

    Raises Unreadable for one that is missing, too big, empty, encrypted, of an unknown encoding or broken.
    """
    try:
        size = source.file.stat().st_size
        if size > BIGGEST:
            raise Unreadable(f"{size / 1024 / 1024:.0f} MiB, more than the {BIGGEST // 1024 // 1024} that a document may have")
        data = source.file.read_bytes()
    except OSError as error:
        raise Unreadable(error.strerror or str(error)) from error
    suffix = source.file.suffix.lower()
    if not data:
        raise Unreadable("empty")
    blocks = BINARY_READERS[suffix](data) if suffix in BINARY_READERS else READERS[suffix](decode(data))
    if not any(block.text.strip() for block in blocks if block.kind is not Kind.HEADING):
        raise Unreadable("empty: no text below its headings" if blocks else "empty")
    return blocks


def decode(data: bytes) -> str:
    """The text of a file in whatever encoding: UTF-8, UTF-16 or 32 with a mark, else the likeliest of the older ones.

    Raises Unreadable for what is no text.
    """
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe\x00\x00", "utf-32"), (b"\x00\x00\xfe\xff", "utf-32"),
                           (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):  # fmt: skip
        if data.startswith(mark):
            return _decoded(data, encoding)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return _guessed(data)
    if "\0" in text:
        raise Unreadable("not text: it holds zero bytes")
    return text


def _decoded(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise Unreadable(f"begins like {encoding} and is not: {error.reason} at byte {error.start}") from error


def _guessed(data: bytes) -> str:
    """Korean first, since its encoding rarely decodes anything else into Hangul; then the detector's best guess."""
    if b"\0" in data:
        raise Unreadable("not text: it holds zero bytes")
    try:
        korean = data.decode("cp949")
    except UnicodeDecodeError:
        korean = ""
    beyond = [character for character in korean if ord(character) > 127]
    if beyond and sum("\uac00" <= character <= "\ud7a3" for character in beyond) >= 0.8 * len(beyond):
        return korean
    from charset_normalizer import from_bytes

    best = from_bytes(data).best()
    if best is None:
        raise Unreadable("its encoding is unknown")
    return str(best)
