"""What every benchmark prints, and writes down with --record: the machine, and each figure with what it is held against."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.disk import write_whole
from core.docker_client import docker_client

FOLDER = Path(__file__).parent / "figures"
SUFFIX = ".runs.json"
_KEPT = 20
_LOAD_AT_START = os.getloadavg()[0]


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value in `unit` and its `bound`; `ratio` is value over bound (or bound over value where more is better)."""

    name: str
    value: float
    unit: str
    bound: float
    more_is_better: bool = False

    @property
    def ratio(self) -> float:
        """At most 1 where the figure is reached."""
        return self.bound / self.value if self.more_is_better else self.value / self.bound

    @property
    def reached(self) -> bool:
        """Whether the bound is kept."""
        return self.ratio <= 1


def machine() -> dict[str, str]:
    """What the figures were measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    model = next((line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    system = next((line.partition("=")[2].strip().strip('"') for line in _lines("/etc/os-release") if line.startswith("PRETTY_NAME")), "")
    return {"cpu": f"{os.cpu_count()} x {model}", "memory": f"{memory:.0f} GiB", "system": system, "python": platform.python_version()}


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of every benchmark."""
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--record", action="store_true", help="write the figures to bench/figures, for python -m bench.report")


def show(title: str, figures: list[Figure], options: argparse.Namespace) -> int:
    """Print the figures, and write them down if asked; 1 where one is not reached, for scripts that want to know."""
    if options.record:
        record(Path(sys.argv[0]).stem, title, figures)
    if options.json:
        rows = [asdict(figure) | {"ratio": figure.ratio, "reached": figure.reached} for figure in figures]
        print(json.dumps({"title": title, "machine": machine(), "figures": rows}, indent=2))
    else:
        print(f"{title} on {', '.join(machine().values())}")
        for figure in figures:
            sense = "≥" if figure.more_is_better else "≤"
            print(
                f"  {figure.name:<52} {figure.value:8.2f} {figure.unit:<4} {sense} {figure.bound:g} {figure.unit:<4}"
                f" ratio {figure.ratio:.2f} {'reached' if figure.reached else 'NOT REACHED'}"
            )
    sys.stdout.flush()
    return 0 if all(figure.reached for figure in figures) else 1


def record(benchmark: str, title: str, figures: list[Figure], folder: Path = FOLDER) -> None:
    """Add a run to FOLDER/BENCHMARK.runs.json: when, at which commit, on what machine, at what load, and each figure.

    The last 20 are kept.
    """
    path = folder / f"{benchmark}{SUFFIX}"
    before: list[dict[str, Any]] = json.loads(path.read_text())["runs"] if path.exists() else []
    run = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "machine": machine(),
        "load": [round(_LOAD_AT_START, 1), round(os.getloadavg()[0], 1)],
        "figures": [asdict(figure) | {"value": round(figure.value, 4)} for figure in figures],
    }
    content = {"title": title, "runs": [*before, run][-_KEPT:]}
    write_whole(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n", mode=0o644)


def _commit() -> str:
    """The commit that is measured; `+` for changes that are in none."""
    command = ["git", "describe", "--always", "--abbrev=7", "--exclude=*", "--dirty=+"]
    done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def processor_seconds(container: str) -> float:
    """What a container has used so far, whoever ran in it, as the kernel counts."""
    stats: Any = docker_client().api.stats(container, stream=False, one_shot=True)
    return float(stats["cpu_stats"]["cpu_usage"]["total_usage"]) / 1e9
