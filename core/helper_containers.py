"""Short-lived containers that reach volumes or run one command, without network or privileges."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from core.container_commands import Finished
from core.docker_client import docker_client
from core.labels import PROJECT_LABEL, PURPOSE_LABEL
from core.leftovers import owner_labels

if TYPE_CHECKING:
    from docker.models.containers import Container


def make_helper(image: str, purpose: str, **options: Any) -> Container:
    """A container that is not started; a volume in `options["volumes"]` is mounted at its path.

    Docker copies files into and out of its volumes, with any image. Its labels let a clean-up find what a killed run left.
    """
    from docker.errors import APIError, NotFound

    volumes = {volume: {"bind": path, "mode": "rw"} for volume, path in options.pop("volumes", {}).items()}
    settings: dict[str, Any] = {
        "entrypoint": ["true"],
        "command": [],
        "labels": {PROJECT_LABEL: "christmas", PURPOSE_LABEL: purpose, **owner_labels()},
        "name": f"christmas-{purpose}-{secrets.token_hex(4)}",
        "network_mode": "none",
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "mem_limit": "512m",
        "volumes": volumes,
    }
    containers = docker_client().containers
    try:
        container: Container = containers.create(image, **settings | options)
    except APIError as error:
        if error.status_code != 409 or "name" not in options:
            raise
        # The request of a run that was killed may reach the engine late: that helper has this name, and nobody uses it any more.
        with contextlib.suppress(NotFound):
            remove(containers.get(options["name"]))
        container = containers.create(image, **settings | options)
    return container


@contextlib.contextmanager
def helper(image: str, purpose: str, **options: Any) -> Iterator[Container]:
    """The same for a block, removed at its end."""
    container = make_helper(image, purpose, **options)
    try:
        yield container
    finally:
        remove(container)


def remove(container: Container) -> None:
    """Remove a container and its unnamed volumes; one that is gone already, as after `docker container prune`, has cost nothing."""
    from docker.errors import NotFound

    with contextlib.suppress(NotFound):
        container.remove(force=True, v=True)


def outcome(container: Container, seconds: float | None = None) -> Finished:
    """Start a container, wait for its end, and return what it printed."""
    container.start()
    code = int(container.wait(timeout=seconds)["StatusCode"])
    return Finished(code, container.logs(stdout=True, stderr=False), container.logs(stdout=False, stderr=True).decode(errors="replace"))
