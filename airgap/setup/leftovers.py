"""Removes what killed test runs left in Docker. Tests run on stacks whose names begin with `test`; only those are touched.

A live run keeps its own: a label names its process, or the number at the end of the stack's name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from core.labels import MACHINE_LABEL, OWNER_LABEL, PROJECT_LABEL, PURPOSE_LABEL, STACK_LABEL, TESTS_OWNER_LABEL
from core.leftovers import here, remove_labelled

TEST_STACKS = "test"
TESTS = "tests"
_OWNERS = (TESTS_OWNER_LABEL, OWNER_LABEL)  # on the tests' own servers, and on scratch platforms
_PROCESS = re.compile(r".*-(\d+)")


def is_left_by_a_test(labels: Mapping[str, str] | None, processes: Path = Path("/proc")) -> bool:
    """Whether an object's labels say that it belongs to a test, or to a test's stack, whose process has ended.

    What says that it was made elsewhere does not: a number of a process counts where it was given.
    """
    labels = labels or {}
    if labels.get(MACHINE_LABEL, here()) != here():
        return False
    stack, owner = labels.get(STACK_LABEL, ""), next((labels[name] for name in _OWNERS if labels.get(name)), "")
    if not stack.startswith(TEST_STACKS) and not (labels.get(PURPOSE_LABEL) == TESTS and owner):
        return False
    numbered = _PROCESS.fullmatch(stack)
    owner = owner or (numbered[1] if numbered else "")
    return not (owner and (processes / owner).exists())


def remove_leftovers() -> list[str]:
    """Remove the containers, networks and volumes of test stacks, and return a line about each. Objects in use elsewhere stay."""
    return remove_labelled([f"{PROJECT_LABEL}=christmas"], is_left_by_a_test)
