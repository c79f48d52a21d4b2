"""What killed runs left in Docker: found by labels, removed by the next run."""

from __future__ import annotations

import functools
import os
import socket
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from core.docker_client import docker_client
from core.labels import MACHINE_LABEL, OWNER_LABEL, PURPOSE_LABEL, with_labels


def remove_of_dead_processes() -> list[str]:
    """Remove scratch platforms and helpers of processes that are gone, which a killed run can't do itself; a line about each.

    What a process that runs has made stays, also another stack's.
    """
    return remove_labelled([OWNER_LABEL, PURPOSE_LABEL], is_orphaned)


def is_orphaned(labels: Mapping[str, str]) -> bool:
    """Whether the process that made something is gone; False for what was made elsewhere, where nobody here can look."""
    return labels.get(MACHINE_LABEL, here()) == here() and not is_alive(labels.get(OWNER_LABEL, ""))


def owner_labels() -> dict[str, str]:
    """The labels of what goes with this process."""
    return {OWNER_LABEL: str(os.getpid()), MACHINE_LABEL: here()}


@functools.cache
def here() -> str:
    """Where processes have the numbers that this one sees: a machine, and its namespace of processes."""
    try:
        machine = Path("/etc/machine-id").read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        machine = ""
    return f"{machine or socket.gethostname()}-{Path('/proc/self/ns/pid').stat().st_ino}"


def remove_labelled(required: Iterable[str], going: Callable[[Mapping[str, str]], bool]) -> list[str]:
    """Remove containers, then networks and volumes that have all these labels and for which `going` is true; a line about each.

    What is in use elsewhere stays, and its line begins with `kept`.
    """
    from docker.errors import APIError, NotFound

    client, filters = docker_client(), with_labels(*required)
    containers = client.containers.list(all=True, ignore_removed=True, filters=filters)
    lines = []
    resources: tuple[tuple[str, Iterable[Any], dict[str, bool]], ...] = (
        ("container", containers, {"force": True, "v": True}),
        ("network", client.networks.list(filters=filters), {}),
        ("volume", client.volumes.list(filters=filters), {"force": True}),
    )
    for kind, listed, options in resources:
        for resource in listed:
            if not going(getattr(resource, "labels", None) or resource.attrs.get("Labels") or {}):
                continue
            try:
                resource.remove(**options)
            except NotFound:
                continue  # another process was faster
            except APIError as error:
                lines.append(f"kept {kind} {resource.name}: {error.explanation}")
            else:
                lines.append(f"removed {kind} {resource.name}")
    return lines


def is_alive(owner: str) -> bool:
    """Whether a process of that number runs, as an owner's label names it; True for anything but a number."""
    if not owner.isdigit():
        return True
    try:
        os.kill(int(owner), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
