"""What test runs that were killed left in Docker. Tests run on stacks whose name begins with `test`, and only those are touched."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from typing import Any

TEST_STACKS = "test"
_PROJECT: dict[str, str | list[str] | bool] = {"label": "com.christmas.project=christmas"}
_STACK = "com.christmas.stack"


def is_of_a_test(labels: Mapping[str, str] | None) -> bool:
    """Tell whether an object's labels say that it belongs to the stack of a test."""
    return (labels or {}).get(_STACK, "").startswith(TEST_STACKS)


def remove_leftovers() -> list[str]:
    """Remove the containers, networks and volumes of test stacks, in that order, and return their names."""
    from airgap import docker_client

    with contextlib.closing(docker_client.connect()) as client:
        removed = []
        for container in _of_tests(client.containers.list(all=True, ignore_removed=True, filters=_PROJECT)):
            container.remove(force=True, v=True)
            removed.append(f"container {container.name}")
        for network in _of_tests(client.networks.list(filters=_PROJECT)):
            network.remove()
            removed.append(f"network {network.name}")
        for volume in _of_tests(client.volumes.list(filters=_PROJECT)):
            volume.remove(force=True)
            removed.append(f"volume {volume.name}")
        return removed


def _of_tests(found: Iterable[Any]) -> list[Any]:
    return [one for one in found if is_of_a_test(getattr(one, "labels", None) or one.attrs.get("Labels"))]
