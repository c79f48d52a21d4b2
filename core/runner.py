"""A procedure as a list of named steps, and the one runner that numbers, times and reports them.

No heavy imports: the bootstrap uses it before anything is installed, and `invoke` tasks import it.
"""

from __future__ import annotations

import itertools
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from typing import TextIO

from core.errors import PlatformError
from core.progress import Progress, TerminalProgress, format_seconds, is_terminal, show_progress
from core.step import Step

__all__ = ["INTERRUPTED", "Progress", "Step", "report_failure", "run_steps", "show_progress"]

INTERRUPTED = 130
"""The exit code after Ctrl-C, as in shells."""


def run_steps(
    steps: Sequence[Step],
    *,
    first: int = 1,
    total: int | None = None,
    again: str = "make up",
    debug: bool = False,
    stream: TextIO | None = None,
) -> int:
    """Run the steps in order and return an exit code: 0, the failing step's `exit_code`, or 130 after Ctrl-C.

    `first` and `total` continue the count of an earlier process. `again` is the command that continues after an
    interruption. Output goes to `stream`, standard output by default.
    """
    stream = sys.stdout if stream is None else stream
    total = first + len(steps) - 1 if total is None else total
    started = time.monotonic()
    numbers = {step.name: number for number, step in enumerate(steps, first)}

    def label(step: Step) -> str:
        return f"Step {numbers[step.name]}/{total} {step.name}" if total > 1 else step.name

    for beside, group in itertools.groupby(steps, key=lambda step: step.beside):
        for part in [list(group)] if beside else [[step] for step in group]:
            code = _run_group(part, label, stream, again, debug=debug) if beside else _run_one(part[0], label, stream, again, debug=debug)
            if code != 0:
                return code
    if len(steps) > 1:
        print(f"All {total} steps done in {format_seconds(time.monotonic() - started)}.", file=stream, flush=True)
    return 0


def _run_one(step: Step, label: Callable[[Step], str], stream: TextIO, again: str, *, debug: bool) -> int:
    started = time.monotonic()
    try:
        outcome = _run_step(step, label(step), stream)
    except KeyboardInterrupt:
        return _interrupted(label(step), again, stream)
    except Exception as error:
        print(f"{label(step)} … failed after {format_seconds(time.monotonic() - started)}", file=stream, flush=True)
        return report_failure(error, doing=f"{step.name} ({step.why})", again=again, debug=debug)
    print(f"{label(step)} … done in {format_seconds(time.monotonic() - started)}{outcome}", file=stream, flush=True)
    return 0


def _run_group(group: Sequence[Step], label: Callable[[Step], str], stream: TextIO, again: str, *, debug: bool) -> int:
    from core.beside import Finished, outcome_text, run_beside, step_command

    def say(text: str) -> None:
        if isinstance(progress, TerminalProgress):
            progress.line(text)
        else:
            print(text, file=stream, flush=True)

    def begun(step: Step) -> None:
        if not isinstance(progress, TerminalProgress):
            say(f"{label(step)} …")

    def ended(finished: Finished) -> None:
        words = outcome_text(finished) if finished.code == 0 else f"failed after {format_seconds(finished.seconds)}"
        say(f"{label(finished.step)} … {words}")
        if finished.code != 0 and finished.meanwhile:
            # Print it now, and again after the others end: it can be fixed while they work.
            say(finished.error)

    with show_progress("", stream) as progress:
        try:
            failed = run_beside(
                group,
                progress,
                begun=begun,
                ended=ended,
                command=lambda step: step_command(step, debug=debug),
            )
        except KeyboardInterrupt:
            return _interrupted(", ".join(step.name for step in group), again, stream)
    if failed is not None:
        if len(group) > 1:
            print(
                f"{failed.step.name} failed; independent steps are finished and kept. `{again}` continues from here.",
                file=stream,
                flush=True,
            )
        print(failed.error, file=sys.stderr, flush=True)
        return failed.code
    return 0


def _interrupted(label: str, again: str, stream: TextIO) -> int:
    print(f"{label} … interrupted. Finished steps are kept; `{again}` continues from here.", file=stream, flush=True)
    return INTERRUPTED


def _run_step(step: Step, label: str, stream: TextIO) -> str:
    if step.done is not None and step.done():
        return " (cached)"
    live = is_terminal(stream)
    if not live:
        print(f"{label} …", file=stream, flush=True)
    with show_progress(label if live else step.name, stream) as progress:
        result = step.run(progress)
    return f": {result}" if result else ""


def report_failure(error: BaseException, *, doing: str = "", again: str = "", debug: bool = False, stream: TextIO | None = None) -> int:
    """Print one clear message for `error` to standard error (or `stream`) and return its exit code.

    A `PlatformError` has what, where and what next. Any other error is a bug of the project: print its type and text,
    and how to get the traceback.
    """
    stream = sys.stderr if stream is None else stream
    if debug:
        traceback.print_exception(error, file=stream)
    if isinstance(error, PlatformError):
        print(f"error: {error}", file=stream, flush=True)
        return error.exit_code
    lines = [f"error: {type(error).__name__}: {error}"]
    if doing:
        lines.append(f"  where: {doing}")
    if not debug:
        lines.append(f"  next:  run it with --debug for the traceback{f', then `{again}` again' if again else ''}")
    print("\n".join(lines), file=stream, flush=True)
    return 1
