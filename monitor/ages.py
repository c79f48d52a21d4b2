"""Ages, in figures; `core.words` has them in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def hours(span: timedelta) -> float:
    """A span in hours, to two places."""
    return round(span.total_seconds() / 3600, 2)


def days(span: timedelta) -> float:
    """A span in days, to two places."""
    return round(span.total_seconds() / 86_400, 2)


def cluster_born(system_id: str) -> datetime:
    """When a PostgreSQL cluster was made: its identifier begins with that second (`BootStrapXLOG` in PostgreSQL's xlog.c)."""
    return datetime.fromtimestamp(int(system_id) >> 32, UTC)
