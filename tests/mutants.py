"""Tries the unit tests of the pure files on mutants of what they test: `make mutants`.

A mutant is a function with one small change: `<` for `<=`, another number, an argument left out. Where no test fails, either nothing
asserts what was changed, or it makes no difference. Which files and tests are tried is in pyproject.toml, `[tool.mutmut]`.

It works in `.christmas/mutants`, on a copy, one mutant at a time, and writes `bench/mutants.md`. It goes on where it was interrupted, and
what has been tried isn't tried again until its function changes. `--again` tries those that survived, which is what a new assertion needs;
`--survivors` shows them; `--anew` begins from nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from core.runner import INTERRUPTED

ROOT = Path(__file__).resolve().parents[1]
WORK = ROOT / ".christmas" / "mutants"
TABLE = ROOT / "bench" / "mutants.md"
# mutmut's exit codes. Any other is a test that failed, or one that a mutant keeps from ending.
_SURVIVED, _BY_TYPES, _NO_TEST = 0, 37, {5, 33}


def copy_sources() -> None:
    """Bring the copy up to date. Times are kept: mutants of a file are made anew where the file is newer than they are."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    wanted = {Path(name) for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()}
    for stale in [
        each for each in WORK.rglob("*.py") if each.relative_to(WORK).parts[0] != "mutants" and each.relative_to(WORK) not in wanted
    ]:
        stale.unlink()
    shutil.rmtree(WORK / "mutants" / "tests", ignore_errors=True)
    for name in wanted:
        source, target = ROOT / name, WORK / name
        if not target.is_file() or target.read_bytes() != source.read_bytes():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)


def results() -> dict[str, dict[str, int | None]]:
    """The exit code of each mutant, by file; None for one that wasn't tried. Files that are declared no more are left out."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mutmut"]["only_mutate"]
    found = {}
    for meta in sorted((WORK / "mutants").rglob("*.py.meta")):
        file = str(meta.relative_to(WORK / "mutants")).removesuffix(".meta")
        codes = json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"]
        if codes and any(fnmatch(file, pattern) for pattern in declared):
            found[file] = codes
    return found


def survivors(tried: dict[str, dict[str, int | None]]) -> list[str]:
    """The names of those that no test found, or none reached."""
    return [name for codes in tried.values() for name, code in codes.items() if code == _SURVIVED or code in _NO_TEST]


def table(tried: dict[str, dict[str, int | None]], commit: str) -> str:
    """The page with a row for each file."""
    rows, whole = [], Counter[str]()
    for file, codes in tried.items():
        count = Counter(_verdict(code) for code in codes.values())
        whole += count
        rows.append(_row(f"`{file}`", count))
    return f"""\
# What mutants find out about the unit tests

Written by `make mutants` at {commit}. A mutant is a function with one small change; words aren't changed. What the types rule
out needs no test.

| file | mutants | ruled out by types | found by tests | survived | reached by no test | not tried yet | found of those tried |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
{chr(10).join(rows)}
{_row("**all**", whole)}
"""


def _verdict(code: int | None) -> str:
    if code is None:
        return "untried"
    return "types" if code == _BY_TYPES else "none" if code in _NO_TEST else "survived" if code == _SURVIVED else "found"


def _row(name: str, count: Counter[str]) -> str:
    tried = count["found"] + count["survived"] + count["none"]
    share = f"{100 * count['found'] / tried:.0f} %" if tried else ""
    figures = (count.total(), *(count[each] for each in ("types", "found", "survived", "none", "untried")), share)
    return f"| {name} | {' | '.join(map(str, figures))} |"


def shown(tried: dict[str, dict[str, int | None]]) -> Iterator[str]:
    """Each survivor's name, and its change."""
    from mutmut.mutation.diff_apply import get_diff_for_mutant

    for file, codes in tried.items():
        for name in [each for each, code in codes.items() if code == _SURVIVED]:
            lines = get_diff_for_mutant(name, path=Path(file)).splitlines()
            change = [line for line in lines if line[:1] in {"+", "-"} and not line.startswith(("+++", "---"))]
            yield "\n".join([f"{file}: {name}", *change, ""])


def _try(names: list[str]) -> int:
    """Run mutmut in the copy without its operator that changes words, in a process of its own: that one imports the mutants alone."""
    environment = {
        **os.environ,
        "CI": "1",  # the same examples of each property every time
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
    }
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    inside = [sys.executable, "-P", "-c", _INSIDE, "run", "--max-children", "1", *names]
    return subprocess.run(inside, cwd=WORK, env=environment, check=False).returncode


_INSIDE = """
import os
from mutmut.mutation import mutators
mutators.mutation_operators[:] = [each for each in mutators.mutation_operators if each[1] is not mutators.operator_string]
from mutmut.__main__ import cli
from mutmut.configuration import config
from mutmut.utils.file_utils import walk_mutatable_files
config().type_check_command += map(str, walk_mutatable_files())
os.nice(19)
cli()
"""


def _commit() -> str:
    command = ["git", "describe", "--always", "--abbrev=7", "--exclude=*", "--dirty=+"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def main(arguments: list[str] | None = None) -> int:
    """Return 0 where all has been tried, whatever came of it."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    way: Any = parser.add_mutually_exclusive_group()
    way.add_argument("--again", action="store_true", help="try those that survived once more")
    way.add_argument("--survivors", action="store_true", help="show those that survived; tries nothing")
    way.add_argument("--anew", action="store_true", help="forget what was tried")
    options = parser.parse_args(arguments)
    if options.survivors:
        os.chdir(WORK)
        print(*shown(results()), sep="\n")
        return 0
    if options.anew:
        shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True, exist_ok=True)
    copy_sources()
    again = survivors(results()) if options.again else []
    if options.again:
        if not again:
            print("Nothing survived, or nothing has been tried.")
            return 0
        (WORK / "mutants" / "mutmut-stats.json").unlink(missing_ok=True)  # which tests reach which function
    try:
        code = _try(again)
    except KeyboardInterrupt:
        code = INTERRUPTED
    tried = results()
    if tried and code in {0, INTERRUPTED}:
        TABLE.write_text(table(tried, _commit()), encoding="utf-8")
        print(f"{TABLE.relative_to(ROOT)} is written; `make mutants ARGS=--survivors` shows what no test found.")
    return code


if __name__ == "__main__":
    sys.exit(main())
