"""Runs commands in the services' containers: text through stdin, nothing secret in an argument."""

from __future__ import annotations

import contextlib
import socket as sockets
import struct
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.errors import PlatformError
from core.patience import patience
from infra.provider.wire_trouble import AnswerLostError, asked

if TYPE_CHECKING:
    import docker
    from docker.models.containers import Container

_local = threading.local()


def engine() -> docker.DockerClient:
    """This thread's client of the Docker engine.

    Raises PlatformError if the engine does not answer.
    """
    from core.docker_host import connect

    client: docker.DockerClient | None = getattr(_local, "client", None)
    if client is None:
        client = _local.client = connect()
    return client


def find(name: str) -> Container | None:
    """The container of that name, running or not."""
    from docker.errors import NotFound

    try:
        with_that_name: Container = asked(f"looking for container {name}", "the Docker engine", lambda: engine().containers.get(name))
    except NotFound:
        return None
    return with_that_name


def find_running(name: str) -> Container | None:
    """The container of that name if it runs."""
    container = find(name)
    return container if container is not None and container.status == "running" else None


def running(name: str) -> Container:
    """The running container of that name.

    Raises PlatformError with its state if it does not exist or does not run.
    """
    container = find(name)
    if container is None:
        raise PlatformError(what=f"container {name} does not exist", where="the Docker engine", next_step="pulumi up --refresh")
    if container.status != "running":
        state = container.attrs["State"]
        raise PlatformError(
            what=f"container {name} is {state['Status']}, exit code {state.get('ExitCode')}",
            where="the Docker engine",
            next_step=f"see `docker logs {name}`, then run `pulumi up --refresh`, which starts it again",
        )
    return container


@dataclass(frozen=True, slots=True)
class Finished:
    """The outcome of a command."""

    exit_code: int
    stdout: str
    stderr: str


# A stream from a container just ends, whether the command ended or the connection was cut: the command's own last line tells. It comes
# on standard output, so that no output before it can be missing.
_ENDED = "christmas-command-ended"
_TELL_THE_END = f"""
"$@"
code=$?
printf '\\n{_ENDED} %s\\n' "$code"
exit "$code"
"""


def execute(container: Container, command: Sequence[str], *, stdin: str | None = None, user: str = "", timeout: float = 120) -> Finished:
    """Run a command in a container to its end, with `stdin` as its input.

    The command must be safe to repeat: if its output was cut off, it is run again.

    Raises PlatformError if it can't be started, if it prints nothing for `timeout` seconds (more on a busy machine), or if
    its end never arrives.
    """
    what = f"{command[0]} in {container.name}"
    limit = patience(timeout)

    def run() -> Finished:
        api = engine().api
        whole = ["sh", "-c", _TELL_THE_END, "sh", *command]
        started = api.exec_create(container.id, whole, stdin=stdin is not None, user=user)["Id"]
        try:
            stream = api.exec_start(started, socket=True)
        except APIError as error:
            if error.status_code == 409 and "already" in str(error.explanation):  # the request arrived twice
                raise AnswerLostError(str(error.explanation)) from None
            raise
        out, err = _converse(stream, None if stdin is None else stdin.encode(), limit, what)
        said, mark, code = out.decode(errors="replace").rpartition(f"\n{_ENDED} ")
        if not mark or not code.endswith("\n"):
            raise AnswerLostError("the output was cut off")
        return Finished(int(code), said, err.decode(errors="replace"))

    from docker.errors import APIError

    return asked(f"running {command[0]}", f"container {container.name}", run)


def _converse(stream: Any, text: bytes | None, timeout: float, what: str) -> tuple[bytes, bytes]:
    """Send everything, close our side, then read both outputs to their end."""
    connection = getattr(stream, "_sock", stream)
    # The reader of the answer's head may hold the first bytes of the stream. The SDK's own reader has no timeout.
    reader = stream._response.raw._fp.fp
    parts: dict[int, list[bytes]] = {}
    try:
        connection.settimeout(timeout)
        if text is not None:
            # Read in parallel: a program that prints a lot before it has read its input would block both sides.
            threading.Thread(target=_feed, args=(connection, text), daemon=True).start()
        while len(head := reader.read(8)) == 8:
            number, size = struct.unpack(">BxxxL", head)
            parts.setdefault(number, []).append(reader.read(size))
    except TimeoutError:
        raise PlatformError(what=f"{what} said nothing for {timeout:.0f} s", where="docker exec", next_step="see `docker logs`") from None
    finally:
        with contextlib.suppress(OSError):
            connection.shutdown(sockets.SHUT_RDWR)  # also ends the writer
        stream._response.close()
        stream.close()
        connection.close()  # closing the stream leaves it open
    return b"".join(parts.get(1, ())), b"".join(parts.get(2, ()))


def _feed(connection: Any, text: bytes) -> None:
    with contextlib.suppress(OSError):  # it ended early: its exit code and messages say why
        connection.sendall(text)
        connection.shutdown(sockets.SHUT_WR)
