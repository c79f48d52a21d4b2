"""Results for people and programs: a list on a terminal, plain lines in a pipe, JSON, or a monitoring plugin's line."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from typing import TextIO

from core import terminal
from core.terminal import json_text
from monitor.result import CheckResult, Status, exit_code, severity, worst

COLOURS = {Status.OK: "green", Status.WARNING: "yellow", Status.CRITICAL: "red", Status.UNKNOWN: "magenta"}
_STATUS_COLUMNS = max(len(status) for status in Status)
# Units of the plugin format; other units are left out.
_PLUGIN_UNITS = {"seconds": "s", "bytes": "B", "percent": "%"}


def as_document(stack: str, results: Sequence[CheckResult]) -> dict[str, object]:
    """A document with `stack`, worst `status`, `exit_code`, and `checks`."""
    return {
        "stack": stack,
        "status": str(worst(results)),
        "exit_code": exit_code(results),
        "checks": [result.as_dict() for result in results],
    }


def as_json(stack: str, results: Sequence[CheckResult]) -> str:
    """The document as JSON."""
    return json_text(as_document(stack, results))


def show(stack: str, results: Sequence[CheckResult], stream: TextIO | None = None) -> None:
    """Print the results: a list if `stream` (default: standard output) is a terminal, else plain lines."""
    stream = stream or sys.stdout
    print(text(stack, results, stream) if stream.isatty() else lines(stack, results), file=stream)


def summary(results: Sequence[CheckResult]) -> str:
    """How many are how: `14 ok, 1 warning`."""
    counts = Counter(result.status for result in results)
    return ", ".join(f"{counts[status]} {status}" for status in Status if counts[status])


def lines(stack: str, results: Sequence[CheckResult]) -> str:
    """A line for each result, and one for the next step of each problem."""
    width = max((len(result.name) for result in results), default=0)
    problems = []
    for result in results:
        problems.append(f"{result.status:<8} {result.name:<{width}}  {terminal.plain(result.message)}")
        if result.next_step and result.status is not Status.OK:
            problems.append(f"{'':<8} {'':<{width}}  next: {result.next_step}")
    return "\n".join([*problems, f"stack {stack}: {summary(results)}"])


def text(stack: str, results: Sequence[CheckResult], stream: TextIO) -> str:
    """The results for a terminal, in the layout that fits its width."""
    colours, width = terminal.has_colours(stream), terminal.columns()
    names = max((len(result.name) for result in results), default=0)
    problems = []
    for result in results:
        step = [f"next: {result.next_step}"] if result.next_step and result.status is not Status.OK else []
        heads = [(str(result.status), _STATUS_COLUMNS, COLOURS[result.status]), (result.name, names, "")]
        problems += terminal.entry(heads, [result.message, *step], width, colours=colours)
    problems.append(terminal.paint(f"stack {stack}: {summary(results)}", COLOURS[worst(results)], colours=colours))
    return "\n".join(problems)


def as_plugin(stack: str, results: Sequence[CheckResult]) -> str:
    """One line in the format of monitoring plugins (Nagios, Icinga, Zabbix, Sensu): status, problems, performance data."""
    wrong = sorted((result for result in results if result.status is not Status.OK), key=lambda check: -severity(check.status))
    message = "; ".join(f"{result.name} {result.status}: {result.message}" for result in wrong)
    figures = " ".join(_figure(result) for result in results if result.value is not None)
    said = plugin_text(f"{summary(results) or 'no checks'} (stack {stack})" + (f": {message}" if message else ""))
    return f"CHRISTMAS {worst(results).upper()} - {said}" + (f" | {figures}" if figures else "")


def plugin_text(said: str) -> str:
    """A text without the special characters of a plugin's line: bar and newline."""
    return " ".join(terminal.plain(said).replace("|", "/").split())


def _figure(result: CheckResult) -> str:
    """`'label'=value[unit];[warning];[critical]`, without empty fields at the end. The range `3:` alerts below three."""
    below = ":" if result.warn_from is not None and result.critical_from is not None and result.critical_from < result.warn_from else ""
    bounds = ";".join("" if bound is None else f"{bound:.6g}{below}" for bound in (result.warn_from, result.critical_from))
    return f"'{result.name}'={result.value:.10g}{_PLUGIN_UNITS.get(result.unit, '')};{bounds}".rstrip(";")
