"""The table of recorded figures: `python -m bench.report` writes it into bench/README.md from bench/figures; `--check` only compares.

Each figure has the newest run's value, the spread of all runs on such a machine, its bound, and how it changed since the commit before.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.measured import FOLDER, SUFFIX, Figure
from core.disk import write_whole

README = Path(__file__).parent / "README.md"
BEGIN, END = "<!-- figures: python -m bench.report -->\n", "<!-- end of figures -->\n"
_BARS = "▁▂▃▄▅▆▇█"
_NOISE = 0.1


def main() -> int:
    """Write the table; with --check say whether it is up to date."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 where the table is another one")
    options = parser.parse_args()
    text = README.read_text()
    wanted = with_table(text, recorded())
    if options.check:
        return int(text != wanted)
    write_whole(README, wanted, mode=0o644)
    return 0


def recorded(folder: Path = FOLDER) -> list[dict[str, Any]]:
    """What each benchmark has recorded, in the order of their names."""
    return [json.loads(path.read_text()) for path in sorted(folder.glob(f"*{SUFFIX}"))]


def with_table(text: str, benchmarks: list[dict[str, Any]]) -> str:
    """The README's text with the table of these benchmarks between its marks."""
    head, _, rest = text.partition(BEGIN)
    return head + BEGIN + "\n" + "\n".join(_lines(benchmarks)) + "\n\n" + END + rest.partition(END)[2]


def _lines(benchmarks: list[dict[str, Any]]) -> Iterator[str]:
    for benchmark in benchmarks:
        newest = benchmark["runs"][-1]
        machine, (before, after) = newest["machine"], newest["load"]
        when = f"{newest['at'][:10]} at {newest['commit']}, load {before:g} to {after:g}"
        yield f"**{benchmark['title']}**, {when}; {', '.join(machine.values())}:"
        yield ""
        yield "| figure | newest | of all runs | bound | | since the commit before |"
        yield "| --- | ---: | --- | --- | --- | --- |"
        # Runs on another machine say nothing about this one.
        alike = [run for run in benchmark["runs"] if run["machine"] == machine]
        yield from (_row(Figure(**figure), alike) for figure in newest["figures"])
        yield ""


def _row(figure: Figure, runs: list[dict[str, Any]]) -> str:
    values = [
        (run["commit"], figure_of_run["value"]) for run in runs for figure_of_run in run["figures"] if figure_of_run["name"] == figure.name
    ]
    every = [value for _, value in values]
    spread = f"{_number(min(every))} to {_number(max(every))} in {len(every)} {_trend(every)}" if len(every) > 1 else "one run"
    bound = f"{'≥' if figure.more_is_better else '≤'} {figure.bound:g} {figure.unit}"
    name = figure.name.replace("|", "\\|")
    missed = "" if figure.reached else "**missed**"
    return f"| {name} | {_number(figure.value)} {figure.unit} | {spread} | {bound} | {missed} | {_change(values)} |"


def _change(values: list[tuple[str, float]]) -> str:
    """The newest commit's median against that of the commit before."""
    newest = values[-1][0]
    earlier = [commit for commit, _ in values if commit != newest]
    if not earlier:
        return ""
    now, then = (statistics.median(value for commit, value in values if commit == wanted) for wanted in (newest, earlier[-1]))
    return f"{now / then:.2f} times {earlier[-1]}'s" if then and abs(now / then - 1) > _NOISE else "as before"


def _trend(values: list[float]) -> str:
    low, span = min(values), max(values) - min(values)
    return "".join(_BARS[int((value - low) / span * (len(_BARS) - 1))] if span else _BARS[0] for value in values)


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.2f}"


if __name__ == "__main__":
    sys.exit(main())
