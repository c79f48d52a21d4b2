"""How long the platform takes: `python -m bench.platform_up`. Works on a stack of its own and removes it again.

Needs what `make up` has installed: images and CLI are present, so what is measured is the bringing up. With `--cold` everything is made
from empty caches (see `bench/cold.py`).
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from bench.cold import measure
from bench.measured import Figure, add_options, show

ROOT = Path(__file__).resolve().parent.parent
_BIN = ROOT / ".venv" / "bin"
_ROUNDS = 15


def main() -> int:
    """Measure, print, clean up."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_options(parser)
    parser.add_argument("--cold", action="store_true", help="time `make up` from empty caches, step by step")
    parser.add_argument("--busy", type=int, default=0, metavar="N", help="with --cold: busy loops beside it")
    options = parser.parse_args()
    if options.cold:
        return measure(options.busy)
    environment = os.environ | {"CHRISTMAS_STACK": f"bench-{os.getpid()}"}
    try:
        figures = [
            Figure("invoke --list ÷ python -c 'import invoke'", _list_ratio(), "x", 1.5),
            Figure("invoke up from no containers", _seconds([_BIN / "invoke", "up"], environment), "s", 60),
            Figure("invoke up with nothing to do", _seconds([_BIN / "invoke", "up"], environment), "s", 15),
        ]
        _seconds(["make", "up"], environment)
        figures.append(Figure("make up with nothing to do", _seconds(["make", "up"], environment), "s", 20))
    finally:
        subprocess.run([_BIN / "invoke", "down", "--volumes", "--yes"], cwd=ROOT, env=environment, check=False, stdout=subprocess.DEVNULL)
        subprocess.run(
            [_BIN / "pulumi", "stack", "rm", "--yes", "--stack", environment["CHRISTMAS_STACK"]],
            cwd=ROOT,
            env=environment,
            check=False,
            stdout=subprocess.DEVNULL,
        )
    return show("Bringing the platform up", figures, options)


def _list_ratio() -> float:
    """Medians of alternating runs, so that a machine that changes its speed changes both."""
    listing, importing = [], []
    for _ in range(_ROUNDS):
        importing.append(_seconds([_BIN / "python", "-c", "import invoke"], dict(os.environ)))
        listing.append(_seconds([_BIN / "invoke", "--list"], dict(os.environ)))
    return statistics.median(listing) / statistics.median(importing)


def _seconds(command: list[str | Path], environment: dict[str, str]) -> float:
    started = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, env=environment, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        sys.exit(f"{command} failed:\n{done.stdout}")
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
