"""Commands and files inside containers, through the Docker API.

A command started here is tethered: it ends with this process, however that ends, because its standard input
closes then. So a killed backup leaves nothing running inside a store.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
import secrets
import socket as socketlib
import tarfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from core.command_output import STDERR, CutOffError, Output, told_as_cut, wait_for_end
from core.disk import read_pieces
from core.errors import PlatformError
from core.streams import PiecesFile, StreamedFile

if TYPE_CHECKING:
    import docker
    from docker.models.containers import Container

Sink = Callable[[bytes], object]

_CUT_OFF = 126  # an engine's code for a command without its client, and for one that can't start
_YIELDING = ("nice", "-n", "15")

# The first line of standard input is the command's own input (a password, or empty). After that standard input carries nothing: its
# end means that the starting process is gone. The mark with the exit code comes last: without its client an engine
# reports an exit code of its own.
_TETHER = """
mark=$1
shift
exec 3<&0
IFS= read -r line
printf '%s\\n' "$line" | "$@" 3<&- &
job=$!
{ while IFS= read -r rest; do :; done; kill -TERM "$job"; } <&3 >/dev/null 2>&1 &
guard=$!
wait "$job"
code=$?
kill "$guard" 2>/dev/null
printf '\\n%s %s\\n' "$mark" "$code" >&2
exit "$code"
"""


@dataclass(frozen=True, slots=True)
class Finished:
    """The outcome of a command. `stdout` is empty if a sink took it."""

    code: int
    stdout: bytes
    stderr: str

    def text(self) -> str:
        """Standard output as text, without the final newline."""
        return self.stdout.decode(errors="replace").strip()


@functools.cache
def docker_client() -> docker.DockerClient:
    """The engine's client.

    Raises PlatformError if the engine can't be reached.
    """
    from core.docker_host import connect

    return connect()


def running(name: str) -> Container:
    """The running container with that name.

    Raises PlatformError if it doesn't exist or doesn't run.
    """
    from docker.errors import NotFound

    try:
        container = docker_client().containers.get(name)
    except NotFound as error:
        raise PlatformError(what=f"there is no container {name}", where="Docker", next_step="bring the stack up: invoke up") from error
    if container.status != "running":
        raise PlatformError(what=f"container {name} is {container.status}", where="Docker", next_step=f"docker logs {name}, then invoke up")
    return container


@dataclass(slots=True)
class _Tethered:
    """A command that runs to its end, or until `close`."""

    container: str
    command: Sequence[str]
    exec_id: str
    socket: Any
    mark: str

    def pieces(self) -> Iterator[tuple[int, bytes]]:
        """Its output in pieces, each with its stream's number, until the end."""
        return Output(self.socket, self._runs).frames()

    def end_input(self) -> None:
        """Tell it to end, by closing its standard input."""
        with contextlib.suppress(OSError):
            self.socket._sock.shutdown(socketlib.SHUT_WR)

    def close(self) -> None:
        """Disconnect; a command that still runs is ended."""
        # While the response still holds the descriptor, only a shutdown reaches the other side.
        with contextlib.suppress(OSError):
            self.socket._sock.shutdown(socketlib.SHUT_RDWR)
        self.socket._response.close()
        self.socket.close()

    def _runs(self) -> bool:
        with told_as_cut():
            return bool(docker_client().api.exec_inspect(self.exec_id)["Running"])

    def finished(self, stdout: bytes, stderr: bytes) -> Finished:
        """Its outcome, from its whole output.

        Raises CutOffError if the output has no outcome.
        """
        said, mark, end = stderr.rpartition(f"\n{self.mark} ".encode())
        if mark:
            code, _, later = end.partition(b"\n")
            return Finished(int(code), stdout, (said + later).decode(errors="replace").strip())
        # Its shell was killed or doesn't exist; or only the connection ended.
        wait_for_end(self._runs)
        with told_as_cut():
            known = docker_client().api.exec_inspect(self.exec_id)["ExitCode"]
        if known is None or (known == _CUT_OFF and b"OCI runtime" not in stdout + stderr):
            raise CutOffError("the connection ended before the command's outcome")
        return Finished(int(known), stdout, stderr.decode(errors="replace").strip())


