"""Removes what killed test runs left in Docker. Tests run on stacks whose names begin with `test`; only those are touched.

A live run keeps its own: a label names its process, or the number at the end of the stack's name.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from core.labels import OWNER_LABEL, PROJECT_LABEL, PURPOSE_LABEL, STACK_LABEL, TESTS_OWNER_LABEL, with_labels

TEST_STACKS = "test"
TESTS = "tests"
_PROJECT = with_labels(f"{PROJECT_LABEL}=christmas")
_OWNERS = (TESTS_OWNER_LABEL, OWNER_LABEL)  # on the tests' own servers, and on scratch platforms
_PROCESS = re.compile(r".*-(\d+)")


def is_left_by_a_test(labels: Mapping[str, str] | None, processes: Path = Path("/proc")) -> bool:
    """Whether an object's labels say that it belongs to a test, or to a test's stack, whose process has ended."""
    labels = labels or {}
    stack, owner = labels.get(STACK_LABEL, ""), next((labels[name] for name in _OWNERS if labels.get(name)), "")
    if not stack.startswith(TEST_STACKS) and not (labels.get(PURPOSE_LABEL) == TESTS and owner):
        return False
    numbered = _PROCESS.fullmatch(stack)
    owner = owner or (numbered[1] if numbered else "")
    return not (owner and (processes / owner).exists())


def remove_leftovers() -> list[str]:
    """Remove the containers, networks and volumes of test stacks, in that order, and return a line about each.

    Objects in use elsewhere stay, and are reported.
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
            continue  # another process was faster
        except APIError as error:
            yield f"kept {kind} {one.name}: {error.explanation}"
        else:
            yield f"removed {kind} {one.name}"
