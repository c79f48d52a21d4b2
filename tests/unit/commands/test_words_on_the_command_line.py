"""Words after a task's name reach its body: as many as there are, with options among them, as invoke itself is started."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cases import in_make_test

TASKS = """
import json
from invoke.collection import Collection
from commands.task import task

@task(name="load", words="files")
def seed_load(_context, files: list[str], symbol: str = "", *, strict: bool = False):
    print(json.dumps(["load", files, symbol, strict]))

@task(name="show", positional=["name"])
def seed_show(_context, name: str = "newest", limit: int = 5):
    print(json.dumps(["show", name, limit]))

@task(name="go", positional=["where"])
def seed_go(_context, where: str):
    print(json.dumps(["go", where]))

namespace = Collection(Collection("seed", seed_load, seed_show, seed_go))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("words")
    (made / "tasks.py").write_text(TASKS)
    return made


def invoke(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "invoke"), *words]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("line", "expected"),
    in_make_test(
        [
            (["seed.load"], [["load", [], "", False]]),
            (["seed.load", "a.csv"], [["load", ["a.csv"], "", False]]),
            (["seed.load", "a.csv", "b.csv", "c d.csv"], [["load", ["a.csv", "b.csv", "c d.csv"], "", False]]),
            (["seed.load", "--strict", "a.csv", "--symbol", "IBM", "b.csv"], [["load", ["a.csv", "b.csv"], "IBM", True]]),
            (["seed.load", "a.csv", "--symbol=IBM", "-t", "b.csv"], [["load", ["a.csv", "b.csv"], "IBM", True]]),
            (["seed.load", "--files", "a.csv", "--files=b.csv"], [["load", ["a.csv", "b.csv"], "", False]]),
            (["seed.load", "a.csv", "b.csv", "seed.show", "x"], [["load", ["a.csv", "b.csv"], "", False], ["show", "x", 5]]),
            (
                ["seed.load", "a.csv", "b.csv", "--symbol", "A", "seed.load", "c.csv", "--symbol", "B"],
                [["load", ["a.csv", "b.csv"], "A", False], ["load", ["c.csv"], "B", False]],
            ),
            (
                ["seed.load", "c.csv", "--symbol", "B", "seed.load", "a.csv", "b.csv", "--symbol", "A"],
                [["load", ["c.csv"], "B", False], ["load", ["a.csv", "b.csv"], "A", False]],
            ),
            (
                ["seed.load", "seed.show", "x", "seed.load", "-t", "a.csv", "seed.show", "seed.load", "a", "b", "c"],
                [
                    ["load", [], "", False],
                    ["show", "x", 5],
                    ["load", ["a.csv"], "", True],
                    ["show", "newest", 5],
                    ["load", ["a", "b", "c"], "", False],
                ],
            ),
            (["seed.load", "", "a.csv", "seed.load", "b.csv"], [["load", ["", "a.csv"], "", False], ["load", ["b.csv"], "", False]]),
            (["seed.go", "a", "seed.go", "b"], [["go", "a"], ["go", "b"]]),
            (["seed.show"], [["show", "newest", 5]]),
            (["seed.show", "oldest", "--limit", "2"], [["show", "oldest", 2]]),
            (["seed.show", "--limit", "2"], [["show", "newest", 2]]),
            (["seed.go", "-1"], [["go", "-1"]]),
        ],
        0,
        3,
        5,
        9,
        15,
    ),
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, list) and isinstance(value[0], str) else "",
)
def test_words_reach_the_task(folder: Path, line: list[str], expected: list[object]) -> None:
    done = invoke(folder, *line)
    assert [json.loads(each) for each in done.stdout.splitlines()] == expected, done.stderr


@pytest.mark.parametrize(
    "line", in_make_test([["seed.show", "one", "two"], ["seed.go"], ["seed.load", "--unknown", "a.csv"]], 1), ids=" ".join
)
def test_too_many_too_few_and_unknown_are_refused(folder: Path, line: list[str]) -> None:
    done = invoke(folder, *line)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr


def test_an_unknown_flag_is_named_instead_of_the_word_after_it(folder: Path) -> None:
    assert "'--unknown'" in invoke(folder, "seed.show", "--unknown", "oldest").stderr


@pytest.mark.parametrize("flag", in_make_test(["--dry", "-d"], 0))
def test_a_flag_that_does_not_exist_is_not_taken_for_a_word(folder: Path, flag: str) -> None:
    for line in (["seed.go", flag], ["seed.go", "a", "seed.go", flag], ["seed.go", flag, "a"]):
        done = invoke(folder, *line)
        assert done.returncode != 0
        assert f"'{flag}'" in done.stderr
        assert "Traceback" not in done.stderr
