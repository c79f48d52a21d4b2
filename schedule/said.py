"""What a schedule says: lines with the time, for a terminal, a file or the journal."""

from __future__ import annotations

import re
from datetime import UTC, datetime

# What a database adds to an error holds values: the row, the key, the statement. A log that is kept for months has no place for them.
_VALUES = re.compile(r"^[ \t]*(DETAIL|CONTEXT|STATEMENT|QUERY|LINE \d+)\b.*(\n[ \t]*\^.*)?$", re.MULTILINE)


def say(text: str) -> None:
    """Print one line, or several that belong together, with the time before them."""
    print(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {text}", flush=True)


def without_values(text: str) -> str:
    """An error's text without the lines in which a database shows rows, keys and statements."""
    return "\n".join(line for line in _VALUES.sub("", text).splitlines() if line.strip())
