"""Loading candles and asking for them: `python -m bench.relational`. Works on a scratch TimescaleDB server and removes it again.

`--rows` is the CSV file's length, `--history` how many candles the queries are asked over; at full size it takes a quarter of an hour.
"""

from __future__ import annotations

import argparse
import sys

from bench import relational_load, relational_queries
from bench.measured import Figure, add_options, show
from core import temporary
from migrations import run
from tests.support.postgres_server import ScratchServer, run_scratch_server

TEMPLATE = "bench_head"
PARTS = ("load", "queries")


def main() -> int:
    """Measure, print, clean up."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000, help="rows of the CSV file (default: 10 million)")
    parser.add_argument("--history", type=int, default=50_000_000, help="candles that the queries are asked over (default: 50 million)")
    parser.add_argument("--rounds", type=int, default=1, help="how often each load is repeated; the medians count (default: 1)")
    parser.add_argument("--only", choices=PARTS, help="only this part")
    parser.add_argument("--parallel-copy", help="a timescaledb-parallel-copy to compare with, where the machine has one")
    add_options(parser)
    options = parser.parse_args()
    figures: list[Figure] = []
    with run_scratch_server(durable=True) as server, temporary.folder("bench") as folder:
        run.upgrade(server.platform)
        server.keep_as_template(TEMPLATE)
        if options.only in {None, "load"}:
            figures += relational_load.measure(server, TEMPLATE, folder, options.rows, options.rounds, options.parallel_copy)
        if options.only in {None, "queries"}:
            figures += relational_queries.measure(server, TEMPLATE, options.history)
    title = f"Relational (TimescaleDB's {_edition(server)} edition, {options.rows:,} rows, {options.history:,} candles)"
    return show(title, figures, options)


def _edition(_server: ScratchServer) -> str:
    """The project's image carries this one alone; a stack on Community images isn't measured here."""
    return "Apache"


if __name__ == "__main__":
    sys.exit(main())
