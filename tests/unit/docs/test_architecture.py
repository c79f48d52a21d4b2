"""docs/architecture.md shows the code as it is: the contract's order, functions that exist, arrows that are imports."""

from __future__ import annotations

import ast
import functools
import re
import tomllib
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "architecture.md").read_text("utf-8")
DIAGRAMS = re.findall(r"```mermaid\n(.*?)```", PAGE, re.DOTALL)
_NODE = re.compile(r'(\w+)\["([\w.]+)"\]')
_ARROW = re.compile(r'^\s*(\w+)(?:\["[\w.]+"\])? (-->|-\.->) (\w+)')


def layers() -> list[list[str]]:
    """The rooms from the ground up."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    listed = next(contract["layers"] for contract in contracts if contract["id"] == "rooms")
    return [layer.split(" | ") for layer in reversed(listed)]


def nodes(diagram: str) -> dict[str, str]:
    return dict(_NODE.findall(diagram))


def arrows(diagram: str) -> list[tuple[str, str, str]]:
    """From, kind, to: by the names that the nodes show."""
    names = nodes(diagram)
    found = [match.groups() for line in diagram.splitlines() if (match := _ARROW.match(line))]
    return [(names[source], kind, names[target]) for source, kind, target in found]


@functools.cache
def tree(module: str) -> ast.Module:
    path = ROOT / Path(*module.split("."))
    return ast.parse((path.with_suffix(".py") if path.with_suffix(".py").exists() else path / "__init__.py").read_text("utf-8"))


def split(name: str) -> tuple[str, str]:
    """The module, and what of it is meant; "" where it is the module itself."""
    if (ROOT / Path(*name.split("."))).with_suffix(".py").exists() or (ROOT / Path(*name.split("."))).is_dir():
        return name, ""
    module, _, member = name.rpartition(".")
    return module, member


def exists(name: str) -> bool:
    module, member = split(name)
    if not (ROOT / Path(*module.split("."))).with_suffix(".py").exists() and not (ROOT / Path(*module.split("."))).is_dir():
        return False
    defined = (
        {node.name for node in tree(module).body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}
        if member
        else {""}
    )
    return member in defined


@functools.cache
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(*(room for layer in layers() for room in layer), cache_dir=None)


def mentions(module: str, name: str) -> bool:
    """Whether a module's code calls something of that name, or names it."""
    return any(getattr(node, "attr", getattr(node, "id", None)) == name for node in ast.walk(tree(module)))


def is_true(source: str, target: str) -> bool:
    """Whether the first's module imports the second's, or is it, and names what is meant of it."""
    (importer, _), (imported, member) = split(source), split(target)
    direct = importer == imported or imported in graph().find_modules_directly_imported_by(importer)
    return direct and (not member or mentions(importer, member))


def test_the_rooms_are_those_of_the_contract_in_its_order() -> None:
    expected = {(below, above) for lower, upper in zip(layers(), layers()[1:], strict=False) for below in lower for above in upper}
    assert {(source, target) for source, _, target in arrows(DIAGRAMS[0])} == expected
    table = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| ", PAGE, re.MULTILINE)
    assert sorted(re.findall(r"\w+", " ".join(table))) == sorted(room for layer in layers() for room in layer)


@pytest.mark.parametrize("diagram", DIAGRAMS[1:], ids=["up", "backup", "restore"])
def test_what_is_named_exists_and_every_arrow_is_an_import(diagram: str) -> None:
    assert len(nodes(diagram)) > 8
    assert len(arrows(diagram)) >= len(nodes(diagram)) - 1  # no node stands alone
    assert [name for name in nodes(diagram).values() if not exists(name)] == []
    assert [(source, target) for source, kind, target in arrows(diagram) if kind == "-->" and not is_true(source, target)] == []


def test_files_and_functions_in_the_text_exist() -> None:
    files = re.findall(r"`((?:\w+/)+\w+\.py|\w+\.py)`", PAGE)
    assert len(files) > 9
    assert [file for file in files if not (ROOT / file).is_file()] == []
    named = re.findall(r"`(backup(?:\.\w+)+)`", PAGE)
    assert len(named) > 1
    assert [name for name in named if not exists(name) and name != "backup.remove"] == []


def test_what_is_no_longer_so_is_found() -> None:
    assert not exists("infra.stacks.upp")
    assert not exists("infra.stackss.up")
    assert exists("backup.make.make")
    assert not is_true("infra.stacks.up", "backup.make.make")
    assert not is_true("commands.stack.up", "infra.stacks.nothing")
