"""The logs of a stack's services and its schedule, merged by time, each line with its service's name."""

from __future__ import annotations

import contextlib
import heapq
import json
import queue
import re
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from console.services import name_of
from core import terminal
from core.container_logs import lines_of
from core.errors import PlatformError
from core.labels import SERVICE_LABEL, of_stack
from core.words import parse_since
from infra.connections import stack_name
from schedule.keeper import log_of

if TYPE_CHECKING:
    import docker

SCHEDULE = "schedule"
_COLOURS = ("cyan", "green", "yellow", "magenta", "blue", "red")
_GATHER_SECONDS = 0.3  # lines of several services within this time are sorted
_AGAIN_SECONDS = 1.0
_OWN_TIME = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ) ?(.*)$")


@dataclass(frozen=True, order=True)
class Line:
    """A log line. `at` is Docker's or the schedule's timestamp, in microseconds."""

    at: datetime
    service: str = field(compare=False)
    text: str = field(compare=False)


def show(stack: str, wanted: Sequence[str], since: str, *, follow: bool, as_json: bool) -> int:
    """Print the lines since then; with `follow` also new ones, until Ctrl-C.

    Raises PlatformError for an unknown service, and if the stack has neither containers nor a schedule.
    """
    from core.docker_client import docker_host

    name = stack_name(stack)
    begin = parse_since(since, datetime.now(UTC))
    with docker_host() as client:
        containers = _containers(client, name)
        services = [*containers, *([SCHEDULE] if log_of(name).exists() else [])]
        chosen = _choose(name, wanted, services)
        say = _writer(services, as_json=as_json)
        with contextlib.suppress(KeyboardInterrupt):
            if follow:
                _follow(client, name, chosen, begin, say)
            else:
                for line in heapq.merge(*(_lines(client, name, service, containers.get(service, ""), begin) for service in chosen)):
                    say(line)
    return 0


def _choose(stack: str, wanted: Sequence[str], services: Sequence[str]) -> list[str]:
    if not services:
        raise PlatformError(
            what=f"stack {stack} has no containers on this engine and no schedule log", where="Docker", next_step="invoke status"
        )
    if unknown := [service for service in wanted if service not in services]:
        raise PlatformError(what=f"no log of {unknown[0]!r}", where=f"stack {stack}", next_step=f"use one of: {', '.join(services)}")
    return [service for service in services if not wanted or service in wanted]


def _containers(client: docker.DockerClient, stack: str) -> dict[str, str]:
    """The container of each service."""
    listed = client.api.containers(all=True, filters=of_stack(stack))
    containers = {str(container["Labels"].get(SERVICE_LABEL) or name_of(container)): name_of(container) for container in listed}
    return dict(sorted(containers.items()))


def _lines(client: docker.DockerClient, stack: str, service: str, container: str, since: datetime) -> Iterator[Line]:
    """A service's lines since then."""
    from docker.errors import NotFound

    if service == SCHEDULE:
        yield from of_schedule(_older_first(log_of(stack)), since)
        return
    with contextlib.suppress(NotFound):  # replaced since it was listed
        stream = client.api.logs(container, stdout=True, stderr=True, stream=True, follow=False, timestamps=True, since=since.timestamp())
        yield from of_docker(service, stream)


def _older_first(log: Path) -> Iterator[str]:
    for path in [*sorted(log.parent.glob(f"{log.name}.*"), reverse=True), log]:
        with contextlib.suppress(FileNotFoundError):
            yield from path.read_text(encoding="utf-8", errors="replace").splitlines()


def of_docker(service: str, pieces: Iterable[bytes]) -> Iterator[Line]:
    """Lines of Docker's timestamped stream; pieces may end inside a line. Pure."""
    at = datetime.fromtimestamp(0, UTC)
    for raw in lines_of(pieces):
        at, line = _docker_line(service, raw, at)
        yield line


