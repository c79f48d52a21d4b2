"""Host ports: chosen once for a stack, never shared with another."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import functools
import json
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from airgap.toolchain.plugin.wire import UNKNOWN
from core.disk import write_whole
from core.docker_client import docker_client
from core.docker_retries import with_retries
from core.errors import PlatformError
from core.labels import PROJECT_LABEL, STACK_LABEL
from infra.provider.declaration import Input, Output, Resource, gives, takes
from infra.provider.kind import Call, ResourceKind, Values

# A reservation covers the time from choosing a port to publishing it, or to the next try after a failure.
RESERVED_FOR_SECONDS = 24 * 3600
_LAST_PORT = 65535


def _valid(ports: dict[str, int]) -> str | None:
    if not ports:
        return "is empty"
    return None if all(1024 <= port <= _LAST_PORT for port in ports.values()) else f"has a port outside 1024 to {_LAST_PORT}"


def choose(preferred: Mapping[str, int], is_free: Callable[[int], bool]) -> dict[str, int]:
    """For each name its preferred port, or the next higher one that is free and not given to another name.

    Raises PlatformError if the ports run out.
    """
    chosen: dict[str, int] = {}
    for name, wish in preferred.items():
        candidates = (port for port in range(wish, _LAST_PORT + 1) if port not in chosen.values() and is_free(port))
        port = next(candidates, None)
        if port is None:
            raise PlatformError(
                what=f"no free port from {wish} up for {name}",
                where="this machine",
                next_step="prefer a lower port in the stack's settings",
            )
        chosen[name] = port
    return chosen


def can_bind(address: str, port: int) -> bool:
    """Whether a server could listen there now.

    Raises PlatformError if the machine does not have the address.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # Like Docker's own proxy: closing connections don't count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                raise PlatformError(
                    what=f"{address} is not an address of this machine",
                    where="the stack's settings",
                    next_step="publish on an address that `ip addr` shows",
                ) from None
            return False
    return True


def _published(stack: str) -> tuple[set[int], set[int]]:
    """Ports that running or stopped containers publish: those of other owners, and this stack's own."""
    from docker.errors import NotFound

    others: set[int] = set()
    own: set[int] = set()
    api, where = docker_client().api, "the Docker engine"
    for summary in with_retries("listing the containers' ports", where, lambda: api.containers(all=True)):
        labels = summary.get("Labels") or {}
        mine = labels.get(PROJECT_LABEL) == "christmas" and labels.get(STACK_LABEL) == stack
        ports = {entry["PublicPort"] for entry in summary.get("Ports") or [] if "PublicPort" in entry}
        if summary.get("State") != "running":
            # Only its full description has a stopped container's ports.
            inspect = functools.partial(api.inspect_container, summary["Id"])
            with contextlib.suppress(NotFound):  # removed in the meantime
                wishes = with_retries("looking at a container's ports", where, inspect)["HostConfig"].get("PortBindings") or {}
                ports |= {int(binding["HostPort"]) for several in wishes.values() for binding in several or [] if binding.get("HostPort")}
        (own if mine else others).update(ports)
    return others, own


def _folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "christmas" / "ports"


@contextlib.contextmanager
def _reservations() -> Iterator[dict[int, tuple[str, float]]]:
    """The record of chosen ports (port to owner and time), locked for one process; changes are saved."""
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        record = folder / "reserved.json"
        try:
            reserved = {int(port): (str(owner), float(when)) for port, (owner, when) in json.loads(record.read_text()).items()}
        except (FileNotFoundError, ValueError, TypeError):
            reserved = {}
        reserved = {port: (owner, when) for port, (owner, when) in reserved.items() if time.time() - when < RESERVED_FOR_SECONDS}
        yield reserved
        write_whole(record, json.dumps(reserved))


class PortBlock(Resource):
    """Host ports by name: each the preferred one or the next free one, chosen once and kept.

    An occupied port later is an error, not a silent move.
    """

    preferred: Input[Mapping[str, Input[int]]] = takes(rule=_valid)
    address: Input[str] = "127.0.0.1"
    ports: Output[dict[str, int]] = gives()


class PortBlockKind(ResourceKind):
    """Chooses them, and asks Docker who has them."""

    declared = PortBlock

    def planned(self, state: Values | None, changed: frozenset[str], inputs: Values) -> Values:  # noqa: D102
        known = (state or {}).get("ports") or {}
        unchanged = state is not None and "preferred" not in changed and "address" not in changed
        return {"ports": known if unchanged else {name: known.get(name, UNKNOWN) for name in inputs["preferred"]}}

    def create(self, call: Call, inputs: Values) -> tuple[str, Values]:  # noqa: D102
        return call.name, {"ports": self._reserve(call, inputs["preferred"], inputs["address"], {})}

    def update(self, call: Call, state: Values, old: Values, inputs: Values) -> Values:  # noqa: D102
        unchanged = state["ports"] if old.get("address") == inputs["address"] else {}
        before, now = old.get("preferred") or {}, inputs["preferred"]
        unchanged = {name: port for name, port in unchanged.items() if now.get(name) == before.get(name)}
        return {"ports": self._reserve(call, now, inputs["address"], unchanged)}

    def delete(self, call: Call, state: Values, inputs: Values) -> None:  # noqa: D102
        del inputs
        with _reservations() as reserved:
            for port in (state.get("ports") or {}).values():
                if port in reserved and reserved[port][0] == call.urn:
                    del reserved[port]

    def _reserve(self, call: Call, preferred: dict[str, int], address: str, unchanged: dict[str, int]) -> dict[str, int]:
        missing = {name: port for name, port in preferred.items() if name not in unchanged}
        with _reservations() as reserved:
            others, own = _published(call.stack)
            taken = others | {port for port, (owner, _) in reserved.items() if owner != call.urn} | set(unchanged.values())
            # Ports that this stack's own containers hold are its own: after a lost state the ports stay the same.
            fresh = choose(missing, lambda port: port not in taken and (port in own or can_bind(address, port)))
            chosen = {name: unchanged.get(name) or fresh[name] for name in preferred}
            for port in chosen.values():
                reserved[port] = (call.urn, time.time())
        return chosen
