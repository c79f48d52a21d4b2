"""Bounds from which `invoke check` advises on the use of the relational store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class RelationalAlarms:
    """Tables with fewer than `rows` rows are ignored. Shares are of a table's live rows.

    `unused_after` is how long an index may go unread, `scans` the number of full scans of a table before an index
    counts as missing, `calls` the number of calls of a declared query before its average counts.
    """

    rows: int = 100_000
    dead_share: float = 0.2
    changed_share: float = 0.2
    unused_after: timedelta = timedelta(days=7)
    scans: int = 100
    calls: int = 20


RELATIONAL_ALARMS = RelationalAlarms()
