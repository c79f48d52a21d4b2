"""A container's own health check, run by whoever waits for the container: Docker runs it only once its interval is over."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from core.docker_client import docker_client
from core.docker_retries import with_retries
from core.waiting import looks

if TYPE_CHECKING:
    from docker import APIClient
    from docker.models.containers import Container

_DOCKERS_TIMEOUT = 30_000_000_000
"""Nanoseconds that a health check has which says nothing of its own."""


def check_of(attributes: Mapping[str, Any]) -> list[str]:
    """The command of a container's health check, from what Docker says of the container; empty where it has none."""
    kind, *words = (attributes["Config"].get("Healthcheck") or {}).get("Test") or ["NONE"]
    if kind == "CMD-SHELL":
        return [*(attributes["Config"].get("Shell") or ["/bin/sh", "-c"]), *words]
    return words if kind == "CMD" else []


def seconds_of(attributes: Mapping[str, Any]) -> float:
    """The time limit of a container's health check."""
    return ((attributes["Config"].get("Healthcheck") or {}).get("Timeout") or _DOCKERS_TIMEOUT) / 1e9


def is_well(container: Container) -> bool:
    """Whether a container's own health check passes right now; True without one."""
    check = check_of(container.attrs)
    return not check or passes(docker_client().api, str(container.id), check, seconds_of(container.attrs))


def becomes_well(container: Container, seconds: float, well: Callable[[], bool] | None = None, pause: float = 0.2) -> bool:
    """Wait until a started container is well: until its health check passes, or `well` says so. False if it ends or the time is up.

    The check is run here, again and again: Docker runs it first after its interval.
    """
    for in_time in looks(seconds, pause=pause):
        with_retries("looking at it", f"container {container.name}", container.reload)
        if container.status == "running" and (well() if well else is_well(container)):
            return True
        if container.status in ("exited", "dead") or not in_time:
            break
    return False


def passes(client: APIClient, container: str, check: list[str], seconds: float = _DOCKERS_TIMEOUT / 1e9) -> bool:
    """Whether a health check passes now, within its time limit, as Docker judges it.

    A container that has just stopped does not pass, nor does one that can't be asked.
    """
    from docker.errors import DockerException
    from requests import RequestException

    try:
        began = time.monotonic()
        call = client.exec_create(container, check)["Id"]
        client.exec_start(call)
        return bool(client.exec_inspect(call)["ExitCode"] == 0) and time.monotonic() - began <= seconds
    except (DockerException, RequestException):
        return False
