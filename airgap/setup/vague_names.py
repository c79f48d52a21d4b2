"""Names that say nothing, refused by `make lint`: a binding is named by what it is (`orphaned_keys`, not `found`).

`python -m airgap.setup.vague_names [FOLDER]` lists such bindings outside the tests; exit code 1 if there are any.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VAGUE = frozenset({"each", "kept", "found", "asked", "made", "given", "told", "there"})
# Every stack's state has these properties of resources by these names.
IN_STATES = {"infra/provider/field_keys.py": "given", "infra/provider/kept_passwords.py": "given", "infra/provider/rotation.py": "made"}


def vague(source: str) -> Iterator[tuple[int, str]]:
    """Line and name of each binding with such a name, with underscores at its ends or without. Pure."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()) | ast.arg(arg=name):
                pass
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                pass
            case ast.MatchAs(name=name) | ast.MatchStar(name=name) | ast.MatchMapping(rest=name) | ast.ExceptHandler(name=name):
                pass
            case ast.alias(name=imported, asname=alias):
                name = alias or imported
            case _:
                continue
        if name and name.strip("_") in VAGUE:
            yield getattr(node, "lineno", 1), name


def main(root: Path = ROOT) -> int:
    """Print the bindings of every room; return the exit code."""
    rooms = sorted(path.parent.name for path in root.glob("*/__init__.py") if path.parent.name != "tests")
    files = [*root.glob("*.py"), *(file for room in rooms for file in sorted((root / room).rglob("*.py")))]
    lines = [
        f"{place}:{line}: {name} says nothing: name it by what it is"
        for file in files
        for place in [file.relative_to(root).as_posix()]
        for line, name in vague(file.read_text("utf-8"))
        if IN_STATES.get(place) != name
    ]
    print("\n".join(lines) or f"no vague names in {len(files)} files")
    return int(bool(lines))


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
