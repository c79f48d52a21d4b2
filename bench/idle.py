"""What an idle platform costs: `python -m bench.idle [--minutes 10]`. Works on a stack of its own and removes it, or watches `--stack`.

Counted are the kernel's processor seconds of each container, and of Docker's own processes: each health check starts a process in a
container, and most of what that takes is outside of it. Docker's processes are everybody's, so other containers have to be quiet.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.measured import Figure, add_options, processor_seconds, show
from core.docker_client import docker_client
from core.labels import STACK_LABEL
from monitor.containers import memory_of

ROOT = Path(__file__).resolve().parent.parent
_TICKS = os.sysconf("SC_CLK_TCK")
SETTLED_SECONDS = 90


def main() -> int:
    """Measure, print, clean up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long it is watched")
    parser.add_argument("--stack", help="an idle stack that runs; default: one of its own, with migrations and no schedule")
    add_options(parser)
    options = parser.parse_args()
    if options.stack:
        return show("An idle platform", _figures(options.stack, options.minutes), options)
    stack = f"bench-{os.getpid()}"
    with removed_afterwards(stack) as invoke:
        for words in ("up", "migrate", "schedule.stop"):
            invoke(words)
        time.sleep(SETTLED_SECONDS)
        figures = _figures(stack, options.minutes)
    return show("An idle platform", figures, options)


@contextlib.contextmanager
def removed_afterwards(stack: str) -> Iterator[Callable[..., None]]:
    """What runs a task of the stack, which is taken away after the block."""
    try:
        yield functools.partial(_invoke, stack)
    finally:
        _invoke(stack, "down", "--volumes", "--yes")
        run_pulumi("stack", "rm", "--yes", "--stack", stack)
        (ROOT / f"Pulumi.{stack}.yaml").unlink(missing_ok=True)


def run_pulumi(*words: str) -> None:
    """Run the environment's Pulumi CLI."""
    subprocess.run([ROOT / ".venv/bin/pulumi", *words], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


@dataclass(frozen=True, slots=True)
class Shares:
    """What a stack took: percent of a core inside its containers and of Docker's processes for it, and memory without file cache."""

    inside: float
    engine: float
    gibibytes: float


def _figures(stack: str, minutes: float) -> list[Figure]:
    idle = shares(stack, minutes)
    return [
        Figure("idle: its containers", idle.inside, "%", 3),
        Figure("idle: its containers and Docker's processes", idle.inside + idle.engine, "%", 3),
        Figure("idle: memory of its containers without file cache", idle.gibibytes, "GiB", 1.2),
    ]


def shares(stack: str, minutes: float) -> Shares:
    """Watch a stack for so long."""
    client = docker_client()
    containers = {
        str(container.name): str(container.id)
        for container in client.containers.list(ignore_removed=True, filters={"label": f"{STACK_LABEL}={stack}"})
    }
    if not containers:
        sys.exit(f"stack {stack} has no container that runs: invoke up --stack {stack}")
    if others := len(client.containers.list(ignore_removed=True)) - len(containers):
        _tell(f"{others} other containers run: what Docker does for them is counted too")
    before, began = {**_inside(containers), **dict(engine_seconds(containers))}, time.monotonic()
    time.sleep(minutes * 60)
    inside, engine = _inside(containers), dict(engine_seconds(containers))
    seconds = time.monotonic() - began
    share = {name: (now - before.get(name, now)) / seconds * 100 for name, now in {**inside, **engine}.items()}
    memory = {name: (memory_of(_stats(container_id))[0] or 0) / 2**20 for name, container_id in containers.items()}
    for name, percent in share.items():
        _tell(f"{name:<40} {percent:6.2f} % of a core" + (f" {memory[name]:7.0f} MiB" if name in memory else ""))
    return Shares(sum(share[name] for name in inside), sum(share[name] for name in engine), sum(memory.values()) / 1024)


def _inside(containers: dict[str, str]) -> dict[str, float]:
    """Processor seconds of each container, whoever ran in it."""
    return {name: processor_seconds(container_id) for name, container_id in containers.items()}


def _stats(container: str) -> Any:
    return docker_client().api.stats(container, stream=False, one_shot=True)


def engine_seconds(containers: dict[str, str]) -> Iterator[tuple[str, float]]:
    """Processor seconds of Docker's processes on this machine and of their children that ended: its own, and those for these containers."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_text(errors="replace").split("\0")
            used = sum(map(int, (process / "stat").read_text().rpartition(")")[2].split()[11:15])) / _TICKS
        except OSError:
            continue  # it ended
        program = Path(words[0]).name
        if program in ("dockerd", "containerd"):
            yield program, used
        elif program.startswith("containerd-shim"):
            yield from ((f"Docker's processes for {name}", used) for name, container_id in containers.items() if container_id in words)


def _invoke(stack: str, *words: str) -> None:
    done = subprocess.run([ROOT / ".venv/bin/invoke", *words, "--stack", stack], cwd=ROOT, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"invoke {' '.join(words)} failed:\n{done.stdout}{done.stderr}")


def _tell(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
