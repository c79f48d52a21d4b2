"""Files into and out of containers, running or not, through Docker's archives."""

from __future__ import annotations

import contextlib
import functools
import io
import tarfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from core.disk import read_pieces
from core.docker_client import docker_client
from core.errors import PlatformError
from core.streams import PiecesFile, StreamedFile

if TYPE_CHECKING:
    from docker.models.containers import Container

_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class FileToPut:
    """A file or directory (`source` None) to put into a container: its path there, content, mode and numeric owner."""

    path: str
    source: Path | bytes | StreamedFile | None
    mode: int = 0o600
    uid: int = 0
    gid: int = 0


def owner_of(user: str) -> dict[str, int]:
    """`uid` and `gid` of a container's user, which is `uid:gid`, as `put_files` and `give` take them."""
    uid, _, gid = user.partition(":")
    return {"uid": int(uid), "gid": int(gid or uid)}


def put_files(container: Container, directory: str, files: Iterable[FileToPut], *, uid: int, gid: int) -> None:
    """Write files into a container, started or not, piece by piece, owned by `uid:gid`; makes missing folders.

    Raises PlatformError if Docker refuses.
    """
    from docker.errors import APIError

    try:
        done = container.put_archive(directory, packed(replace(file, uid=uid, gid=gid) for file in _with_folders(files)))
    except APIError as error:
        raise PlatformError(
            what=f"files can't be written there: {error.explanation or error}", where=f"container {container.name}: {directory}"
        ) from error
    if not done:
        raise PlatformError(what="files can't be written there", where=f"container {container.name}: {directory}")


def give(container: Container, directory: str, *, uid: int, gid: int) -> None:
    """Make `uid:gid` the owner of a directory, and of nothing in it. An image decides who owns the directory of a new volume.

    Docker ignores an archive's entry for the very directory that it is put into, so it is put into the parent.
    """
    path = PurePosixPath(directory)
    container.put_archive(str(path.parent), packed([FileToPut(path.name, None, 0o700, uid, gid)]))


def packed(files: Iterable[FileToPut]) -> Iterator[bytes]:
    """An archive of these files, in pieces, for Docker to unpack.

    Raises PlatformError if a set's file is shorter or longer than its manifest says.
    """
    for file in files:
        size = _size(file.source)
        entry = tarfile.TarInfo(file.path)
        entry.uid, entry.gid, entry.mode, entry.size, entry.mtime = file.uid, file.gid, file.mode, size, int(time.time())
        entry.type = tarfile.DIRTYPE if file.source is None else tarfile.REGTYPE
        yield entry.tobuf(tarfile.PAX_FORMAT)
        yield from _content(file.source, size)
        yield b"\0" * (-size % tarfile.BLOCKSIZE)
    yield b"\0" * (2 * tarfile.BLOCKSIZE)


def _with_folders(files: Iterable[FileToPut]) -> Iterator[FileToPut]:
    folders: set[PurePosixPath] = set()
    for file in files:
        for parent in reversed(PurePosixPath(file.path).parents[:-1]):
            if parent not in folders:
                folders.add(parent)
                yield FileToPut(str(parent), None, 0o700)
        yield file


def _size(source: Path | bytes | StreamedFile | None) -> int:
    if source is None:
        return 0
    if isinstance(source, Path):
        return source.stat().st_size
    return len(source) if isinstance(source, bytes) else source.size


def _content(source: Path | bytes | StreamedFile | None, size: int) -> Iterator[bytes]:
    """The content, which must be as long as the archive's header says."""
    if isinstance(source, bytes):
        yield source
    elif isinstance(source, Path):
        yield from read_pieces(source)
    elif source is not None:
        for piece in source.read():
            size -= len(piece)
            yield piece
        if size:
            raise PlatformError(
                what=f"{source.path} has {abs(size)} bytes {'less' if size > 0 else 'more'} than its manifest says",
                where=source.where,
                next_step="invoke backup.verify names the faults",
            )


@contextlib.contextmanager
def unpacked(pieces: Iterator[bytes]) -> Iterator[tarfile.TarFile]:
    """An archive of Docker's, to be read once from front to back."""
    with tarfile.open(fileobj=io.BufferedReader(PiecesFile(pieces), _PIECE), mode="r|") as archive:
        yield archive


@contextlib.contextmanager
def copied(container: str, path: str) -> Iterator[tarfile.TarFile]:
    """What lies at a path in a container, as an archive. Needs no tool inside the container.

    Raises PlatformError if the path does not exist or the copy breaks off.
    """
    from docker.errors import APIError, NotFound

    where, next_step = f"container {container}", f"docker logs --tail 50 {container}"
    try:
        with unpacked(docker_client().api.get_archive(container, path, chunk_size=_PIECE)[0]) as archive:
            yield archive
    except NotFound as error:
        raise PlatformError(what=f"{path} does not exist", where=where, next_step=next_step) from error
    except (APIError, tarfile.TarError) as error:
        raise PlatformError(what=f"copying {path} broke off: {error}", where=where, next_step=next_step) from error


def copy_tree(container: str, path: str, receive: Callable[[str, Iterator[bytes]], object]) -> int:
    """Pass every file below a directory of a container to `receive(relative path, pieces)`; return the number of files.

    The files must not change meanwhile. Raises as `copied` does.
    """
    files = 0
    with copied(container, path) as archive:
        for member in archive:
            if member.isfile():
                receive(member.name.split("/", 1)[-1], pieces_of(archive, member))
                files += 1
    return files


def pieces_of(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Iterator[bytes]:
    """The content of a file of an archive."""
    opened: Any = archive.extractfile(member)
    return iter(functools.partial(opened.read, _PIECE), b"")
