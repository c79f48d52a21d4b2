"""Steps that run in parallel, each in its own process: one can download while another compiles.

A process runs one step by its name (`STEP_PROGRAM`). Standard library only.
"""

from __future__ import annotations

import contextlib
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.progress import PlainProgress, Progress, format_seconds

if TYPE_CHECKING:
    from core.step import Step

STEP_PROGRAM = "airgap.setup.one_step"
"""The module that runs one set-up step in its own process and prints the outcome in one line."""

OUTCOME = "\x1e"  # begins a process's last line: its processor seconds, then the step's return value
_ERROR = "error: "


@dataclass
class Finished:
    """The outcome of one step. `processor` is in seconds, of the step's process and its children."""

    step: Step
    code: int
    seconds: float
    processor: float = 0.0
    outcome: str = ""
    error: str = ""
    meanwhile: int = 0
    """The number of running steps."""


@dataclass
class _Running:
    step: Step
    process: subprocess.Popen[str]
    started: float
    lines: list[str] = field(default_factory=list)


def step_command(step: Step, *, debug: bool) -> list[str]:
    """Return the command that runs one of `machine_steps` in its own process."""
    return [sys.executable, "-m", STEP_PROGRAM, step.name, *(["--debug"] if debug else [])]


def run_beside(
    steps: Sequence[Step],
    progress: Progress,
    *,
    begun: Callable[[Step], None],
    ended: Callable[[Finished], None],
    command: Callable[[Step], list[str]],
) -> Finished | None:
    """Start each step once the steps it comes after are done; return the first that failed, else None.

    `begun` and `ended` are called as each step starts and ends. A failure stops only the steps that come after it; the others continue,
    so that the cause can be fixed while they work. KeyboardInterrupt ends all of them and is passed on.
    """
    waiting, done, failed = list(steps), set[str](), list[Finished]()
    names = {step.name for step in steps}
    running: dict[str, _Running] = {}
    lines: queue.Queue[tuple[str, str | None]] = queue.Queue()
    try:
        while waiting or running:
            for step in [step for step in waiting if done.issuperset(names.intersection(step.after))]:
                waiting.remove(step)
                begun(step)
                if step.done is not None and step.done():
                    done.add(step.name)
                    ended(Finished(step, 0, 0.0, outcome="(cached)"))
                else:
                    running[step.name] = _start(step, command(step), lines)
            if not running:
                if failed:
                    break
                continue
            name, line = lines.get()
            if line is not None:
                _show(running, running[name], line, progress)
                continue
            finished = _finish(running.pop(name))
            finished.meanwhile = len(running)
            ended(finished)
            if finished.code == 0:
                done.add(name)
            else:
                failed.append(finished)
    finally:
        _end([source.process for source in running.values()])
    return failed[0] if failed else None


def _start(step: Step, command: list[str], lines: queue.Queue[tuple[str, str | None]]) -> _Running:
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def read() -> None:
        with process.stdout as output:  # type: ignore[union-attr] # a pipe, asked for one line above
            for line in output:
                lines.put((step.name, line.rstrip("\n")))
        lines.put((step.name, None))

    threading.Thread(target=read, daemon=True).start()
    return _Running(step, process, time.monotonic())


def _show(running: dict[str, _Running], source: _Running, line: str, progress: Progress) -> None:
    source.lines.append(line)
    if line.startswith(OUTCOME) or any(text.startswith(_ERROR) for text in source.lines):
        return
    if isinstance(progress, PlainProgress):
        progress.log(line.strip())
    else:
        progress.status(" · ".join(source.lines[-1].strip() for source in running.values() if source.lines))


def _finish(source: _Running) -> Finished:
    code = source.process.wait()
    finished = Finished(source.step, code, time.monotonic() - source.started)
    last = source.lines[-1] if source.lines else ""
    if last.startswith(OUTCOME):
        processor, _, finished.outcome = last.removeprefix(OUTCOME).partition(" ")
        finished.processor = float(processor)
    if code != 0:
        begin = next((place for place, line in enumerate(source.lines) if line.startswith((_ERROR, "Traceback"))), -8)
        finished.error = "\n".join(source.lines[begin:]) or f"its process ended with exit code {code}"
    return finished


def _end(processes: Sequence[subprocess.Popen[str]]) -> None:
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
    for process in processes:
        process.wait()


def outcome_text(finished: Finished) -> str:
    """Return the outcome of a finished step in words: its time, its processor time if long, and its return value."""
    if finished.outcome == "(cached)":
        return "done (cached)"
    processor = f", {format_seconds(finished.processor)} of processor" if finished.processor >= 1 else ""
    return f"done in {format_seconds(finished.seconds)}{processor}" + (f": {finished.outcome}" if finished.outcome else "")
