"""What a command in a container prints, whole: an engine's plain answer can lose it on a busy machine, and looks like an empty one."""

from __future__ import annotations

from docker.models.containers import Container

from core.container_commands import execute


def inside(container: Container, *command: str, user: str = "") -> bytes:
    """Standard output. Raises PlatformError where the command ends with another code than 0."""
    return execute(str(container.id), command, user=user).stdout


def signal_named(container: Container, program: str, signal: str) -> None:
    """Send a signal to the processes of that name in a container. AssertionError where there is none."""
    line = 'for each in /proc/[0-9]*; do grep -sqx "$0" $each/comm && kill -"$1" "${each#/proc/}" && echo "$each"; done; true'
    assert inside(container, "sh", "-c", line, program, signal), f"no process {program} in {container.name}"
