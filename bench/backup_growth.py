"""What the same changes cost a backup as the data grows: `python -m bench.backup_growth [--millions 5 50]`. Works on scratch containers.

For each number of candles, rounded to full chunks, a full set of PostgreSQL is made after `pgbackrest backup` alone; then 50,000 rows
are changed, and an incremental set is made. At the largest size follows a full set as the schedule makes it: what was counted before and
didn't change is taken over. At the end a year's plan is printed: the largest size's figures, for as much data and for 10 and 100 times
as much.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from backup.postgres import pgbackrest
from bench import backup_load, backup_task
from bench.measured import Figure, add_options, processor_seconds, show
from christmas.blueprint.backup_and_drill_rules import BACKUP_RULES
from core import temporary
from infra.connections import Platform
from tests.support.scratch_platform import run_scratch_platform

CHANGED_ROWS = 50_000
_BATCH = 1_000_000
_YEAR_HOURS = 365 * 24


@dataclass(frozen=True, slots=True)
class Cost:
    """What one set took: seconds, processor seconds of PostgreSQL's container and with ours, bytes that the server read, bytes stored."""

    seconds: float
    server: float
    processor: float
    read: float
    stored: float


def main() -> int:
    """Measure, print, clean up."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--millions", type=float, nargs="+", default=[5.0, 50.0], help="numbers of candles, in millions, the smallest first"
    )
    add_options(parser)
    options = parser.parse_args()
    costs: list[tuple[Cost, Cost, Cost]] = []
    with run_scratch_platform("bench") as running, temporary.folder("bench") as place:
        stored, rows = backup_task.store(running.platform, place / "platform"), 0
        for millions in options.millions:
            rows = _fill(running.platform, rows, millions)
            size = f"{rows / 1_000_000:.1f} million candles"
            alone = _alone(running.platform)
            first = _set(running.platform, stored, place / "sets", "full", f"first full at {size}")
            # What the first count of a relation after it was written leaves to be logged is not a change of rows.
            _set(running.platform, stored, place / "sets", "incremental", "nothing changed")
            backup_load.touch(running.platform, CHANGED_ROWS)
            costs.append((alone, first, _set(running.platform, stored, place / "sets", "incremental", f"{CHANGED_ROWS} rows changed")))
        full = _set(running.platform, stored, place / "sets", "full", f"scheduled full at {size}")
    alone, first, large = costs[-1]
    small = costs[0][2]
    for line in plan(full, large):
        print(line, file=sys.stderr)
    at = f"at {options.millions[-1]:g} million candles"
    sizes = f"{options.millions[-1]:g} ÷ {options.millions[0]:g} million candles, {CHANGED_ROWS} rows changed"
    figures = [
        Figure(
            f"first full set, all counted ÷ pgbackrest alone, the server's processor seconds, {at}", first.server / alone.server, "x", 1.2
        ),
        Figure(f"full set ÷ pgbackrest alone, the server's processor seconds, {at}", full.server / alone.server, "x", 1.2),
        Figure(f"full set ÷ pgbackrest alone, wall, {at}", full.seconds / alone.seconds, "x", 1.3),
        Figure(f"incremental set, time: {sizes}", large.seconds / small.seconds, "x", 1.3),
        Figure(f"incremental set, processor seconds: {sizes}", large.processor / small.processor, "x", 1.3),
        Figure(f"incremental set, bytes read by the server: {sizes}", large.read / small.read, "x", 1.3),
        Figure(f"incremental set, bytes stored: {sizes}", large.stored / small.stored, "x", 1.3),
    ]
    return show("Incremental sets as the data grows", figures, options)


def plan(full: Cost, incremental: Cost) -> list[str]:
    """A year on paper: full sets cost what there is, incremental ones what changed. Pure."""
    fulls = BACKUP_RULES.full_every.total_seconds() / 3600
    incrementals = BACKUP_RULES.incremental_every.total_seconds() / 3600
    lines = ["a year for as much data, and for 10 and 100 times:"]
    for factor in (1, 10, 100):
        hours = (full.seconds * factor * _YEAR_HOURS / fulls + incremental.seconds * _YEAR_HOURS / incrementals) / 3600
        cores = (full.processor * factor / fulls + incremental.processor / incrementals) / 3600
        gigabytes = full.stored * factor * BACKUP_RULES.keep_fulls / 1e9
        share = full.seconds * factor / BACKUP_RULES.full_every.total_seconds()
        limit = "a full set takes longer than the time until the next" if share > 1 else f"a full set takes {share:.1%} of its interval"
        lines.append(
            f"  x{factor:<4} {hours:8.0f} hours of backups, {cores:.3f} cores on average, {gigabytes:.1f} GB of full sets kept; {limit}"
        )
    return lines


def _fill(platform: Platform, rows: int, millions: float) -> int:
    wanted = max(1, round(millions * 1_000_000 / backup_load.CANDLES_OF_A_CHUNK)) * backup_load.CANDLES_OF_A_CHUNK
    while rows < wanted:
        count = min(_BATCH, wanted - rows)
        backup_load.write_candles(platform, rows, count)
        rows += count
    backup_load.settle(platform)
    return rows


def _alone(platform: Platform) -> Cost:
    used, began = _processor(platform), time.perf_counter()
    pgbackrest.run(platform.containers["timescaledb"], pgbackrest.command("backup", "--type=full"))
    seconds, spent = time.perf_counter() - began, _processor(platform) - used
    print(f"  pgbackrest alone: {seconds:.1f} s, {spent:.1f} processor seconds", file=sys.stderr)
    return Cost(seconds, spent, spent, 0.0, 0.0)


def _set(platform: Platform, stored: Path, folder: Path, kind: str, what: str) -> Cost:
    read, used, began = backup_load.bytes_read(platform), _processor(platform), time.perf_counter()
    done = backup_task.run("make-postgres", stored, folder, kind)
    took, server = time.perf_counter() - began, _processor(platform) - used
    spent = server + done.processor
    cost = Cost(done.seconds, server, spent, backup_load.bytes_read(platform) - read, done.result["bytes"])
    print(
        f"  {what}: {took:.1f} s, {spent:.1f} processor seconds, {cost.read / 1e6:.0f} MB read, {cost.stored / 1e6:.1f} MB", file=sys.stderr
    )
    return cost


def _processor(platform: Platform) -> float:
    return processor_seconds(platform.containers["timescaledb"])


if __name__ == "__main__":
    sys.exit(main())
