"""The state of a stack's services, from Docker and their ports. Needs neither Pulumi nor passwords, so it works without them."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from christmas.blueprint.services import EMBEDDER, SERVICES, TIMESCALEDB, service
from core.aside import Late, gather
from core.container_logs import moment
from core.labels import SERVICE_LABEL, of_stack
from core.words import size_text, span_text
from monitor import wire
from monitor.containers import memory_of
from monitor.result import Finding, critical, ok, unknown, warning

if TYPE_CHECKING:
    import docker

_ASK_SECONDS = 2.0
_NOT_ALWAYS = frozenset({EMBEDDER.name})
"""Optional services: a stack with a vendor's embeddings has no embedder."""


@dataclass(frozen=True, slots=True)
class Service:
    """A service of the stack. `state` is Docker's state or health; sizes in bytes; None if unknown.

    `answer_seconds` is the time of a TLS handshake.
    """

    name: str
    container: str
    state: str
    since: datetime | None = None
    memory: int | None = None
    limit: int | None = None
    answer_seconds: float | None = None
    trouble: str = ""

    def as_dict(self, now: datetime) -> dict[str, Any]:
        """The service as `--json` shows it."""
        judged = self.judge(now)
        return {
            "name": self.name,
            "container": self.container,
            "status": str(judged.status),
            "state": self.state,
            "message": judged.message,
            "next_step": judged.next_step,
            "uptime_seconds": round((now - self.since).total_seconds()) if self.since else None,
            "memory_bytes": self.memory,
            "memory_limit_bytes": self.limit,
            "answer_seconds": None if self.answer_seconds is None else round(self.answer_seconds, 4),
        }

    def judge(self, now: datetime) -> Finding:
        """Its status and message."""
        words = [self.state]
        if self.since:
            words.append(f"up {span_text(now - self.since)}")
        if self.memory is not None:
            words.append(f"memory {size_text(self.memory)}" + (f" of {size_text(self.limit)}" if self.limit else ""))
        if self.answer_seconds is not None:
            words.append(f"answers in {self.answer_seconds * 1000:.0f} ms")
        if self.trouble:
            words.append(self.trouble)
        said = ", ".join(words)
        if not self.container:
            return critical(said, "make up, or invoke up, creates it")
        if self.state == "paused":
            return critical(said, f"docker unpause {self.container}")
        if self.state not in {"healthy", "running", "starting"}:
            return critical(said, f"docker logs --tail 50 {self.container}; invoke up starts it again")
        if self.trouble:
            return unknown(said, f"docker stats {self.container} shows its load; invoke logs {self.name}")
        # Docker looks only twice a minute: what answers already is fine.
        starting = self.state == "starting" and self.answer_seconds is None
        return warning(said, f"invoke logs {self.name} --follow") if starting else ok(said)


def look(stack: str, seconds: float = 3.0) -> list[Service]:
    """The stack's services in the blueprint's order, then other containers of the stack, within about `seconds`.

    Raises PlatformError if the engine does not answer.
    """
    from core.docker_client import docker_host

    with docker_host(timeout=max(3, round(seconds))) as client:
        listed = {
            str(container["Labels"].get(SERVICE_LABEL, "")): container
            for container in client.api.containers(all=True, filters=of_stack(stack))
        }
        answers = gather({name: partial(_one, client, name_of(container), container) for name, container in listed.items()}, seconds)
    services = {name: answer if isinstance(answer, Service) else _untold(name, listed[name], answer) for name, answer in answers.items()}
    return in_order(services)


def in_order(services: Mapping[str, Service]) -> list[Service]:
    """The found services, the blueprint's first, and missing required ones. Pure."""
    names = [service.name for service in SERVICES]
    missing = {name: Service(name, "", "no container") for name in names if name not in services and name not in _NOT_ALWAYS}
    both = {**services, **missing}
    return [both[name] for name in [*(service for service in names if service in both), *sorted(both.keys() - set(names))]]


def name_of(listed: Mapping[str, Any]) -> str:
    """The name of a listed container."""
    return str(listed["Names"][0]).lstrip("/")


def _untold(name: str, listed: Mapping[str, Any], answer: object) -> Service:
    said = f"Docker: {answer}" if isinstance(answer, Late) else f"Docker failed: {answer}"
    return Service(name, name_of(listed), str(listed["State"]), trouble=said)


def _one(client: docker.DockerClient, container: str, listed: Mapping[str, Any]) -> Service:
    """One service, from its container's state, its memory and a TLS handshake."""
    described = client.api.inspect_container(listed["Id"])
    state = described["State"]
    name = str(listed["Labels"].get(SERVICE_LABEL, ""))
    word = str(state["Status"])
    if word == "running":
        health = state.get("Health", {})
        word = str(health.get("Status", "running"))
        if word == "unhealthy" and not health.get("FailingStreak", 1):
            word = "running"  # it was paused, and Docker has not looked since
    elif word == "exited":
        word = f"exited with {state['ExitCode']}" + (" (out of memory)" if state.get("OOMKilled") else "")
    if state["Status"] not in {"running", "paused"}:
        return Service(name, container, word)
    since = moment(state["StartedAt"])
    used, limit = memory_of(client.api.stats(listed["Id"], stream=False, one_shot=True))
    if state["Status"] == "paused":
        return Service(name, container, word, since, used, limit)
    seconds, trouble = _greet(name, described)
    return Service(name, container, word, since, used, limit, seconds, trouble)


def _greet(name: str, described: Mapping[str, Any]) -> tuple[float | None, str]:
    """Seconds of a TLS handshake with the service's first port, and the problem if it fails."""
    try:
        port = next(iter(service(name).ports.values()))
    except KeyError:
        return None, ""
    host, number = _address(described, port)
    began = time.monotonic()
    try:
        with socket.create_connection((host, number), timeout=_ASK_SECONDS) as plain:
            if name == TIMESCALEDB.name:
                wire.ask_for_tls(plain)
            with _trusting().wrap_socket(plain):
                return time.monotonic() - began, ""
    except TimeoutError:
        return None, f"{host}:{number} does not answer within {_ASK_SECONDS:g} s"
    except OSError as error:
        return None, f"{host}:{number}: {error}"


def _address(described: Mapping[str, Any], port: int) -> tuple[str, int]:
    """The address of a port for clients on this machine: the published one, else the container's."""
    settings = described["NetworkSettings"]
    published: Sequence[Mapping[str, str]] = (settings.get("Ports") or {}).get(f"{port}/tcp") or ()
    if published:
        host = published[0]["HostIp"]
        return "127.0.0.1" if host in {"", "0.0.0.0", "::"} else host, int(published[0]["HostPort"])  # noqa: S104 - compared, not bound
    return next((str(network["IPAddress"]) for network in settings["Networks"].values() if network.get("IPAddress")), "127.0.0.1"), port


def _trusting() -> ssl.SSLContext:
    """TLS without verification, for a handshake without data. `invoke check` verifies certificates."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
