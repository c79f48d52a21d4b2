"""Whose container is it? A mark that Docker keeps, but that neither labels nor the official plugin's state ever show.

A run that is killed between creating a container and recording it leaves one that no state knows of. To take over such a
container, and no other, each one carries whose it is and what it was made from. A label would do, but the official plugin
reads labels, and would replace every container with one too many. So the mark is the name of the file to which `docker run
--cidfile` writes the container's id: the engine keeps it with the container, uses it for nothing, and nobody reads it back.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from typing import Any

_PREFIX = "christmas-docker-plugin"


@dataclass(frozen=True)
class Mark:
    """Whose a container is, and what it was made from."""

    owner: str
    recipe: str

    def __str__(self) -> str:
        return f"{_PREFIX}/{self.owner}/{self.recipe}"


def mark(urn: str, body: dict[str, Any]) -> Mark:
    """Return the mark of the container that this resource makes from this request's body.

    The URN names project, stack and resource; two checkouts of one project share it, but not the backend that holds their state.
    """
    owner = f"{os.environ.get('PULUMI_BACKEND_URL', '')}\n{urn}"
    return Mark(_hash(owner), _hash(json.dumps(body, sort_keys=True)))


def mark_of(container: dict[str, Any]) -> Mark | None:
    """Return the mark that an inspected container carries, or None where this plugin didn't make it."""
    prefix, _, rest = str(container["HostConfig"].get("ContainerIDFile") or "").partition("/")
    owner, _, recipe = rest.partition("/")
    return Mark(owner, recipe) if prefix == _PREFIX and recipe else None


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24]
