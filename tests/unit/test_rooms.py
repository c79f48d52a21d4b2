"""The rooms' order is a contract that `make lint` holds: it names every room, and what breaks it is found."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import grimp
import pytest

from airgap.setup import checks

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
CONTRACTS = {contract["id"]: contract for contract in PROJECT["tool"]["importlinter"]["contracts"]}
ROOMS = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}


def test_every_room_is_under_contract() -> None:
    layers = [room for layer in CONTRACTS["rooms"]["layers"] for room in layer.split(" | ")]
    assert sorted(layers) == sorted(ROOMS)
    assert sorted(CONTRACTS["circles"]["ancestors"]) == sorted(ROOMS)
    assert sorted(PROJECT["tool"]["importlinter"]["root_packages"]) == sorted(ROOMS)
    assert {*PROJECT["tool"]["vulture"]["paths"]} == ROOMS | {"tasks.py"}
    assert "ignore_imports" not in CONTRACTS["rooms"]
    assert sorted(CONTRACTS["examples"]["forbidden_modules"]) == sorted(ROOMS - {"christmas", "examples"})


def test_every_folder_with_code_is_a_package_so_that_its_imports_are_seen() -> None:
    folders = {path.parent for room in sorted(ROOMS) for path in (ROOT / room).rglob("*.py")}
    assert len(folders) > 30
    assert {str(folder.relative_to(ROOT)) for folder in folders if not (folder / "__init__.py").exists()} == set()


def test_no_two_modules_import_one_another_however_many_are_between() -> None:
    graph = grimp.build_graph(*sorted(ROOMS), cache_dir=None)
    left = {module: set(graph.find_modules_directly_imported_by(module)) for module in graph.modules}
    assert len(left) > 400
    # What imports nothing that is left is no part of a circle.
    while leaves := {module for module, imported in left.items() if not imported & left.keys()}:
        left = {module: imported for module, imported in left.items() if module not in leaves}
    assert sorted(left) == []


def test_make_lint_runs_what_is_claimed() -> None:
    tools = {Path(word).name for _, command in (*checks.LINT, checks.SQL, checks.TYPES) for word in command}
    assert {"ruff", "lint-imports", "vulture", "airgap.setup.vague_names", "zizmor", "migrate.lint", "mypy"} <= tools
    hooks = (ROOT / ".pre-commit-config.yaml").read_text("utf-8")
    assert [
        name for name in ("ruff check", "lint-imports", "vulture", "vague_names", "zizmor", "migrate.lint", "mypy") if name not in hooks
    ] == []


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rooms")
    for room in sorted(ROOMS):
        shutil.copytree(ROOT / room, folder / room, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "tasks.py"):
        shutil.copy(ROOT / name, folder)
    return folder


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run([str(BIN / command[0]), *command[1:]], cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("file", "line", "told"),
    [
        ("infra/show.py", "import backup.make", "infra.show -> backup.make"),
        ("christmas/values.py", "import docker", "christmas.values -> docker"),
        ("examples/trading_desk/passwords.py", "import core.errors", "examples.trading_desk.passwords -> core.errors"),
        ("schedule/units.py", "def later():\n    import schedule.task", "Each room|units"),
    ],
)
def test_an_import_the_wrong_way_is_found(copy: Path, file: str, line: str, told: str) -> None:
    text = (copy / file).read_text("utf-8")
    (copy / file).write_text(f"{text}\n{line}\n")
    try:
        done = run(copy, "lint-imports", "--no-logo", "--no-cache")
    finally:
        (copy / file).write_text(text)
    assert done.returncode == 1, done.stdout
    assert any(part in done.stdout for part in told.split("|"))


@pytest.mark.exhaustive  # `make test` has just run vulture on this very tree
def test_unused_code_is_found(copy: Path) -> None:
    assert run(copy, "vulture").stdout == ""
    file = copy / "core" / "disk.py"
    text = file.read_text("utf-8")
    file.write_text(f"{text}\n\ndef nobody_calls_this() -> None:\n    pass\n")
    done = run(copy, "vulture")
    file.write_text(text)
    assert "unused function 'nobody_calls_this'" in done.stdout


_LOADED_ONE_BY_ONE = """
import importlib, sys
for module in sys.argv[1:]:
    importlib.import_module(module)
    if loaded := [name for name in ("pulumi", "grpc") if name in sys.modules]:
        sys.exit(f"{module} loads {loaded}")
print(len(sys.modules))
"""


def test_what_runs_often_loads_nothing_of_pulumi() -> None:
    """Its SDK takes half a second of a core, which each hourly set, each run of the checks and each look at the page would pay."""
    rooms = ("security", "seed", "backup", "monitor", "schedule", "console")
    files = [file.relative_to(ROOT) for room in rooms for file in sorted((ROOT / room).rglob("*.py"))]
    modules = [".".join(file.with_suffix("").parts) for file in files if not file.stem.startswith("__")]
    done = subprocess.run([sys.executable, "-c", _LOADED_ONE_BY_ONE, *modules], cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.stderr == ""
    assert int(done.stdout) > len(modules) > 100
