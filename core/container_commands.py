"""Commands inside containers, through the Docker API.

A command started here is tethered: it ends with this process, however that ends, because its standard input
closes then. So a killed backup leaves nothing running inside a store.
"""

from __future__ import annotations

import contextlib
import functools
import io
import secrets
import socket as socketlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.command_output import STDERR, STDOUT, CutOffError, Output, told_as_cut, wait_for_end
from core.docker_client import docker_client
from core.docker_retries import with_retries
from core.errors import PlatformError

if TYPE_CHECKING:
    from docker.models.containers import Container

Sink = Callable[[bytes], object]

_NOT_STARTED = 126  # an engine's code for a command that can't start, and for one without its client
_ENDED_FROM_OUTSIDE = (127, 137)  # no shell in the container, or one that was killed: the engine's word, since nobody prints a mark then
_YIELDING = ("nice", "-n", "15", "ionice", "-c", "3")

GUARDED = """
printf '%s' "$input" | "$@" 3<&- &
job=$!
{ while IFS= read -r rest; do :; done; kill -TERM "$job"; } <&3 >/dev/null 2>&1 &
guard=$!
wait "$job"
code=$?
{ kill "$guard"; wait "$guard"; } 2>/dev/null
"""
"""Lines of shell that run `"$@"` with `$input` as its input and leave its `$code`. When descriptor 3 ends, the command gets SIGTERM."""

# Standard input carries the length of the command's own input, then that input. Its end later means that the starting process is gone.
# The mark with the exit code comes last, and on standard output, so that nothing of it can be missing before: a stream just ends,
# whether the command did or the connection was cut, and without its client an engine reports an exit code of its own.
_TETHER = f"""
mark=$1
shift
IFS= read -r length
input=$(head -c "$length"; echo .)
exec 3<&0
input=${{input%.}}
{GUARDED}
printf '%s%03d' "$mark" "$code"
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


def find(name: str) -> Container | None:
    """The container of that name, running or not."""
    from docker.errors import NotFound

    try:
        with_that_name: Container = with_retries(
            f"looking for container {name}", "the Docker engine", lambda: docker_client().containers.get(name)
        )
    except NotFound:
        return None
    return with_that_name


def find_running(name: str) -> Container | None:
    """The container of that name if it runs."""
    container = find(name)
    return container if container is not None and container.status == "running" else None


def running(name: str) -> Container:
    """The running container of that name.

    Raises PlatformError with its state if it doesn't exist or doesn't run.
    """
    container = find(name)
    if container is None:
        raise PlatformError(what=f"there is no container {name}", where="Docker", next_step="bring the stack up: invoke up")
    if container.status != "running":
        raise PlatformError(
            what=f"container {name} is {container.status}, exit code {container.attrs['State'].get('ExitCode')}",
            where="Docker",
            next_step=f"docker logs {name}, then invoke up",
        )
    return container


@dataclass(slots=True)
class Tethered:
    """A command that runs to its end, or until `close`."""

    exec_id: str
    socket: Any
    mark: bytes
    output: Output
    code: int | None = None

    def pieces(self) -> Iterator[tuple[int, bytes]]:
        """Its output in pieces, each with its stream's number, until the end."""
        held_back = b""
        for stream, piece in self.output.frames():
            if stream == STDERR:
                yield stream, piece
                continue
            held_back += piece
            at = held_back.rfind(self.mark[:1])
            if at < 0 or not self.mark.startswith(held_back[at : at + len(self.mark)]):
                at = len(held_back)
            if at:
                yield stream, held_back[:at]
            held_back = held_back[at:]
        if held_back.startswith(self.mark) and held_back[len(self.mark) :].isdigit():
            self.code = int(held_back[len(self.mark) :])
        elif held_back:
            yield STDOUT, held_back

    def end_input(self) -> None:
        """Tell it to end, by closing its standard input."""
        with contextlib.suppress(OSError):
            self.socket._sock.shutdown(socketlib.SHUT_WR)

    def close(self) -> None:
        """Disconnect; a command that still runs is ended."""
        connection = self.socket._sock
        # While the response still holds the descriptor, only a shutdown reaches the other side.
        with contextlib.suppress(OSError):
            connection.shutdown(socketlib.SHUT_RDWR)
        self.socket._response.close()
        self.socket.close()
        connection.close()  # closing the stream leaves it open

    def finished(self, stdout: bytes, stderr: bytes) -> Finished:
        """Its outcome, from its whole output.

        Raises CutOffError if the output has no outcome.
        """
        if self.code is None:
            # Its shell was killed or doesn't exist; or only the connection ended.
            runs = functools.partial(_runs, self.exec_id)
            wait_for_end(runs)
            with told_as_cut():
                self.code = docker_client().api.exec_inspect(self.exec_id)["ExitCode"]
            started = self.code != _NOT_STARTED or b"OCI runtime" not in stdout + stderr
            # 143 and 141 are what the tether's end and a closed output leave behind: the connection may have gone first.
            if started and self.code not in _ENDED_FROM_OUTSIDE:
                raise CutOffError("the connection ended before the command's outcome")
        return Finished(self.code, stdout, stderr.decode(errors="replace").strip())


