"""What the relational store's habits advise: on its indexes, dead rows and statistics, and on queries that are over their bounds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from christmas.blueprint import relational_alarms
from christmas.blueprint.queries import QUERIES, Query
from christmas.blueprint.relational import SCHEMA, TABLES
from infra.connections import Platform
from monitor.postgres import connected, query
from monitor.result import Finding, ok, warning

_SHOWN = 6


class TableUse(NamedTuple):
    """Rows and reads of a table; see sql/table_use.sql."""

    name: str
    live: int
    dead: int
    changed: int
    scans: int
    scanned: int
    lookups: int


class IndexUse(NamedTuple):
    """Reads of an index within the last `seconds`; see sql/index_use.sql."""

    table: str
    name: str
    unique: bool
    definition: str
    reads: int
    seconds: float


def queries(platform: Platform) -> Finding:
    """The declared queries touch no more pages, on average, than the blueprint promises."""
    with connected(platform) as connection:
        rows = connection.execute(query("statements"), {"shapes": [shape(declared.sql) for declared in QUERIES]}).fetchall()
    # The same query may be written down twice: the busier one stands for it.
    judged = judge_queries({said: (calls, pages, taken) for said, calls, pages, taken in sorted(rows, key=lambda row: row[1])})
    seen, over = judged
    if over:
        return warning(
            "; ".join(over[:_SHOWN]),
            "explain (analyze, buffers) the query: postgres.indexes and postgres.statistics may say why",
            len(over),
            "queries",
        )
    return ok(f"{seen} of {len(QUERIES)} declared queries were made, each within its bound", seen, "queries")


def indexes(platform: Platform) -> Finding:
    """No index exists twice, no undeclared index is unused, and no big table is read whole again and again."""
    used = [IndexUse(*row) for row in _rows(platform, "index_use")]
    tables = [TableUse(*row) for row in _rows(platform, "table_use")]
    problems = [*duplicates(used), *unused(used), *missing(tables)]
    if problems:
        advice = "drop it, or add what is missing, in a revision: invoke migrate.new"
        return warning("; ".join(problems[:_SHOWN]), advice, len(problems), "indexes")
    return ok(f"{len(used)} indexes, none double or needless", len(used), "indexes")


def bloat(platform: Platform) -> Finding:
    """Dead rows are a small part of every big table."""
    problems = bloated([TableUse(*row) for row in _rows(platform, "table_use")])
    if problems:
        advice = "end transactions that are open for long, then vacuum the table; see autovacuum in the server's log"
        return warning("; ".join(problems[:_SHOWN]), advice, len(problems), "tables")
    return ok("dead rows are few in every table")


def statistics(platform: Platform) -> Finding:
    """What the planner knows of every big table is not much older than its rows."""
    problems = stale([TableUse(*row) for row in _rows(platform, "table_use")])
    if problems:
        return warning(
            "; ".join(problems[:_SHOWN]), "analyze the table; a big load is better followed by one at once", len(problems), "tables"
        )
    return ok("statistics are about as new as the rows")


def judge_queries(said: Mapping[str, tuple[int, float, float]]) -> tuple[int, list[str]]:
    """How many declared queries are among the statements `said`, and those over their bounds in words. Pure.

    `said` maps a statement's text to its calls, and pages and milliseconds for each.
    """
    bounds = relational_alarms.RELATIONAL_ALARMS
    by_shape: dict[str, tuple[int, float, float]] = {}
    for text, figures in said.items():
        key = shape(text)
        # The same query may be written down twice, once with its constants apart: the busier one stands for it.
        if key not in by_shape or by_shape[key][0] < figures[0]:
            by_shape[key] = figures
    over = []
    seen = 0
    for declared in QUERIES:
        calls, pages, taken = by_shape.get(shape(declared.sql), (0, 0.0, 0.0))
        seen += calls > 0
        if calls >= bounds.calls and pages > declared.max_buffers:
            over.append(_over(declared, calls, pages, taken))
    return seen, over


def _over(declared: Query, calls: int, pages: float, taken: float) -> str:
    reads = f"{declared.name} reads {pages:,.0f} pages ({declared.max_buffers} promised) in {taken:.1f} ms, {calls} times"
    return f"{reads}; {' or '.join(declared.served_by)} should serve it"


def shape(text: str) -> str:
    """A statement without its constants, parameters and layout, so that the server's record of a query is recognized by its declaration."""
    text = re.sub(r"'(?:[^']|'')*'|%\(\w+\)s|\$\d+|\b\d+(?:\.\d+)?\b", "?", text)
    return re.sub(r"\s*([(),])\s*", r"\1", " ".join(text.split())).lower()


def duplicates(used: Sequence[IndexUse]) -> list[str]:
    """Indexes that say the same as another one of their table. Pure."""
    problems = []
    for place, index in enumerate(used):
        for other in used[:place]:
            if index.table == other.table and index.definition == other.definition:
                first, second = (other, index) if other.unique or not index.unique else (index, other)
                problems.append(f"{second.name} on {index.table} is the same as {first.name}")
    return problems


def unused(used: Sequence[IndexUse]) -> list[str]:
    """Indexes that nobody declared and nobody reads; unique ones keep a rule and are never called unused. Pure."""
    declared = {index.name for table in TABLES for index in table.indexes}
    bound = relational_alarms.RELATIONAL_ALARMS.unused_after
    return [
        f"{index.name} on {index.table} was not read in {timedelta(seconds=round(index.seconds))}"
        for index in used
        if index.reads == 0 and not index.unique and index.name not in declared and index.seconds >= bound.total_seconds()
    ]


def missing(tables: Sequence[TableUse]) -> list[str]:
    """Big tables that are read whole more often than through an index. Pure."""
    bounds = relational_alarms.RELATIONAL_ALARMS
    return [
        f"{table.name} was read whole {table.scans} times, {table.scanned:,} rows: an index is missing"
        for table in tables
        if table.live >= bounds.rows
        and table.scans >= bounds.scans
        and table.scans > table.lookups
        and table.scanned >= bounds.scans * table.live / 2
    ]


def bloated(tables: Sequence[TableUse]) -> list[str]:
    """Big tables with many dead rows. Pure."""
    bounds = relational_alarms.RELATIONAL_ALARMS
    return [
        f"{table.name} has {table.dead:,} dead rows beside {table.live:,}"
        for table in tables
        if table.live + table.dead >= bounds.rows and table.dead > bounds.dead_share * max(table.live, 1)
    ]


def stale(tables: Sequence[TableUse]) -> list[str]:
    """Big tables of which much changed since they were analyzed. Pure."""
    bounds = relational_alarms.RELATIONAL_ALARMS
    return [
        f"{table.changed:,} rows of {table.name} changed since its statistics were taken"
        for table in tables
        if max(table.live, table.changed) >= bounds.rows and table.changed > bounds.changed_share * max(table.live, 1)
    ]


def _rows(platform: Platform, name: str) -> list[Any]:
    with connected(platform) as connection:
        return connection.execute(query(name), {"schema": SCHEMA}).fetchall()
