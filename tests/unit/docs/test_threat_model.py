"""docs/threat-model.md and docs/security.md name tests and checks that exist, and SECURITY.md commands and pages."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from monitor.checks import every

ROOT = Path(__file__).parents[3]
MODEL = (ROOT / "docs" / "threat-model.md").read_text("utf-8")
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def rows() -> list[tuple[str, str]]:
    """Claim and what holds it, of every table below "The boundaries"."""
    part = MODEL[MODEL.index("## The boundaries") : MODEL.index("## What is not defended")]
    found = [tuple(cell.strip() for cell in line.strip("| \n").split(" | ")) for line in part.splitlines() if line.startswith("| ")]
    return [(row[0], row[1]) for row in found if row[0] not in ("claim", "---")]


def test_every_claim_is_held_by_something() -> None:
    assert len(rows()) > 25
    assert [claim for claim, held in rows() if not TEST.search(held) and "check `" not in held] == []


@pytest.mark.parametrize("page", ["docs/threat-model.md", "docs/security.md"])
def test_named_tests_exist(page: str) -> None:
    named = TEST.findall((ROOT / page).read_text("utf-8"))
    assert named
    missing = []
    for file, name in named:
        path = ROOT / file
        tree = ast.parse(path.read_text("utf-8")) if path.exists() else ast.Module([], [])
        if name not in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}:
            missing.append(f"{file}::{name}")
    assert missing == []


def test_named_checks_exist() -> None:
    named = {name for _, held in rows() for name in re.findall(r"check `([\w.]+)`", held)}
    assert len(named) > 5
    assert named - {each.name for each in every()} == set()


@pytest.mark.parametrize("page", ["SECURITY.md", "docs/threat-model.md", "docs/security.md"])
def test_pages_that_are_linked_exist(page: str) -> None:
    path = ROOT / page
    linked = re.findall(r"\]\(([^)#\s]+)(#[\w-]+)?\)", path.read_text("utf-8"))
    assert linked
    assert [target for target, _ in linked if not target.startswith("http") and not (path.parent / target).exists()] == []
