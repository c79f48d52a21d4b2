"""Helpers for a stopped store: scripts on its volumes, each in a helper container, and whether it is healthy again."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from core import health
from core.container_files import owner_of, put_files
from core.docker_client import docker_client
from core.errors import PlatformError
from core.helper_containers import helper, outcome
from core.labels import PROJECT_LABEL, PURPOSE_LABEL, STACK_LABEL

if TYPE_CHECKING:
    from docker.models.containers import Container

STOP_SECONDS = 120
"""Seconds that a store has to stop by itself."""
_START_SECONDS = 300
_MOST_SECONDS = 4 * 3600
NOT_SO = 77
"""An exit code that no tool uses, for the answer "no"."""


class ScriptError(PlatformError):
    """A script on a stopped container's volumes failed with exit code `code`."""

    def __init__(self, purpose: str, code: int, said: str, where: str) -> None:
        super().__init__(what=f"{purpose} failed with exit code {code}: {said}", where=where)
        self.code = code


def run(stopped: Container, script: str, *, purpose: str, network: str = "none") -> str:
    """Run a shell script as the container's user, on its volumes, by default without a network; returns its output.

    Raises ScriptError with its last words if it fails.
    """
    line = {"entrypoint": ["/bin/sh"], "command": ["-c", script], "tmpfs": {"/tmp": "mode=1777"}}  # noqa: S108 - inside the container
    with _beside(stopped, purpose, purpose, network_mode=network, user=stopped.attrs["Config"]["User"], mem_limit=None, **line) as once:
        done = outcome(once, _MOST_SECONDS)
        if done.code != 0:
            raise ScriptError(purpose, done.code, once.logs(tail=12).decode(errors="replace").strip(), f"the volumes of {stopped.name}")
        return done.stdout.decode(errors="replace")


def _beside(stopped: Container, suffix: str, purpose: str, **options: Any) -> contextlib.AbstractContextManager[Container]:
    """A helper on the stopped container's volumes, with its image; its name is the same each time, so that a next run finds it."""
    return helper(
        stopped.attrs["Image"],
        purpose,
        name=f"{stopped.name}-{suffix}",
        labels=labels_of(stopped, purpose),
        volumes_from=[str(stopped.id)],
        **options,
    )


def labels_of(stopped: Container, purpose: str) -> dict[str, str]:
    """The helper's labels: if this process is killed, cleaning up the stack finds it."""
    return {**{key: stopped.labels[key] for key in (PROJECT_LABEL, STACK_LABEL) if key in stopped.labels}, PURPOSE_LABEL: purpose}


def halt(name: str) -> Container:
    """Stop a container and wait for its end."""
    container: Container = docker_client().containers.get(name)
    container.stop(timeout=STOP_SECONDS)
    return container


def start(container: Container) -> None:
    """Start a stopped container and wait until it is healthy.

    Runs the container's health check itself, again and again: Docker runs it first after its interval.
    Raises PlatformError with its last lines if it doesn't become healthy.
    """
    container.start()
    if not health.becomes_well(container, _START_SECONDS):
        said = container.logs(tail=10).decode(errors="replace").strip()
        raise PlatformError(what=f"{container.name} does not come up again; its last lines:\n{said}", where="the restored data")


def put(container: Container, directory: str, entries: list[Any]) -> None:
    """Put files into a stopped container's volume, through a helper: the container's own root file system may be read-only."""
    with _beside(container, "put", "restore") as helper_container:
        put_files(helper_container, directory, entries, **owner_of(container.attrs["Config"]["User"]))


def remove_earlier(name: str) -> None:
    """Remove helper containers that an interrupted run left."""
    from docker.errors import NotFound

    for leftover in (name, name.replace("-restore", "-put")):
        try:
            docker_client().containers.get(leftover).remove(force=True)
        except NotFound:
            continue
