"""The tutorial, its lines typed one after another as they stand there, in both languages' page the same."""

import os
import re
import subprocess

import pytest

from tests.end_to_end.conftest import BIN, ROOT
from tests.support.waiting import PATIENCE

PAGES = [ROOT / "docs" / "tutorial.md", ROOT / "docs" / "tutorial.ko.md"]
_ENDED = re.compile(r"^tutorial-line (\d+) ended with (\d+)$", re.MULTILINE)


def lines_of(page):
    """What a reader types, and the exit code that the page says."""
    blocks = re.findall(r"^```console\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    typed = [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]
    return [(line, int(code[1]) if (code := re.search(r"# exit code (\d)$", line)) else 0) for line in typed]


def test_both_pages_have_the_same_lines():
    lines, korean = map(lines_of, PAGES)
    assert len(lines) > 20
    assert lines == korean


@pytest.mark.exhaustive
def test_its_lines_do_what_it_says(stack, tmp_path):
    lines = lines_of(PAGES[0])
    # One shell, since a line uses what one before it noted.
    script = "\n".join(f"{line}\ncode=$?; echo; echo tutorial-line {number} ended with $code" for number, (line, _) in enumerate(lines))
    typed = tmp_path / "typed.sh"
    typed.write_text(script.replace("christmas-dev-", f"christmas-{stack.name}-"), encoding="utf-8")
    done = subprocess.run(
        ["bash", str(typed)],
        cwd=ROOT,
        env=stack.environment | {"PATH": f"{BIN}:{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=len(lines) * PATIENCE,
        check=False,
    )
    codes = [int(code) for _number, code in _ENDED.findall(done.stdout)]
    assert codes == [code for _line, code in lines], done.stdout
