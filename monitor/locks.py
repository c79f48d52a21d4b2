"""Whether the server's table of locks has room for statements over all chunks of a hypertable."""

from __future__ import annotations

from collections.abc import Sequence

from christmas.blueprint.relational import SCHEMA
from christmas.blueprint.services import MOST_CHUNKS
from infra.connections import Platform
from monitor.postgres import connected, query
from monitor.result import Finding, critical, ok, warning

# Of the room for locks: a backup's counts, the checks and upkeep each read whole tables, and all of them at once have to fit.
_WARN_FROM = 0.25
_CRITICAL_FROM = 0.5
_FULL_FROM = 0.9


def chunks(platform: Platform) -> Finding:
    """No hypertable has so many chunks that a statement over all of them uses up the server's locks."""
    with connected(platform) as connection:
        rows = connection.execute(query("chunks"), (SCHEMA,)).fetchall()
    return judge([(str(name), int(count), int(locks), int(room)) for name, count, locks, room in rows])


def judge(tables: Sequence[tuple[str, int, int, int]]) -> Finding:
    """Judge tables, given as (name, chunks, locks of a statement over all of them, room for locks). Pure."""
    if not tables:
        return ok("no hypertable", 0, "of the locks")
    worst = max(locks / room for _, _, locks, room in tables)
    message = "; ".join(
        f"{name} {count} chunks, {locks} of {room} locks" for name, count, locks, room in tables if locks / room >= _WARN_FROM
    )
    step = "invoke up gives the server the blueprint's max_locks_per_transaction; invoke migrate.upkeep drops candles past their time"
    if worst >= _CRITICAL_FROM:
        return critical(f"a statement over a whole table may run out of shared memory: {message}", step, round(worst, 3), "of the locks")
    if worst >= _WARN_FROM:
        return warning(f"a statement over a whole table takes much of the locks: {message}", step, round(worst, 3), "of the locks")
    full = [f"{name} {count}" for name, count, _, _ in tables if count >= _FULL_FROM * MOST_CHUNKS]
    if full:
        return warning(
            f"near the bound of {MOST_CHUNKS} chunks: {', '.join(full)}; candles of further times will be refused",
            "invoke migrate.upkeep drops candles past their time; MOST_CHUNKS in christmas/blueprint/services.py is the bound",
            round(worst, 3),
            "of the locks",
        )
    name, count, locks, room = tables[0]
    return ok(f"most are {name}'s: {count} chunks, {locks} of {room} locks", round(worst, 3), "of the locks")
