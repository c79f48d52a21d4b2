"""Ages, in words and in figures."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def in_words(span: timedelta) -> str:
    """A span of time: seconds up to a minute, minutes up to an hour and a half, hours up to two days."""
    seconds = span.total_seconds()
    if round(seconds) < 60:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 172_800 else f"{seconds / 86_400:.0f} days"


def hours(span: timedelta) -> float:
    """A span in hours, to two places."""
    return round(span.total_seconds() / 3600, 2)


def days(span: timedelta) -> float:
    """A span in days, to two places."""
    return round(span.total_seconds() / 86_400, 2)


def cluster_born(system_id: str) -> datetime:
    """When a PostgreSQL cluster was made: its identifier begins with that second (`BootStrapXLOG` in PostgreSQL's xlog.c)."""
    return datetime.fromtimestamp(int(system_id) >> 32, UTC)
