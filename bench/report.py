"""What every benchmark prints: the machine, then a line for each figure with what it is held against."""

from __future__ import annotations

import json
import os
import platform
import sys
from dataclasses import asdict, dataclass
from pathlib import Path


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


def show(title: str, figures: list[Figure], *, as_json: bool = False) -> int:
    """Print the figures; 1 where one is not reached, for scripts that want to know."""
    if as_json:
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


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
