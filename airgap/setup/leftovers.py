"""What test runs that were killed left in Docker. Tests run on stacks whose name begins with `test`, and only those are touched.

A run that is alive keeps its own: its process is named by a label, or by the number at the end of the stack's name.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

TEST_STACKS = "test"
_PROJECT: dict[str, str | list[str] | bool] = {"label": "com.christmas.project=christmas"}
_STACK = "com.christmas.stack"
_OWNER = "com.christmas.tests.owner"
_PROCESS = re.compile(r".*-(\d+)")


def is_left_by_a_test(labels: Mapping[str, str] | None, processes: Path = Path("/proc")) -> bool:
    """Tell whether an object's labels say that it belongs to the stack of a test whose process has ended."""
    stack = (labels or {}).get(_STACK, "")
    if not stack.startswith(TEST_STACKS):
        return False
    numbered = _PROCESS.fullmatch(stack)
    owner = (labels or {}).get(_OWNER, numbered[1] if numbered else "")
    return not (owner and (processes / owner).exists())


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
    return [one for one in found if is_left_by_a_test(getattr(one, "labels", None) or one.attrs.get("Labels"))]
