"""Helpers for a stopped store: scripts on its volumes, each in a helper container, and whether it is healthy again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backup.restoring.scratch import PURPOSE_LABEL
from core import health
from core.containers import docker_client, owner_of, put_files
from core.errors import PlatformError
from core.waiting import looks
from infra.components.names import PROJECT_LABEL, STACK_LABEL

if TYPE_CHECKING:
    from docker.models.containers import Container

STOP_SECONDS = 120
"""Seconds that a store has to stop by itself."""
_START_SECONDS = 300
_AGAIN_SECONDS = 0.2
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
    attributes = stopped.attrs
    once = docker_client().containers.create(
        attributes["Image"],
        ["-c", script],
        entrypoint=["/bin/sh"],
        user=attributes["Config"]["User"],
        name=f"{stopped.name}-{purpose}",
        volumes_from=[str(stopped.id)],
        network_mode=network,
        tmpfs={"/tmp": "mode=1777"},  # noqa: S108 - inside the container
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        labels=labels(stopped, purpose),
    )
    try:
        once.start()
        code = int(once.wait(timeout=4 * 3600)["StatusCode"])
        if code != 0:
            said = once.logs(tail=12).decode(errors="replace").strip()
            raise ScriptError(purpose, code, said, f"the volumes of {stopped.name}")
        return once.logs(stderr=False).decode(errors="replace")
    finally:
        once.remove(force=True)


def is_well(container: Container) -> bool:
    """Whether a container's own health check passes right now; True without one."""
    check = health.check_of(container.attrs)
    return not check or health.passes(docker_client().api, str(container.id), check, health.seconds_of(container.attrs))


def labels(stopped: Container, purpose: str) -> dict[str, str]:
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
    for in_time in looks(_START_SECONDS, pause=_AGAIN_SECONDS):
        container.reload()
        if container.status == "running" and is_well(container):
            return
        if container.status in ("exited", "dead") or not in_time:
            said = container.logs(tail=10).decode(errors="replace").strip()
            raise PlatformError(what=f"{container.name} does not come up again; its last lines:\n{said}", where="the restored data")


def put(container: Container, directory: str, entries: list[Any]) -> None:
    """Put files into a stopped container's volume, through a helper: the container's own root file system may be read-only."""
    helper = docker_client().containers.create(
        container.attrs["Image"],
        ["true"],
        name=f"{container.name}-put",
        volumes_from=[str(container.id)],
        network_mode="none",
        labels=labels(container, "restore"),
    )
    try:
        put_files(helper, directory, entries, **owner_of(container.attrs["Config"]["User"]))
    finally:
        helper.remove(force=True)


def remove_earlier(name: str) -> None:
    """Remove helper containers that an interrupted run left."""
    from docker.errors import NotFound

    for leftover in (name, name.replace("-restore", "-put")):
        try:
            docker_client().containers.get(leftover).remove(force=True)
        except NotFound:
            continue