@contextlib.contextmanager
def _tethered(container: str, command: Sequence[str], user: str, line: str) -> Iterator[_Tethered]:
    from docker.errors import APIError

    api = docker_client().api
    running(container)
    try:
        mark = f"end-{secrets.token_hex(8)}"
        started = api.exec_create(container, ["sh", "-c", _TETHER, "sh", mark, *command], user=user, stdin=True)
        socket: Any = api.exec_start(started["Id"], socket=True)
    except APIError as error:
        raise _broken(container, command, str(error.explanation or error)) from error
    job = _Tethered(container, command, started["Id"], socket, mark)
    try:
        socket._sock.sendall(line.encode() + b"\n")
        yield job
    except CutOffError as error:
        raise PlatformError(
            what=f"the outcome of a command in a container is unknown: {error}",
            where=f"{container}: {command[0]}",
            next_step=f"docker top {container} shows whether it still runs (it ends with its connection); then run this again",
        ) from error
    except (APIError, ConnectionError) as error:
        raise _broken(container, command, str(error)) from error
    finally:
        job.close()


def _broken(container: str, command: Sequence[str], reason: str) -> PlatformError:
    return PlatformError(
        what=f"a command in a container did not finish: {reason}",
        where=f"{container}: {command[0]}",
        next_step=_look(container),
    )


def execute(
    container: str,
    command: Sequence[str],
    *,
    user: str = "",
    line: str = "",
    sink: Sink | None = None,
    check: bool = True,
    yielding: bool = False,
) -> Finished:
    """Run a command in a container until it ends.

    `line` is the command's standard input: a password there is not in any argument or environment. `sink` takes standard output
    piece by piece, so that memory use stays small. With `check`, an exit code other than 0 raises PlatformError.
    A `yielding` command uses the processor only when the store itself is idle.
    """
    out, err = io.BytesIO(), io.BytesIO()
    with _tethered(container, [*_YIELDING, *command] if yielding else command, user, line) as job:
        for stream, piece in job.pieces():
            if stream == STDERR:
                err.write(piece)
            elif sink is None:
                out.write(piece)
            else:
                sink(piece)
        finished = job.finished(out.getvalue(), err.getvalue())
    if check and finished.code != 0:
        raise _failed(container, command, finished)
    return finished


@contextlib.contextmanager
def while_running(container: str, command: Sequence[str], *, user: str = "") -> Iterator[str]:
    """Start a command, wait for its first line, and yield it; at the end, terminate the command (SIGTERM) and wait for it.

    Raises PlatformError if it ends before its first line, or with a code other than 0.
    """
    out, err = bytearray(), bytearray()
    with _tethered(container, command, user, "") as job:
        pieces = job.pieces()

        def take(stream: int, piece: bytes) -> None:
            (err if stream == STDERR else out).extend(piece)

        for stream, piece in pieces:
            take(stream, piece)
            if b"\n" in out:
                break
        try:
            if b"\n" in out:
                yield out.split(b"\n", 1)[0].decode(errors="replace")
        finally:
            job.end_input()
            for stream, piece in pieces:
                take(stream, piece)
        finished = job.finished(bytes(out), bytes(err))
    if finished.code != 0:
        raise _failed(container, command, finished)


def _failed(container: str, command: Sequence[str], finished: Finished) -> PlatformError:
    detail = finished.stderr or finished.text() or "it printed nothing"
    return PlatformError(
        what=f"{command[0]} failed with exit code {finished.code}: {_last_lines(detail)}",
        where=f"container {container}",
        next_step=_look(container),
    )


def _last_lines(text: str, count: int = 6) -> str:
    return "\n".join(text.splitlines()[-count:])


def _look(container: str) -> str:
    return f"docker logs --tail 50 {container}"


def copy_tree(container: str, path: str, receive: Callable[[str, Iterator[bytes]], object]) -> int:
    """Pass every file below a directory of a container to `receive(relative path, pieces)`; return the number of files.

    The files must not change meanwhile. Needs no tool inside the container.
    Raises PlatformError if the path does not exist or the copy fails.
    """
    from docker.errors import APIError, NotFound

    try:
        stream, _ = docker_client().api.get_archive(container, path, chunk_size=1 << 20)
        with tarfile.open(fileobj=PiecesFile(stream), mode="r|") as archive:
            files = 0
            for member in archive:
                if not member.isfile():
                    continue
                opened = archive.extractfile(member)
                if opened is None:
                    continue
                relative = member.name.split("/", 1)[1] if "/" in member.name else member.name
                receive(relative, iter(functools.partial(opened.read, 1 << 20), b""))
                files += 1
            return files
    except NotFound as error:
        raise PlatformError(what=f"{path} does not exist", where=f"container {container}", next_step=_look(container)) from error
    except (APIError, tarfile.TarError) as error:
        raise PlatformError(
            what=f"copying {path} broke off: {error}", where=f"container {container}", next_step=_look(container)
        ) from error


