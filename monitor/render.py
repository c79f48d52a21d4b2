"""Results for people and programs: a list on a terminal, plain lines in a pipe, JSON, or a monitoring plugin's line."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from typing import TextIO

from core import terminal
from monitor.result import CheckResult, Status, exit_code, severity, worst

COLOURS = {Status.OK: "green", Status.WARNING: "yellow", Status.CRITICAL: "red", Status.UNKNOWN: "magenta"}
_STATUS_COLUMNS = max(len(each) for each in Status)
# Units of the plugin format; other units are left out.
_PLUGIN_UNITS = {"seconds": "s", "bytes": "B", "percent": "%"}


def as_document(stack: str, results: Sequence[CheckResult]) -> dict[str, object]:
    """A document with `stack`, worst `status`, `exit_code`, and `checks`."""
    return {
        "stack": stack,
        "status": str(worst(results)),
        "exit_code": exit_code(results),
        "checks": [each.as_dict() for each in results],
    }


def as_json(stack: str, results: Sequence[CheckResult]) -> str:
    """The document as JSON."""
    return json.dumps(as_document(stack, results), indent=2, ensure_ascii=False)


def show(stack: str, results: Sequence[CheckResult], stream: TextIO | None = None) -> None:
    """Print the results: a list if `stream` (default: standard output) is a terminal, else plain lines."""
    stream = stream or sys.stdout
    print(text(stack, results, stream) if stream.isatty() else lines(stack, results), file=stream)


def summary(results: Sequence[CheckResult]) -> str:
    """How many are how: `14 ok, 1 warning`."""
    counts = Counter(each.status for each in results)
    return ", ".join(f"{counts[status]} {status}" for status in Status if counts[status])


def lines(stack: str, results: Sequence[CheckResult]) -> str:
    """A line for each result, and one for the next step of each problem."""
    width = max((len(each.name) for each in results), default=0)
    told = []
    for each in results:
        told.append(f"{each.status:<8} {each.name:<{width}}  {terminal.plain(each.message)}")
        if each.next_step and each.status is not Status.OK:
            told.append(f"{'':<8} {'':<{width}}  next: {each.next_step}")
    return "\n".join([*told, f"stack {stack}: {summary(results)}"])


def text(stack: str, results: Sequence[CheckResult], stream: TextIO) -> str:
    """The results for a terminal, in the layout that fits its width."""
    colours, width = terminal.has_colours(stream), terminal.columns()
    names = max((len(each.name) for each in results), default=0)
    told = []
    for each in results:
        step = [f"next: {each.next_step}"] if each.next_step and each.status is not Status.OK else []
        heads = [(str(each.status), _STATUS_COLUMNS, COLOURS[each.status]), (each.name, names, "")]
        told += terminal.entry(heads, [each.message, *step], width, colours=colours)
    told.append(terminal.paint(f"stack {stack}: {summary(results)}", COLOURS[worst(results)], colours=colours))
    return "\n".join(told)


def as_plugin(stack: str, results: Sequence[CheckResult]) -> str:
    """One line in the format of monitoring plugins (Nagios, Icinga, Zabbix, Sensu): status, problems, performance data."""
    wrong = sorted((each for each in results if each.status is not Status.OK), key=lambda each: -severity(each.status))
    told = "; ".join(f"{each.name} {each.status}: {each.message}" for each in wrong)
    figures = " ".join(_figure(each) for each in results if each.value is not None)
    said = plugin_text(f"{summary(results) or 'no checks'} (stack {stack})" + (f": {told}" if told else ""))
    return f"CHRISTMAS {worst(results).upper()} - {said}" + (f" | {figures}" if figures else "")


def plugin_text(said: str) -> str:
    """A text without the special characters of a plugin's line: bar and newline."""
    return " ".join(terminal.plain(said).replace("|", "/").split())


def _figure(each: CheckResult) -> str:
    """`'label'=value[unit];[warning];[critical]`, without empty fields at the end. The range `3:` alerts below three."""
    below = ":" if each.warn_from is not None and each.critical_from is not None and each.critical_from < each.warn_from else ""
    bounds = ";".join("" if bound is None else f"{bound:.6g}{below}" for bound in (each.warn_from, each.critical_from))
    return f"'{each.name}'={each.value:.10g}{_PLUGIN_UNITS.get(each.unit, '')};{bounds}".rstrip(";")
