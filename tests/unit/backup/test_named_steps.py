"""Backups, restores, drills and verifications are lists of named steps, followed in their order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from backup import drill, make, restore, verify
from backup.restoring import live
from backup.restoring.journal import Journal
from backup.restoring.targets import Target
from backup.sets.model import STORES
from core.errors import PlatformError
from core.progress import SilentProgress
from core.step import Step, follow
from core.words import shortened

NOBODY: Any = None  # the steps are only read here


def procedures() -> dict[str, list[Step]]:
    folder = Path("nowhere")
    onto_the_live = live._Run(NOBODY, Target(), STORES, False, folder, None, Journal(folder))
    return {
        "make": make._Run(NOBODY, folder, None, STORES).steps(),
        "restore": restore._Run(NOBODY, folder, "latest", None, None, "", None, live=False, force=False, dry_run=False).steps(),
        "live": [*onto_the_live.before(), *onto_the_live.under_the_lock(), *onto_the_live.after()],
        "drill": drill._Run(NOBODY, folder, "", [], NOBODY).steps(),
        "verify": verify._Run(NOBODY, folder, NOBODY, None, False).steps(),
    }


@pytest.mark.parametrize("name", ["make", "restore", "live", "drill", "verify"])
def test_every_step_has_a_name_of_its_own_and_a_reason(name: str) -> None:
    steps = procedures()[name]
    assert len(steps) >= 4
    assert len({step.name for step in steps}) == len(steps)
    assert [step.name for step in steps if not step.name[0].islower() or len(step.why) < 8] == []


def test_steps_are_followed_in_order_without_those_that_have_nothing_to_do() -> None:
    done: list[str] = []
    steps = [
        Step("first", "", lambda _: done.append("first")),
        Step("left out", "", lambda _: done.append("left out"), lambda: True),
        Step("because of the first", "", lambda _: done.append("second"), lambda: done != ["first"]),
    ]
    follow(steps, SilentProgress())
    assert done == ["first", "second"]


def test_the_first_failure_ends_a_procedure() -> None:
    done: list[str] = []

    def fail(_: object) -> None:
        raise PlatformError("no room", where="/data")

    steps = [Step("first", "", lambda _: done.append("first")), Step("fails", "", fail), Step("last", "", lambda _: done.append("last"))]
    with pytest.raises(PlatformError, match="no room"):
        follow(steps, SilentProgress())
    assert done == ["first"]


@pytest.mark.parametrize(
    ("items", "mark", "line"),
    [([], ";", ""), (["a", "b"], ";", "a; b"), (["a", "b", "c"], ";", "a; b; and 1 more"), ("abcd", ",", "a, b and 2 more")],
)
def test_a_long_list_is_shortened(items: list[str], mark: str, line: str) -> None:
    assert shortened(items, 2, mark) == line
