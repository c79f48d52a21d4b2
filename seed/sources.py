"""Finds documents on disk and reads them: the reader and encoding for each file, and the path it is stored under."""

from __future__ import annotations

import hashlib
import os
import stat
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from infra.connections import ROOT
from seed.blocks import Block, BlockKind, Unreadable
from seed.encodings import decode
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
_PAGES = frozenset((".html", ".htm", ".xhtml"))
"""Suffixes of files that may declare their own encoding."""
BINARY_READERS: dict[str, Callable[[bytes], list[Block]]] = {".pdf": pdf.read}
SUFFIXES = frozenset({*READERS, *BINARY_READERS})
"""Suffixes with a reader. Other files are skipped in a folder; named directly, they are a problem."""
BIGGEST = 32 * 1024 * 1024
"""The most bytes of a file. A bigger document is a data file, and its chunks would crowd out everything else."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file to import. `path` is its name in the store: relative to the project's root, or absolute outside of it."""

    file: Path
    path: str


@dataclass(frozen=True, slots=True)
class Found:
    """The files under a list of paths, and the stored paths (or folders, ending in a slash) that the list covers.

    `spared` are stored paths and folders with an unknown state, whose passages stay.
    `passed_over` counts the files in folders without a reader, by suffix.
    """

    sources: list[Source]
    scopes: list[str]
    problems: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)  # named, but not on disk
    spared: list[str] = field(default_factory=list)
    passed_over: Counter[str] = field(default_factory=Counter)

    def covers(self, path: str) -> bool:
        """Whether this run covers a stored path, so that a missing file means a deleted one."""
        name = unicodedata.normalize("NFC", path)
        return _within(name, self.scopes) and not _within(name, self.spared)


def _within(path: str, places: Iterable[str]) -> bool:
    """Whether a stored path is one of the places or inside one; the empty place is the project's root."""
    return any(
        path == place or (place.endswith("/") and path.startswith(place)) or (not place and not path.startswith("/")) for place in places
    )


def stored_path(file: Path) -> str:
    """A file's path in the store, composed (NFC): the same name from any machine."""
    absolute = Path(os.path.abspath(file))  # noqa: PTH100 - resolve() would follow links out of the project
    path = absolute.relative_to(ROOT).as_posix() if absolute.is_relative_to(ROOT) else absolute.as_posix()
    return unicodedata.normalize("NFC", path)


def find(paths: Sequence[Path]) -> Found:
    """Every document under the paths, sorted. A missing path covers everything imported from it earlier."""
    documents = Found([], [])
    files: dict[str, Source] = {}
    for requested in paths:
        path = _as_on_disk(requested)
        name = stored_path(path)
        if path.is_dir():
            documents.scopes.append("" if name == "." else name.rstrip("/") + "/")
            for file in _walk(path, documents):
                _add(file, files, documents)
        else:
            documents.scopes.extend((name, name + "/"))
            if not os.path.lexists(path):
                documents.absent.append(name)
            elif path.suffix.lower() not in SUFFIXES:
                suffix = path.suffix or "files without a suffix"
                documents.problems.append(f"{shown(name)}: no reader for {suffix}; known are {' '.join(sorted(SUFFIXES))}")
            else:
                _add(path, files, documents)
    documents.sources.extend(files[name] for name in sorted(files))
    return documents


def _as_on_disk(path: Path) -> Path:
    """The path in the disk's spelling: `한` may be one character or three, and both look the same."""
    spellings = [path, *(Path(unicodedata.normalize(form, str(path))) for form in ("NFC", "NFD"))]
    return next((spelling for spelling in spellings if os.path.lexists(spelling)), path)


def shown(name: str) -> str:
    """A file's name for messages: without terminal control characters, and in UTF-8 whatever it is on disk."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8").translate({code: f"\\x{code:02x}" for code in (*range(32), 127)})


def _add(file: Path, files: dict[str, Source], documents: Found) -> None:
    name = stored_path(file)
    if not _is_unicode(name):
        documents.problems.append(f"{shown(name)}: its name is not in UTF-8; rename it, such as with convmv")
    elif name in files and os.path.abspath(files[name].file) != os.path.abspath(file):  # noqa: PTH100 - as in stored_path
        documents.problems.append(f"{shown(name)}: two files have this name, in two spellings of Unicode (NFC and NFD); rename one")
        documents.spared.append(name)
        del files[name]
    elif name not in documents.spared:
        files[name] = Source(file, name)


def _is_unicode(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _walk(top: Path, documents: Found) -> Iterator[Path]:
    """Files with a reader; linked folders are walked unless the walk reaches them anyway."""
    seen = {os.path.realpath(top)}
    left = [top]

    def failed(error: OSError) -> None:
        folder = stored_path(Path(error.filename or top))
        documents.problems.append(f"{shown(folder)}: the folder can't be read: {error.strerror}; what was imported from it stays")
        documents.spared.append(folder + "/")

    while left:
        for root, folders, names in os.walk(left.pop(0), onerror=failed):
            folders[:] = sorted(
                linked for linked in folders if not linked.startswith(".") and os.path.realpath(Path(root, linked)) not in seen
            )
            for link in (Path(root, linked) for linked in folders):
                if link.is_symlink() and not _lies_in(os.path.realpath(link), {os.path.realpath(top), *seen}):
                    left.append(link)
                    seen.add(os.path.realpath(link))
            for name in sorted(names):
                suffix = Path(name).suffix.lower()
                if name.startswith("."):
                    continue
                if suffix in SUFFIXES:
                    yield Path(root) / name
                else:
                    documents.passed_over[suffix or "without a suffix"] += 1


def _lies_in(path: str, folders: Iterable[str]) -> bool:
    return any(path == folder or path.startswith(folder.rstrip("/") + "/") for folder in folders)


def content_hash(parts: Iterable[str]) -> str:
    """Twenty hexadecimal digits over texts, with separators."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode("utf-8", "surrogatepass"))
        digest.update(b"\0")
    return digest.hexdigest()[:20]


def read(source: Source, encoding: str | None = None) -> list[Block]:
    """The blocks of a file. `encoding` is for text without a mark that isn't UTF-8; without it such text must be certain.

    Raises Unreadable if it is missing, not a regular file, too big, empty, encrypted, of an uncertain encoding, or broken.
    """
    try:
        status = source.file.stat()
        if not stat.S_ISREG(status.st_mode):
            raise Unreadable("not a regular file")
        if status.st_size > BIGGEST:
            raise Unreadable(f"{status.st_size / 1024 / 1024:.0f} MiB, more than the {BIGGEST // 1024 // 1024} that a document may have")
        data = source.file.read_bytes()
    except OSError as error:
        raise Unreadable(error.strerror or str(error)) from error
    suffix = source.file.suffix.lower()
    if not data:
        raise Unreadable("empty")
    if suffix in BINARY_READERS:
        blocks = BINARY_READERS[suffix](data)
    else:
        try:
            blocks = READERS[suffix](decode(data, encoding, declares=suffix in _PAGES))
        except RecursionError as error:
            raise Unreadable("nested too deeply") from error
    if not any(block.text.strip() or block.header.strip() for block in blocks if block.kind is not BlockKind.HEADING):
        raise Unreadable("empty: no text below its headings" if blocks else "empty")
    return blocks
