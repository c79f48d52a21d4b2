"""Reaching into the services' containers: commands run inside, text through stdin, nothing secret in an argument."""

from __future__ import annotations

import contextlib
import socket as sockets
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airgap.errors import PlatformError

if TYPE_CHECKING:
    import docker
    from docker.models.containers import Container

_local = threading.local()


def engine() -> docker.DockerClient:
    """This thread's client of the Docker engine.

    Raises PlatformError where the engine does not answer.
    """
    from infra.docker_host import connect

    client: docker.DockerClient | None = getattr(_local, "client", None)
    if client is None:
        client = _local.client = connect()
    return client


@contextlib.contextmanager
def docker_errors(doing: str, where: str) -> Iterator[None]:
    """Turn what Docker refuses inside the block into a PlatformError."""
    from docker.errors import APIError, DockerException

    try:
        yield
    except APIError as error:
        raise PlatformError(what=f"{doing} failed: {error.explanation or error}", where=where) from None
    except (DockerException, OSError) as error:
        raise PlatformError(
            what=f"{doing} failed: {type(error).__name__}: {error}", where=where, next_step="see that Docker still answers (`docker ps`)"
        ) from None


def find(name: str) -> Container | None:
    """The container of that name, running or not."""
    from docker.errors import NotFound

    try:
        with_that_name: Container = engine().containers.get(name)
    except NotFound:
        return None
    return with_that_name


def find_running(name: str) -> Container | None:
    """The container of that name if it runs."""
    container = find(name)
    return container if container is not None and container.status == "running" else None


def running(name: str) -> Container:
    """The running container of that name.

    Raises PlatformError where it is absent or not running, telling its state.
    """
    container = find(name)
    if container is None:
        raise PlatformError(what=f"container {name} does not exist", where="the Docker engine", next_step="pulumi up --refresh")
    if container.status != "running":
        state = container.attrs["State"]
        raise PlatformError(
            what=f"container {name} is {state['Status']}, exit code {state.get('ExitCode')}",
            where="the Docker engine",
            next_step=f"see why with `docker logs {name}`, then run `pulumi up --refresh`, which starts it again",
        )
    return container


@dataclass(frozen=True, slots=True)
class Finished:
    """A command that has ended."""

    exit_code: int
    stdout: str
    stderr: str


def execute(container: Container, command: Sequence[str], *, stdin: str | None = None, user: str = "", timeout: float = 120) -> Finished:
    """Run a command in a container to its end, feeding `stdin` to it.

    Raises PlatformError where it can't be started, or where it says nothing for `timeout` seconds.
    """
    with docker_errors(f"running {command[0]}", f"container {container.name}"):
        api = engine().api
        started = api.exec_create(container.id, list(command), stdin=stdin is not None, user=user)["Id"]
        if stdin is None:
            out, err = api.exec_start(started, demux=True)
        else:
            out, err = _converse(api.exec_start(started, socket=True), stdin.encode(), timeout, f"{command[0]} in {container.name}")
        code = api.exec_inspect(started)["ExitCode"]
    return Finished(-1 if code is None else code, (out or b"").decode(errors="replace"), (err or b"").decode(errors="replace"))


def _converse(stream: Any, text: bytes, timeout: float, what: str) -> tuple[bytes, bytes]:
    """Write everything, close our side, then read both outputs to their end."""
    from docker.utils.socket import STDERR, frames_iter

    connection = getattr(stream, "_sock", stream)
    parts: dict[int, list[bytes]] = {}
    try:
        connection.settimeout(timeout)
        # Reading has to go on meanwhile: a program that answers a lot before it has read everything would block both.
        writer = threading.Thread(target=_feed, args=(connection, text), daemon=True)
        writer.start()
        for number, part in frames_iter(stream, tty=False):  # type: ignore[no-untyped-call]
            parts.setdefault(number, []).append(part)
        writer.join()
    except TimeoutError:
        raise PlatformError(what=f"{what} said nothing for {timeout:.0f} s", where="docker exec", next_step="see `docker logs`") from None
    finally:
        stream.close()
        connection.close()  # the stream's own close leaves it open
    err = b"".join(parts.pop(STDERR, []))
    return b"".join(part for several in parts.values() for part in several), err


def _feed(connection: Any, text: bytes) -> None:
    with contextlib.suppress(OSError):  # it ended early: its exit code and messages tell why
        connection.sendall(text)
        connection.shutdown(sockets.SHUT_WR)
