"""A hidden mark of a container's owner: Docker keeps it, but neither labels nor the official plugin's state show it.

A run that is killed between creating and recording a container leaves one that no state knows. To take over such a
container, and no other, each container has a mark of its owner and its recipe. A label would work, but the official plugin
reads labels, and would replace every container with an extra one. So the mark is the file name of `docker run
--cidfile`: the engine stores it with the container, never uses it, and nobody reads it back.
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
    """A container's owner and recipe."""

    owner: str
    recipe: str

    def __str__(self) -> str:
        return f"{_PREFIX}/{self.owner}/{self.recipe}"


def mark(urn: str, body: dict[str, Any]) -> Mark:
    """Return the mark of a container that this resource makes from this request's body.

    The URN names project, stack and resource; two checkouts of one project share it, but not the backend of their state.
    """
    owner = f"{os.environ.get('PULUMI_BACKEND_URL', '')}\n{urn}"
    return Mark(_hash(owner), _hash(json.dumps(body, sort_keys=True)))


def mark_of(container: dict[str, Any]) -> Mark | None:
    """Return the mark of an inspected container, or None if this plugin didn't make it."""
    prefix, _, rest = str(container["HostConfig"].get("ContainerIDFile") or "").partition("/")
    owner, _, recipe = rest.partition("/")
    return Mark(owner, recipe) if prefix == _PREFIX and recipe else None


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24]
