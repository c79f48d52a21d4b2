"""Results for people and for programs: a table on a terminal, plain lines in a pipe, JSON where asked."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from typing import TextIO

from monitor.result import CheckResult, Status, exit_code, worst

_COLOURS = {Status.OK: "green", Status.WARNING: "yellow", Status.CRITICAL: "bold red", Status.UNKNOWN: "magenta"}


def as_json(stack: str, results: Sequence[CheckResult]) -> str:
    """One JSON object: `stack`, `status` and `exit_code` of the worst, and `checks`, each with its seven fields."""
    document = {
        "stack": stack,
        "status": str(worst(results)),
        "exit_code": exit_code(results),
        "checks": [each.as_dict() for each in results],
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def show(stack: str, results: Sequence[CheckResult], stream: TextIO | None = None) -> None:
    """Print the results: a table with colours where `stream` (standard output by default) is a terminal, else a line each."""
    stream = stream or sys.stdout
    if stream.isatty():
        _table(stack, results, stream)
    else:
        _lines(stack, results, stream)


def summary(results: Sequence[CheckResult]) -> str:
    """How many are how: `14 ok, 1 warning`."""
    counts = Counter(each.status for each in results)
    return ", ".join(f"{counts[status]} {status}" for status in Status if counts[status])


def _lines(stack: str, results: Sequence[CheckResult], stream: TextIO) -> None:
    width = max((len(each.name) for each in results), default=0)
    for each in results:
        print(f"{each.status:<8} {each.name:<{width}}  {each.message}", file=stream)
        if each.next_step and each.status is not Status.OK:
            print(f"{'':<8} {'':<{width}}  next: {each.next_step}", file=stream)
    print(f"stack {stack}: {summary(results)}", file=stream)


def _table(stack: str, results: Sequence[CheckResult], stream: TextIO) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=f"stack {stack}", title_justify="left", header_style="bold", expand=False)
    for column in ("check", "status", "what was found", "next step"):
        table.add_column(column, overflow="fold")
    for each in results:
        step = "" if each.status is Status.OK else each.next_step
        table.add_row(Text(each.name), Text(str(each.status), style=_COLOURS[each.status]), Text(each.message), Text(step))
    console = Console(file=stream)
    console.print(table)
    console.print(Text(summary(results), style=_COLOURS[worst(results)]))