def _docker_line(service: str, raw: bytes, before: datetime) -> tuple[datetime, Line]:
    stamp, _, said = raw.decode(errors="replace").rstrip("\r").partition(" ")
    try:
        at = datetime.fromisoformat(f"{stamp.rstrip('Z')[:26]}+00:00")
    except ValueError:
        at, said = before, raw.decode(errors="replace")
    return at, Line(at, service, said)


def of_schedule(said: Iterable[str], since: datetime, at: datetime | None = None) -> Iterator[Line]:
    """Lines of the schedule's log since then; a line without a time gets the previous one's, initially `at`. Pure."""
    for line in said:
        match = _OWN_TIME.match(line)
        if match:
            at = datetime.fromisoformat(match[1].replace("Z", "+00:00"))
        if at and at >= since:
            yield Line(at, SCHEDULE, match[2] if match else line)


def _writer(names: Sequence[str], *, as_json: bool) -> Callable[[Line], None]:
    width = max(len(service) for service in names)
    colours = terminal.has_colours(sys.stdout)
    of = {name: _COLOURS[place % len(_COLOURS)] for place, name in enumerate(names)}

    def say(line: Line) -> None:
        if as_json:
            print(json.dumps({"at": line.at.isoformat(), "service": line.service, "line": line.text}, ensure_ascii=False), flush=True)
            return
        head = terminal.paint(f"{line.service:<{width}}", of[line.service], colours=colours)
        print(f"{line.at:%Y-%m-%dT%H:%M:%S}.{line.at.microsecond // 1000:03}Z {head} {terminal.plain(line.text)}", flush=True)

    return say


def _follow(client: docker.DockerClient, stack: str, chosen: Sequence[str], since: datetime, say: Callable[[Line], None]) -> None:
    """Print new lines of each service. A restarted or recreated container is followed again."""
    coming: queue.Queue[Line] = queue.Queue()
    for service in chosen:
        reader = _tail_schedule if service == SCHEDULE else _tail_container
        threading.Thread(target=reader, args=(client, stack, service, since, coming.put), daemon=True).start()
    while True:
        held = [coming.get()]
        deadline = time.monotonic() + _GATHER_SECONDS
        while (left := deadline - time.monotonic()) > 0:
            with contextlib.suppress(queue.Empty):
                held.append(coming.get(timeout=left))
        for line in sorted(held):
            say(line)


def _tail_container(client: docker.DockerClient, stack: str, service: str, since: datetime, put: Callable[[Line], object]) -> None:
    from docker.errors import APIError
    from requests.exceptions import RequestException

    last, seen = since, set[str]()
    while True:
        try:
            container = _containers(client, stack).get(service)
            stream: Any = client.api.logs(container, stream=True, follow=True, timestamps=True, since=last.timestamp()) if container else ()
            for line in of_docker(service, stream):
                # After a reconnect Docker repeats the lines since the last one's time.
                if line.at < last or (line.at == last and line.text in seen):
                    continue
                seen = {line.text} if line.at > last else seen | {line.text}
                last = line.at
                put(line)
        except (APIError, RequestException, OSError):
            pass  # gone or cut off: try again
        time.sleep(_AGAIN_SECONDS)


def _tail_schedule(_client: docker.DockerClient, stack: str, _service: str, since: datetime, put: Callable[[Line], object]) -> None:
    path = log_of(stack)
    place, at = (path.stat().st_size if path.exists() else 0), None
    for line in of_schedule(_older_first(path), since):
        at = line.at
        put(line)
    while True:
        time.sleep(_AGAIN_SECONDS)
        with contextlib.suppress(OSError):
            size = path.stat().st_size
            if size < place:
                place = 0  # the log was rotated
            if size > place:
                with path.open("rb") as file:
                    file.seek(place)
                    whole, end, _ = file.read(size - place).rpartition(b"\n")
                place += len(whole) + len(end)
                for line in of_schedule(whole.decode(errors="replace").splitlines(), since, at):
                    at = line.at
                    put(line)