def _runs(exec_id: str) -> bool:
    with told_as_cut():
        return bool(docker_client().api.exec_inspect(exec_id)["Running"])


@contextlib.contextmanager
def _tethered(container: str, command: Sequence[str], user: str, text: str) -> Iterator[Tethered]:
    mark, sent = new_mark(), text.encode()
    job = start(container, ["sh", "-c", _TETHER, "sh", mark, *command], user, mark, b"%d\n%b" % (len(sent), sent))
    try:
        yield job
    finally:
        job.close()


def new_mark() -> str:
    """What no command prints by chance."""
    return f"\x1e{secrets.token_hex(8)}"


def start(container: str, command: Sequence[str], user: str, mark: str, text: bytes = b"") -> Tethered:
    """Start a command that ends its output with the mark and its exit code; `text` is its standard input, which stays open.

    Raises CutOffError if it may have been started twice, docker.errors.APIError if it can't be started.
    """
    from docker.errors import APIError

    api = docker_client().api
    exec_id = api.exec_create(container, command, user=user, stdin=True)["Id"]
    try:
        socket: Any = api.exec_start(exec_id, socket=True)
    except APIError as error:
        if error.status_code == 409 and "already" in str(error.explanation):
            raise CutOffError("the request arrived twice") from None
        raise
    return Tethered(exec_id, socket, mark.encode(), Output(socket, functools.partial(_runs, exec_id), text))


@contextlib.contextmanager
def _explained(container: str, command: Sequence[str]) -> Iterator[None]:
    """Turn failures of the engine and of the connection to it into errors that name the command."""
    from docker.errors import APIError

    running(container)
    where = f"{container}: {command[0]}"
    try:
        yield
    except CutOffError as error:
        raise PlatformError(
            what=f"the outcome of a command in a container is unknown: {error}",
            where=where,
            next_step=f"docker top {container} shows whether it still runs (it ends with its connection); then run this again",
        ) from error
    except (APIError, ConnectionError) as error:
        reason = getattr(error, "explanation", None) or error
        raise PlatformError(what=f"a command in a container did not finish: {reason}", where=where, next_step=look(container)) from error


def _whole(job: Tethered, sink: Sink | None = None) -> Finished:
    out, err = io.BytesIO(), io.BytesIO()
    for stream, piece in job.pieces():
        if stream == STDERR:
            err.write(piece)
        elif sink is None:
            out.write(piece)
        else:
            sink(piece)
    return job.finished(out.getvalue(), err.getvalue())


def execute(
    container: str,
    command: Sequence[str],
    *,
    user: str = "",
    text: str = "",
    sink: Sink | None = None,
    check: bool = True,
    yielding: bool = False,
) -> Finished:
    """Run a command in a container until it ends, however long it prints nothing.

    `text` is the command's standard input: a password there is not in any argument or environment. `sink` takes standard output
    piece by piece, so that memory use stays small. With `check`, an exit code other than 0 raises PlatformError.
    A `yielding` command uses the processor and the disk only when the store itself is idle.
    """
    whole = [*_YIELDING, *command] if yielding else command
    with _explained(container, command), _tethered(container, whole, user, text) as job:
        finished = _whole(job, sink)
    if check and finished.code != 0:
        raise failed(container, command, finished)
    return finished


@contextlib.contextmanager
def while_running(container: str, command: Sequence[str], *, user: str = "") -> Iterator[str]:
    """Start a command, wait for its first line, and yield it; at the end, terminate the command (SIGTERM) and wait for it.

    Raises PlatformError if it ends before its first line, or with a code other than 0.
    """
    out, err = bytearray(), bytearray()
    with _explained(container, command), _tethered(container, command, user, "") as job:
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
        raise failed(container, command, finished)


def failed(container: str, command: Sequence[str], finished: Finished) -> PlatformError:
    """The error for a command that ended with another code than 0."""
    detail = finished.stderr or finished.text() or "it printed nothing"
    return PlatformError(
        what=f"{command[0]} failed with exit code {finished.code}: {_last_lines(detail)}",
        where=f"container {container}",
        next_step=look(container),
    )


def _last_lines(text: str, count: int = 6) -> str:
    return "\n".join(text.splitlines()[-count:])


def look(container: str) -> str:
    """The command that shows what the container said last."""
    return f"docker logs --tail 50 {container}"
