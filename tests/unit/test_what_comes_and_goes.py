"""What is listed may be gone a moment later: Docker's SDK looks at each container and image of a list once more, and fails there."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def failing_lists(tree: ast.AST) -> Iterator[int]:
    """Lines that list containers or images and fail where one of them goes meanwhile."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "list":
            kind, given = ast.unparse(node.func.value).rpartition(".")[2], {each.arg for each in node.keywords}
            if kind == "images" or (kind == "containers" and not given & {"ignore_removed", "sparse"}):
                yield node.lineno


def test_no_listing_fails_because_something_was_removed_meanwhile() -> None:
    """containers.list(ignore_removed=True); of images, `api.images` has names and labels."""
    files = [path for room in ROOT.glob("*/__init__.py") for path in room.parent.rglob("*.py")]
    assert len(files) > 1000
    texts = {path: text for path in files if ".list(" in (text := path.read_text(encoding="utf-8"))}
    found = [f"{path.relative_to(ROOT)}:{line}" for path, text in texts.items() for line in failing_lists(ast.parse(text))]
    assert found == []


def test_no_output_of_a_container_is_read_after_its_removal() -> None:
    """`containers.run` without `detach` does so, and loses it on a busy machine: tests.support.inside."""
    files = [path for room in ROOT.glob("*/__init__.py") for path in room.parent.rglob("*.py")]
    texts = {path: text for path in files if ".run(" in (text := path.read_text(encoding="utf-8"))}
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path, text in texts.items()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).endswith("containers.run")
        and "detach" not in {each.arg for each in node.keywords}
    ]
    assert len(texts) > 100
    assert found == []


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("client.containers.list(all=True)", 1),
        ("client.containers.list(all=True, ignore_removed=True)", 0),
        ("docker.from_env().images.list()", 1),
        ("client.volumes.list()", 0),
    ],
)
def test_the_listings_are_told_apart(text: str, count: int) -> None:
    assert len(list(failing_lists(ast.parse(text)))) == count
