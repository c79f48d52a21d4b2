"""All checks against their slowest probe: `python -m bench.check_time --stack NAME`. Asks a stack that runs, and changes nothing."""

from __future__ import annotations

import argparse
import statistics
import sys
import time

from bench.measured import Figure, add_options, show
from infra import connections
from monitor import checks

_ROUNDS = 7
_SLOWEST = 3


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stack", required=True, help="the stack to ask")
    add_options(parser)
    options = parser.parse_args()
    platform = connections.load(options.stack)
    # The drivers are imported once in a process, for all probes together: that is no probe's time.
    checks.run(platform)
    whole: list[float] = []
    took: dict[str, float] = {}
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        results = checks.run(platform)
        whole.append(time.perf_counter() - began)
        took = {result.name: max(took.get(result.name, 0.0), result.seconds) for result in results}
    # Beside the others each takes longer than alone.
    slowest = sorted(took, key=lambda name: -took[name])[:_SLOWEST]
    alone = {name: statistics.median(_alone(platform, name) for _ in range(_ROUNDS)) for name in slowest}
    for name, seconds in alone.items():
        print(f"  {name} alone {seconds:.2f} s", file=sys.stderr)
    figures = [
        Figure("all checks ÷ the slowest probe alone", statistics.median(whole) / max(alone.values()), "x", 1.5),
        Figure("all checks, the worst of seven rounds ÷ the slowest probe alone", max(whole) / max(alone.values()), "x", 1.5),
    ]
    return show("The checks", figures, options)


def _alone(platform: connections.Platform, name: str) -> float:
    return checks.run(platform, [name])[0].seconds


if __name__ == "__main__":
    sys.exit(main())
