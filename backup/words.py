"""Sizes and spans of time as people say them."""

from __future__ import annotations

from datetime import timedelta

_UNITS = ("B", "kB", "MB", "GB", "TB")


def size_text(count: float) -> str:
    """A number of bytes: `12.3 MB`."""
    for unit in _UNITS[:-1]:
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} {_UNITS[-1]}"


def span_text(span: timedelta) -> str:
    """A span of time: `40 s`, `59 min`, `3.2 h`, `12 d`. What is not over yet counts as no time."""
    seconds = max(0.0, span.total_seconds())
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3570:
        return f"{seconds / 60:.0f} min"
    value, unit = (seconds / 3600, "h") if seconds < 172_800 else (seconds / 86_400, "d")
    return f"{value:.1f} {unit}" if value < 10 else f"{value:.0f} {unit}"