@dataclass(frozen=True, slots=True)
class FileToPut:
    """A file to put into a container: its path there, and its content."""

    path: str
    source: Path | bytes | StreamedFile
    mode: int = 0o600


def put_files(container: Container, directory: str, entries: Iterable[FileToPut], *, uid: int, gid: int) -> None:
    """Write files into a container, started or not, piece by piece, owned by `uid:gid`; makes missing folders.

    Raises PlatformError if Docker refuses.
    """
    from docker.errors import APIError

    try:
        done = container.put_archive(directory, _tar(entries, uid, gid))
    except APIError as error:
        raise PlatformError(
            what=f"files can't be written there: {error.explanation or error}", where=f"container {container.name}: {directory}"
        ) from error
    if not done:
        raise PlatformError(what="files can't be written there", where=f"container {container.name}: {directory}")


def owner_of(user: str) -> dict[str, int]:
    """`uid` and `gid` of a container's user, which is `uid:gid`, as `put_files` and `give` take them."""
    uid, _, gid = user.partition(":")
    return {"uid": int(uid), "gid": int(gid or uid)}


def give(container: Container, directory: str, *, uid: int, gid: int) -> None:
    """Make `uid:gid` the owner of a directory, and of nothing in it. An image decides who owns the directory of a new volume.

    Docker ignores an archive's entry for the very directory that it is put into, so it is put into the parent.
    """
    path = PurePosixPath(directory)
    container.put_archive(str(path.parent), _head(path.name, uid, gid, 0o700, 0, tarfile.DIRTYPE) + b"\0" * (2 * tarfile.BLOCKSIZE))


def _tar(entries: Iterable[FileToPut], uid: int, gid: int) -> Iterator[bytes]:
    folders: set[str] = set()
    for entry in entries:
        for parent in reversed(PurePosixPath(entry.path).parents[:-1] if "/" in entry.path else ()):
            if str(parent) not in folders:
                folders.add(str(parent))
                yield _head(str(parent), uid, gid, 0o700, 0, tarfile.DIRTYPE)
        size = entry.source.stat().st_size if isinstance(entry.source, Path) else _length(entry.source)
        yield _head(entry.path, uid, gid, entry.mode, size, tarfile.REGTYPE)
        yield from _content(entry.source, size)
        yield b"\0" * (-size % tarfile.BLOCKSIZE)
    yield b"\0" * (2 * tarfile.BLOCKSIZE)


def _length(source: bytes | StreamedFile) -> int:
    return len(source) if isinstance(source, bytes) else source.size


def _content(source: Path | bytes | StreamedFile, size: int) -> Iterator[bytes]:
    """The content, which must be as long as the archive's header says.

    Raises PlatformError if a set's file is not.
    """
    if isinstance(source, bytes):
        yield source
    elif isinstance(source, Path):
        yield from read_pieces(source)
    else:
        for piece in source.read():
            size -= len(piece)
            yield piece
        if size:
            raise PlatformError(
                what=f"{source.path} has {abs(size)} bytes {'less' if size > 0 else 'more'} than its manifest says",
                where=source.where,
                next_step="invoke backup.verify names the faults",
            )


def _head(path: str, uid: int, gid: int, mode: int, size: int, kind: bytes) -> bytes:
    info = tarfile.TarInfo(path)
    info.uid, info.gid, info.mode, info.size, info.type = uid, gid, mode, size, kind
    info.mtime = int(time.time())
    return info.tobuf(tarfile.PAX_FORMAT)


def throwaway(purpose: str) -> dict[str, Any]:
    """Options of a short-lived container without network or privileges; its labels let a clean-up find it."""
    return {
        "labels": {"com.christmas.project": "christmas", "com.christmas.purpose": purpose, "com.christmas.owner": str(os.getpid())},
        "name": f"christmas-{purpose}-{secrets.token_hex(4)}",
        "network_mode": "none",
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "mem_limit": "512m",
    }
