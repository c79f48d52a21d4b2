"""Steps that run at once, each a real process."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from core.beside import Finished, outcome_text, run_beside
from core.progress import PlainProgress
from core.runner import Step

Run = Callable[..., tuple[Finished | None, list[str], str]]


def _step(name: str, *after: str, done: bool = False) -> Step:
    return Step(name, "why", run=lambda _: None, beside=True, after=after, done=lambda: done)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run steps whose processes are the given Python programs, started in `tmp_path`; return the failure, the events and the output."""

    def run(steps: list[Step], programs: dict[str, str]) -> tuple[Finished | None, list[str], str]:
        events: list[str] = []
        output = io.StringIO()
        failed = run_beside(
            steps,
            PlainProgress("", output),
            begun=lambda step: events.append(f"begin {step.name}"),
            ended=lambda finished: events.append(f"end {finished.step.name} {finished.code} {finished.outcome}".strip()),
            command=lambda step: [sys.executable, "-c", f"import os; os.chdir({str(tmp_path)!r})\n{programs[step.name]}"],
        )
        return failed, events, output.getvalue()

    return run


def _meet(own: str, other: str) -> str:
    """A program that ends only once the other one runs too."""
    return f"open({own!r}, 'w')\nimport os, time\nwhile not os.path.exists({other!r}): time.sleep(0.01)"


def test_steps_that_wait_for_nothing_run_at_once(run: Run) -> None:
    failed, events, _ = run([_step("a"), _step("b")], {"a": _meet("a", "b"), "b": _meet("b", "a")})
    assert failed is None
    assert events[:2] == ["begin a", "begin b"]
    assert sorted(events[2:]) == ["end a 0", "end b 0"]


def test_a_step_starts_once_those_it_comes_after_are_done(run: Run) -> None:
    steps = [_step("c", "a", "b"), _step("a"), _step("b", done=True)]
    failed, events, _ = run(steps, {"a": "open('of-a', 'w')", "c": "open('of-a')"})
    assert failed is None
    assert events == ["begin a", "begin b", "end b 0 (cached)", "end a 0", "begin c", "end c 0"]


def test_a_step_that_is_no_part_of_the_group_is_not_waited_for(run: Run) -> None:
    failed, events, _ = run([_step("a", "elsewhere")], {"a": ""})
    assert (failed, events) == (None, ["begin a", "end a 0"])


def test_what_a_process_says_is_shown_and_its_outcome_is_not(run: Run) -> None:
    _, events, output = run([_step("a")], {"a": r"print('  a: half done'); print('\x1e12.5 version 7')"})
    assert output == "  a: half done\n"
    assert events[-1] == "end a 0 version 7"


def test_a_failure_is_told_from_its_first_line_and_only_those_after_it_are_left_out(run: Run) -> None:
    programs = {
        "slow": "import os, time\nwhile not os.path.exists('failing'): time.sleep(0.01)\nopen('of-slow', 'w')",
        "bad": "import sys\nopen('failing', 'w')\nprint('  bad: so far'); print('error: no room'); print('  where: /data'); sys.exit(3)",
        "after slow": "open('of-slow')",
    }
    failed, events, output = run([_step("slow"), _step("bad"), _step("after bad", "bad"), _step("after slow", "slow")], programs)
    assert failed is not None
    assert (failed.code, failed.error) == (3, "error: no room\n  where: /data")
    assert output == "  bad: so far\n"
    assert events[:2] == ["begin slow", "begin bad"]
    assert sorted(events[2:]) == ["begin after slow", "end after slow 0", "end bad 3", "end slow 0"]


def test_a_process_that_is_killed_is_a_failure(run: Run) -> None:
    failed, _, _ = run([_step("a")], {"a": "print('last words', flush=True)\nimport os, signal\nos.kill(os.getpid(), signal.SIGKILL)"})
    assert failed is not None
    assert failed.code == -signal.SIGKILL
    assert failed.error == "last words"


def test_an_interruption_ends_the_processes(run: Run, tmp_path: Path) -> None:
    def interrupt() -> None:
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    program = "open('pid', 'w').write(str(os.getpid()))\nimport time\ntime.sleep(600)"
    # The language host's module, which other tests import, takes Python's handler away.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        threading.Thread(target=interrupt, daemon=True).start()
        with pytest.raises(KeyboardInterrupt):
            run([_step("a")], {"a": program})
    finally:
        signal.signal(signal.SIGINT, before)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


@pytest.mark.parametrize(
    ("finished", "text"),
    [
        (Finished(_step("a"), 0, 12.0, 0.3, "v1"), "done in 12 s: v1"),
        (Finished(_step("a"), 0, 120.0, 200.0), "done in 2 min, 3 min 20 s of processor"),
        (Finished(_step("a"), 0, 0.0, outcome="(cached)"), "done (cached)"),
    ],
)
def test_how_a_step_is_told(finished: Finished, text: str) -> None:
    assert outcome_text(finished) == text
