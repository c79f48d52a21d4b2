"""Each task's `--help` has a valid example; listing tasks imports no heavy package; completion knows all tasks."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import tasks
from tests.support.cases import in_make_test
from tests.support.named_commands import wrong_in

INVOKE = str(Path(sys.executable).parent / "invoke")
ROOT = Path(__file__).parents[3]
# What a task needs is imported inside it.
HEAVY = ("alembic", "docker", "grpc", "numpy", "psycopg", "pulumi", "pydantic", "redis", "rich", "sqlalchemy", "weaviate")


def invoke(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([INVOKE, *words], cwd=ROOT, capture_output=True, text=True, check=False)


def examples_of(text: str) -> list[str]:
    match = re.search(r"^ *Examples?: (.*(?:\n +\S.*)*)", text, re.MULTILINE)
    return [line.strip() for line in match[1].splitlines()] if match else []


@pytest.mark.parametrize("name", sorted(tasks.namespace.task_names))
def test_each_task_has_an_example_that_fits_it(name: str) -> None:
    examples = examples_of(tasks.namespace[name].__doc__ or "")
    assert examples, f"{name} has no example"
    same = [each for each in tasks.namespace.task_names if tasks.namespace[each].body is tasks.namespace[name].body]
    known = "|".join(re.escape(each) for one in same for each in (one, *tasks.namespace.task_names[one]))
    assert any(re.search(rf"invoke ({known})\b", example) for example in examples), examples
    assert [wrong for example in examples for wrong in wrong_in(example)] == []


def test_help_shows_the_example_and_each_option() -> None:
    shown = invoke("--help", "status").stdout
    assert "Example: invoke status --watch 10" in shown
    assert "--watch" in shown
    assert "--json" in shown
    assert "--for=STRING" in invoke("--help", "env").stdout


def test_listing_imports_nothing_that_a_task_needs() -> None:
    program = f"import sys, json, tasks; print(json.dumps(sorted(name for name in {HEAVY!r} if name in sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


@pytest.mark.parametrize("shell", in_make_test(["bash", "zsh", "fish"], 2))
def test_there_is_a_completion_for_each_shell(shell: str) -> None:
    script = invoke("--print-completion-script", shell).stdout
    assert re.search(r"\binvoke\b.* --complete", script)


@pytest.mark.parametrize(
    ("line", "expected"),
    [("invoke", {"status", "doctor", "check", "backup.drill"}), ("invoke check --", {"--watch", "--nagios", "--store"})],
)
def test_completion_knows_tasks_and_options(line: str, expected: set[str]) -> None:
    offered = set(invoke("--complete", "--", *line.split()).stdout.split())
    assert expected <= offered
