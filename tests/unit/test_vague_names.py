"""`make lint` refuses names that say nothing, wherever Python binds a name outside the tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from airgap.setup import vague_names

BINDINGS = {
    "variable": "found = 1",
    "loop": "for each in ():\n    pass",
    "comprehension": "[each for each in ()]",
    "walrus": "print(kept := 1)",
    "argument": "def of(*, given): ...",
    "lambda": "lambda each: 1",
    "field": "class Run:\n    made: int",
    "attribute": "class Run:\n    def __init__(self): self._told = 1",
    "function": "def asked(): ...",
    "class": "class _made: ...",
    "block": "with open('x') as made: ...",
    "exception": "try: ...\nexcept OSError as found: ...",
    "import": "import os as there",
    "imported": "from core.lock import made",
    "capture": "match 1:\n    case found: ...",
    "rest": "match 1:\n    case [1, *found]: ...",
    "mapping": "match 1:\n    case {1: 1, **kept}: ...",
}


@pytest.mark.parametrize("source", BINDINGS.values(), ids=BINDINGS)
def test_a_binding_that_says_nothing_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], source: str) -> None:
    assert len(list(vague_names.vague(source))) == 1
    for room in ("monitor", "tests"):
        (tmp_path / room).mkdir()
        (tmp_path / room / "__init__.py").touch()
    (tmp_path / "tests" / "there.py").write_text(source, "utf-8")
    assert vague_names.main(tmp_path) == 0
    (tmp_path / "monitor" / "there.py").write_text(source, "utf-8")
    assert vague_names.main(tmp_path) == 1
    assert capsys.readouterr().out.splitlines()[-1].startswith("monitor/there.py:")


@pytest.mark.parametrize("source", ["orphaned_keys = 1", "found_keys = 1", "print(found)", "of(given=1)", "x = {'kept': 1}", "'each'"])
def test_a_name_that_says_something_and_a_mere_use_pass(source: str) -> None:
    assert list(vague_names.vague(source)) == []


def test_the_rooms_have_none_but_those_in_the_states_of_stacks(capsys: pytest.CaptureFixture[str]) -> None:
    assert vague_names.main() == 0
    assert "files" in capsys.readouterr().out
    for place, name in vague_names.IN_STATES.items():
        assert name in {found for _, found in vague_names.vague((vague_names.ROOT / place).read_text("utf-8"))}, place
