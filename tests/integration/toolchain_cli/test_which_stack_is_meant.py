"""`pulumi` works on the stack that `invoke` works on: CHRISTMAS_STACK's, then PULUMI_STACK's; an explicit option wins."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Clone

PROJECT = Path(__file__).parents[3]


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("variables", "meant"),
    [
        ({"CHRISTMAS_STACK": "other"}, "other"),
        ({"PULUMI_STACK": "other"}, "other"),
        ({"CHRISTMAS_STACK": "other", "PULUMI_STACK": "third"}, "other"),
        ({"CHRISTMAS_STACK": "", "PULUMI_STACK": "other"}, "other"),
        ({"CHRISTMAS_STACK": ""}, "dev"),
    ],
)
def test_both_follow_the_same_variables(stack: Clone, variables: dict[str, str], meant: str) -> None:
    for name in ("other", "third"):
        stack.pulumi("stack", "init", "--no-select", name)
    stack.variables.update(variables)
    assert stack.pulumi("stack", "--show-name").stdout.strip() == meant
    program = "from infra.connections import stack_name; print(stack_name())"
    environment = stack.environment()
    done = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == meant


@pytest.mark.exhaustive
def test_up_changes_the_stack_of_the_variable_and_an_option_wins(stack: Clone) -> None:
    stack.pulumi("stack", "init", "--no-select", "other")
    stack.pulumi("config", "set", "greeting", "from other", CHRISTMAS_STACK="other")
    assert (stack.root / "Pulumi.other.yaml").exists()
    stack.pulumi("up", "--yes", "--skip-preview", CHRISTMAS_STACK="other")
    assert stack.pulumi("stack", "output", "greeting", "--stack", "other").stdout.strip() == "from other"
    assert "greeting" not in stack.pulumi("stack", "output", "--stack", "dev").stdout
    stack.pulumi("up", "--yes", "--skip-preview", "--stack", "dev", CHRISTMAS_STACK="other")
    assert stack.pulumi("stack", "output", "greeting", "--stack", "dev", CHRISTMAS_STACK="other").stdout.strip() == "hello"
    # What was selected stays so for those who set no variable.
    assert stack.pulumi("stack", "--show-name").stdout.strip() == "dev"


def test_a_stack_that_does_not_exist_is_not_replaced_by_the_selected_one(stack: Clone) -> None:
    said = stack.pulumi("up", "--yes", "--skip-preview", check=False, CHRISTMAS_STACK="missing")
    assert said.returncode != 0
    assert "no stack selected" in said.stderr
