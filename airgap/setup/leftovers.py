"""What test runs that were killed left in Docker. Tests run on stacks whose name begins with `test`, and only those are touched.

A run that is alive keeps its own: its process is named by a label, or by the number at the end of the stack's name.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

TEST_STACKS = "test"
TESTS = "tests"
_PROJECT: dict[str, str | list[str] | bool] = {"label": "com.christmas.project=christmas"}
_STACK = "com.christmas.stack"
_OWNERS = ("com.christmas.tests.owner", "com.christmas.owner")  # of the tests' own servers, and of scratch platforms
_PURPOSE = "com.christmas.purpose"
_PROCESS = re.compile(r".*-(\d+)")


def is_left_by_a_test(labels: Mapping[str, str] | None, processes: Path = Path("/proc")) -> bool:
    """Tell whether an object's labels say that it belongs to a test, or to the stack of one, whose process has ended."""
    labels = labels or {}
    stack, owner = labels.get(_STACK, ""), next((labels[name] for name in _OWNERS if labels.get(name)), "")
    if not stack.startswith(TEST_STACKS) and not (labels.get(_PURPOSE) == TESTS and owner):
        return False
    numbered = _PROCESS.fullmatch(stack)
    owner = owner or (numbered[1] if numbered else "")
    return not (owner and (processes / owner).exists())


def remove_leftovers() -> list[str]:
    """Remove the containers, networks and volumes of test stacks, in that order, and return what became of each.

    What something else uses stays, and is told.
    """
    from core import docker_client

    with contextlib.closing(docker_client.connect()) as client:
        containers = client.containers.list(all=True, ignore_removed=True, filters=_PROJECT)
        return [
            *_removed("container", containers, lambda container: container.remove(force=True, v=True)),
            *_removed("network", client.networks.list(filters=_PROJECT), lambda volume: volume.remove()),
            *_removed("volume", client.volumes.list(filters=_PROJECT), lambda network: network.remove(force=True)),
        ]


def _removed(kind: str, leftovers: Iterable[Any], remove: Callable[[Any], None]) -> Iterator[str]:
    from docker.errors import APIError, NotFound

    for one in leftovers:
        if not is_left_by_a_test(getattr(one, "labels", None) or one.attrs.get("Labels")):
            continue
        try:
            remove(one)
        except NotFound:
            continue  # somebody else was quicker
        except APIError as error:
            yield f"kept {kind} {one.name}: {error.explanation}"
        else:
            yield f"removed {kind} {one.name}"
