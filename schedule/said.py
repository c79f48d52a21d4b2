"""The messages of a schedule: lines with the time, for a terminal, a file or the journal."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from textwrap import shorten

from monitor.result import CheckResult, Status

_WORST_FIRST = (Status.CRITICAL, Status.UNKNOWN, Status.WARNING)
_TOLD, _CHARACTERS = 5, 120  # the number of failed checks in a message, and the characters of each

# A database's error details contain values: the row, the key, the statement. A log that is kept for months must not have them.
_VALUES = re.compile(r"^[ \t]*(DETAIL|CONTEXT|STATEMENT|QUERY|LINE \d+)\b.*(\n[ \t]*\^.*)?$", re.MULTILINE)


def say(text: str) -> None:
    """Print one line, or several that belong together, with the time before them."""
    try:
        print(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {text}", flush=True)
    except BrokenPipeError:
        # The keeper was killed, so nobody reads any more. The present run is finished all the same.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def without_values(text: str) -> str:
    """An error's text without the lines in which a database shows rows, keys and statements."""
    return "\n".join(line for line in _VALUES.sub("", text).splitlines() if line.strip())


def worst_first(results: Sequence[CheckResult]) -> list[str]:
    """The worst checks in a few words each: if a store is down most of them fail, and the history has all."""
    wrong = sorted((result for result in results if result.status is not Status.OK), key=lambda result: _WORST_FIRST.index(result.status))
    worst = [f"{result.name} {result.status}: {shorten(result.message, _CHARACTERS)}" for result in wrong[:_TOLD]]
    return [*worst, f"and {len(wrong) - _TOLD} more: invoke check"] if len(wrong) > _TOLD else worst
