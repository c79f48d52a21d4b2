"""Prints the results of seeding and search."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Sequence

from core.terminal import json_text
from seed.candle_files.load import LoadReport
from seed.report import SeedReport
from seed.schema_plan import SchemaPlan
from seed.search import Hit

_WIDTH = 100
_LINES = 6


def show_reports(reports: Sequence[SeedReport], *, as_json: bool) -> int:
    """Print each loader's counts; returns 1 if one has a problem."""
    if as_json:
        print(json_text([report.as_dict() for report in reports]))
    else:
        for report in reports:
            print(report)
    return 1 if any(getattr(report, "problems", ()) for report in reports) else 0


def show_hits(hits: Sequence[Hit], certainty: float, *, as_json: bool) -> int:
    """Print the passages, best first; returns 1 if none reaches the required certainty."""
    if as_json:
        print(json_text([hit.as_dict() for hit in hits]))
    elif not hits:
        print(f"no passage is near enough (certainty {certainty:g}); a lower --certainty finds more")
    for hit in () if as_json else hits:
        print(f"{hit.certainty:.3f}  {hit.file_path}  {hit.section}")
        lines = [line for line in hit.content.splitlines() if line.strip()][:_LINES]
        print(textwrap.indent("\n".join(textwrap.shorten(line, _WIDTH, placeholder=" …") for line in lines), "       "), end="\n\n")
    return 0 if hits else 1


def show_load(report: LoadReport, *, as_json: bool) -> int:
    """Print the result of loading candle files; returns 1 if rows were rejected."""
    print(json_text(report.as_dict()) if as_json else report)
    return 1 if report.rejected else 0


def show_plan(plan: SchemaPlan, *, as_json: bool) -> int:
    """Print the steps for the collection, and what they would lose."""
    if as_json:
        print(json_text({"target": plan.target, "steps": plan.steps, "losses": list(plan.losses)}))
        return 0
    for step in plan.steps or [f"{plan.target} is as declared"]:
        print(step)
    for loss in plan.losses:
        print(f"only with --allow-loss: {loss}")
    return 0


def agreed(cost: str) -> bool:
    """Show the cost of a run and ask whether to continue; without a terminal the answer is no."""
    print(cost, file=sys.stderr)
    return sys.stdin.isatty() and input("Continue? [y/N] ").strip().lower() in {"y", "yes"}
