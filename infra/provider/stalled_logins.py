"""Connections to PostgreSQL that have not logged in: who has them, and how to end them. See stalled_logins.sh."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from christmas.blueprint.postgres_bounds import STALLED_LOGINS
from christmas.blueprint.services import POSTGRES_MAX_CONNECTIONS, TIMESCALEDB
from core.container_sessions import execute_short
from core.errors import PlatformError

if TYPE_CHECKING:
    from docker.models.containers import Container

_SCRIPT = "stalled_logins.sh"
FILE = "logins.sh"
"""The script's name in the container."""
# Fewer connections can't keep anybody out, so the health check doesn't look closer.
_CROWDED = POSTGRES_MAX_CONNECTIONS * 2 // 5


@dataclass(frozen=True, slots=True)
class Stalled:
    """A connection that has not logged in: the server's process, the client's address, and its age in seconds."""

    process: int
    address: str
    seconds: int


def script() -> str:
    """The shell script with its constants, as it is stored beside the server's configuration."""
    text = resources.files("infra.provider").joinpath(_SCRIPT).read_text("utf-8")
    return f"PORT={TIMESCALEDB.ports['postgres']} BOUND={STALLED_LOGINS} CROWDED={_CROWDED}\n{text}"


def stalled(container: Container) -> list[Stalled]:
    """All connections that have not logged in at this moment; most of them will soon.

    Raises PlatformError if the container can't be asked.
    """
    return parse(_run(container, "look"))


def end_stalled(container: Container) -> None:
    """End those older than a second, of addresses that have too many of them.

    Raises PlatformError if the container can't be asked.
    """
    _run(container, "end")


def parse(output: str) -> list[Stalled]:
    """The output of `look`. Pure."""
    return [Stalled(int(process), address, int(seconds)) for process, address, seconds in (line.split() for line in output.splitlines())]


def by_address(stalled_logins: Sequence[Stalled]) -> dict[str, list[Stalled]]:
    """The connections by address, the address with the most first. Pure."""
    grouped: dict[str, list[Stalled]] = {}
    for login in stalled_logins:
        grouped.setdefault(login.address, []).append(login)
    return dict(sorted(grouped.items(), key=lambda pair: -len(pair[1])))


def _run(container: Container, what: str) -> str:
    ended = execute_short(container, ["sh", "-s", what], text=script(), user="postgres")
    if ended.code != 0:
        raise PlatformError(
            what=f"connections that have not logged in can't be listed: {ended.stderr[:200]}",
            where=f"container {container.name}",
            next_step="docker logs shows whether the server runs",
        )
    return ended.text()
