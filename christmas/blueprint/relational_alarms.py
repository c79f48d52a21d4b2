"""From when on the relational store's habits are worth a word: bounds of the advice that `invoke check` gives."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class RelationalAlarms:
    """Small tables never matter: `rows` is from how many on. Shares are of a table's live rows.

    `unused_after` is how long an index may go without being read, `scans` how many times a table has to have been read whole
    before an index is missed, `calls` how often a declared query has to have been made before its average counts.
    """

    rows: int = 100_000
    dead_share: float = 0.2
    changed_share: float = 0.2
    unused_after: timedelta = timedelta(days=7)
    scans: int = 100
    calls: int = 20


RELATIONAL_ALARMS = RelationalAlarms()
