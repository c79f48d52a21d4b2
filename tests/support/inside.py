"""What a command in a container prints, whole: an engine's plain answer can lose it on a busy machine, and looks like an empty one."""

from __future__ import annotations

from docker.models.containers import Container

from core.container_commands import execute


def inside(container: Container, *command: str, user: str = "") -> bytes:
    """Standard output. Raises PlatformError where the command ends with another code than 0."""
    return execute(str(container.id), command, user=user).stdout
