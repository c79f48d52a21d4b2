"""Sizes, durations, points in time and cells of tables, as people read and type them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from core.errors import PlatformError

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_UNITS = ("B", "kB", "MB", "GB", "TB")


def cell_text(text: str) -> str:
    """Text as one cell of a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|")


def size_text(count: float) -> str:
    """A number of bytes: `12.3 MB`."""
    for unit in _UNITS[:-1]:
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} {_UNITS[-1]}"


def span_text(span: timedelta) -> str:
    """A duration: `40 s`, `59 min`, `2 h`, `3.2 h`, `12 d`. A negative one counts as zero."""
    seconds = max(0.0, span.total_seconds())
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3570:
        return f"{seconds / 60:.0f} min"
    value, unit = (seconds / 3600, "h") if seconds < 172_800 else (seconds / 86_400, "d")
    return f"{value:.1f}".removesuffix(".0") + f" {unit}" if value < 9.95 else f"{value:.0f} {unit}"


def shortened(items: Iterable[object], most: int, mark: str = ";") -> str:
    """The first items in a line, separated by the mark, and how many more there are: `a; b; and 3 more`, `a, b and 3 more`."""
    every = [str(item) for item in items]
    more = f"{mark.strip(',')} and {len(every) - most} more" if len(every) > most else ""
    return f"{mark} ".join(every[:most]) + more


def unproven_lines(findings: Sequence[object], most: int = 6) -> list[str]:
    """A short list of what a set keeps without proof or does not keep: one line each, and the number of further ones."""
    more = [f"not proven: {len(findings) - most} more, in the set's manifest.json"] if len(findings) > most else []
    return [*(f"not proven: {finding}" for finding in findings[:most]), *more]


def parse_since(text: str, now: datetime) -> datetime:
    """The time of `10m`, `2h`, `30s` or `1d` ago, or an ISO time; UTC without an offset.

    Raises PlatformError for anything else.
    """
    if match := re.fullmatch(r"(\d{1,6})([smhd])", text.strip()):
        return now - timedelta(seconds=int(match[1]) * _SECONDS[match[2]])
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise PlatformError(
            what=f"{text!r} is not a time",
            where="the options",
            next_step="use 30s, 10m, 2h or 1d for an age, or 2026-11-29T14:30 for a time",
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
