"""What a command in a container, or a container of its own, prints, whole: an engine's plain answer can lose it on a busy machine."""

from __future__ import annotations

from typing import Any

import docker
from docker.models.containers import Container

from core.container_commands import Finished, execute
from core.helper_containers import outcome, remove
from tests.support import scratch


def inside(container: Container, *command: str, user: str = "") -> bytes:
    """Standard output. Raises PlatformError where the command ends with another code than 0."""
    return execute(str(container.id), command, user=user).stdout


def run_alone(image: str, *command: str, **options: Any) -> Finished:
    """What a container of its own prints, run to its end and removed; `command` is the whole of it.

    The SDK's `run` removes the container before it has read what it printed: on a busy machine some or all is lost.
    """
    settings = {"labels": scratch.labels(), **options}
    made = docker.from_env().containers.create(image, list(command[1:]), entrypoint=[command[0]], **settings)
    try:
        return outcome(made)
    finally:
        remove(made)


def printed_alone(image: str, *command: str, **options: Any) -> str:
    """The same, of a command that has to succeed."""
    done = run_alone(image, *command, **options)
    assert done.code == 0, f"{command} ended with {done.code}: {done.stderr}"
    return done.stdout.decode()


def signal_named(container: Container, program: str, signal: str) -> None:
    """Send a signal to the processes of that name in a container. AssertionError where there is none."""
    line = 'for each in /proc/[0-9]*; do grep -sqx "$0" $each/comm && kill -"$1" "${each#/proc/}" && echo "$each"; done; true'
    assert inside(container, "sh", "-c", line, program, signal), f"no process {program} in {container.name}"
