"""pgBackRest's repository as files, in a volume or at a place. Their content is pgBackRest's own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from backup.sets.model import FileRecord
from backup.storage.places import Place
from core.streams import size_and_hash
from infra.components.pgbackrest_config import REPOSITORY_PATH, STANZA

INFO_FILES = (f"archive/{STANZA}/archive.info", f"backup/{STANZA}/backup.info")
"""The index files of the repository. pgBackRest rewrites them with each backup."""

SEGMENT = re.compile(r"/(?P<segment>[0-9A-F]{24})-[0-9a-f]{40}")
_AT_ONCE = 4


class RepositoryFiles(Protocol):
    """The repository's files, by their paths in it."""

    def sizes(self, prefixes: Iterable[str]) -> dict[str, int]:
        """Every file at or below these paths, with its size."""

    def hash_files(self, paths: Iterable[str]) -> tuple[FileRecord, ...]:
        """Size and hash of every file at or below these paths."""

    def read(self, path: str) -> Iterator[bytes]:
        """A file's content, encrypted as pgBackRest left it."""


def segments(files: RepositoryFiles) -> dict[str, str]:
    """Every archived WAL segment: its name, and its file's path in the repository."""
    return {match["segment"]: path for path in files.sizes([f"archive/{STANZA}"]) if (match := SEGMENT.search(path))}


class VolumeRepository:
    """The repository in a container's volume; hashes are computed inside the container."""

    def __init__(self, container: str) -> None:
        self._container = container

    def sizes(self, prefixes: Iterable[str]) -> dict[str, int]:
        """Every file at or below these paths; missing paths give none."""
        from core.container_commands import execute

        script = f'cd {REPOSITORY_PATH} && for each; do [ ! -e "$each" ] || find "$each" -type f -exec stat -c \'%s %n\' {{}} +; done'
        text = execute(self._container, ["sh", "-c", script, "sh", *prefixes], user="postgres").stdout.decode()
        return {name: int(size) for size, name in (line.split(" ", 1) for line in text.splitlines())}

    def hash_files(self, paths: Iterable[str]) -> tuple[FileRecord, ...]:
        """Size and hash of every file at or below these paths."""
        from backup.postgres.pgbackrest import hash_files

        return hash_files(self._container, paths)

    def read(self, path: str) -> Iterator[bytes]:
        """A file's content, through the engine: the container doesn't have to run."""
        from core.container_files import copied, pieces_of

        with copied(self._container, f"{REPOSITORY_PATH}/{path}") as archive:
            for member in archive:
                yield from pieces_of(archive, member)


class PlaceRepository:
    """The repository below a place, or a copy of it there."""

    def __init__(self, place: Place) -> None:
        self.place = place

    def sizes(self, prefixes: Iterable[str]) -> dict[str, int]:
        """Every file at or below these paths; the place is asked folder by folder."""
        paths = list(prefixes)
        sizes: dict[str, int] = {}
        for top in sorted({"/".join(path.split("/")[:3]) for path in paths}):
            sizes |= self.place.sizes(top)
        return {path: size for path, size in sizes.items() if any(path == prefix or path.startswith(f"{prefix}/") for prefix in paths)}

    def hash_files(self, paths: Iterable[str]) -> tuple[FileRecord, ...]:
        """Size and hash of every file at or below these paths; reads each file completely."""
        with ThreadPoolExecutor(max_workers=_AT_ONCE, thread_name_prefix="hash") as pool:
            return tuple(pool.map(self._hash, sorted(self.sizes(paths))))

    def _hash(self, path: str) -> FileRecord:
        size, sha256 = size_and_hash(self.place.read(path))
        return FileRecord(place="pgbackrest", path=path, size=size, sha256=sha256)

    def read(self, path: str) -> Iterator[bytes]:
        """A file's content."""
        return self.place.read(path)
