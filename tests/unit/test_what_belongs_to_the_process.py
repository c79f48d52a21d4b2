"""The environment belongs to the whole process: a library or another thread reads it in the same moment, so that no room changes it."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Each is the first thing that a process of its own does.
ALLOWED = {
    "airgap/images/embedder/embedder_server/model.py": "the embedder's process, before it loads numpy",
    "airgap/setup/one_step.py": "a step's own process, before it runs the step",
    "bench/real_vectors.py": "a benchmark, before it loads numpy",
    "schedule/remembered.py": "the schedule's own process, as it starts with the machine",
}
_CHANGING = {"update", "setdefault", "pop", "clear", "popitem", "putenv", "unsetenv"}


def is_environment(node: ast.AST) -> bool:
    return ast.unparse(node) in {"os.environ", "environ", "os"}


def changes(tree: ast.AST) -> list[int]:
    """The lines that change the process's environment."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del) and is_environment(node.value):
            found.append(node.lineno)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and is_environment(node.func.value):
            found += [node.lineno] if node.func.attr in _CHANGING else []
    return found


def test_no_room_changes_the_environment_of_its_process() -> None:
    sources = [path for path in ROOT.rglob("*.py") if path.relative_to(ROOT).parts[0] not in {".venv", ".christmas", "tests"}]
    assert len(sources) > 300
    found = {str(path.relative_to(ROOT)) for path in sources if changes(ast.parse(path.read_text("utf-8")))}
    assert found == ALLOWED.keys()


def test_changes_are_told_from_reading() -> None:
    lines = [
        "os.environ['A'] = 'b'",
        "del os.environ['A']",
        "os.environ.update(a='b')",
        "os.environ.get('A')",
        "copy['A'] = os.environ['A']",
    ]
    assert changes(ast.parse("\n".join(lines))) == [1, 2, 3]
