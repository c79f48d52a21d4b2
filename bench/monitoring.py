"""What monitoring costs those who use the stores: `python -m bench.monitoring`. Works on a stack of its own and removes it again.

First the stack is left alone, and its idle share of a core and its memory are taken. Then rates of pgbench and redis-benchmark are taken in
pairs, with the container of Prometheus and the exporters running and paused, so that a machine that changes its speed changes both.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import time
from collections.abc import Callable

from bench.idle import SETTLED_SECONDS, removed_afterwards, run_pulumi, shares
from bench.measured import Figure, add_options, show
from core.container_commands import execute
from core.docker_client import docker_client
from infra.components.monitoring_container import SCRAPE_SECONDS
from infra.components.names import CONFIG_DIRECTORY

_SECONDS = 2 * SCRAPE_SECONDS
"""Of one rate: each exporter is asked twice in it."""
_DATABASE = "bench_monitoring"


def main() -> int:
    """Measure, print, clean up."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=7, help="pairs of rates for each store")
    parser.add_argument("--minutes", type=float, default=10.0, help="how long the idle stack is watched")
    add_options(parser)
    options = parser.parse_args()
    stack = f"bench-{os.getpid()}"
    with removed_afterwards(stack) as invoke:
        run_pulumi("stack", "init", stack)
        run_pulumi("config", "set", "christmas:monitoring", "true", "--stack", stack)
        for words in ("up", "migrate", "schedule.stop"):
            invoke(words)
        names = {service: f"christmas-{stack}-{service}" for service in ("timescaledb", "redis", "monitoring")}
        time.sleep(SETTLED_SECONDS)
        idle = shares(stack, options.minutes)
        figures = [
            Figure("idle with monitoring: its containers", idle.inside, "%", 5),
            Figure("idle with monitoring: its containers and Docker's processes", idle.inside + idle.engine, "%", 5),
            Figure("idle with monitoring: memory of its containers without file cache", idle.gibibytes, "GiB", 1.6),
        ]
        _fill(names["timescaledb"])
        for name, rate in (("pgbench", _pgbench), ("redis-benchmark", _redis_benchmark)):
            ratio = _ratio(options.pairs, names, rate)
            figures.append(Figure(f"{name} with monitoring ÷ without", ratio, "x", 0.98, more_is_better=True))
    return show("Monitoring", figures, options)


def _ratio(pairs: int, names: dict[str, str], rate: Callable[[dict[str, str]], float]) -> float:
    """The median of the pairs' ratios. Which of a pair comes first is drawn."""
    monitoring = docker_client().containers.get(names["monitoring"])
    ratios = []
    for _ in range(pairs):
        rates = {}
        for paused in random.sample([True, False], 2):
            if paused:
                monitoring.pause()
            try:
                rates[paused] = rate(names)
            finally:
                if paused:
                    monitoring.unpause()
                    time.sleep(2)  # what it has missed
        ratios.append(rates[False] / rates[True])
        print(f"  {rate.__name__[1:]}: {rates[False]:.0f} ÷ {rates[True]:.0f} a second = {ratios[-1]:.3f}", file=sys.stderr, flush=True)
    return statistics.median(ratios)


def _fill(container: str) -> None:
    execute(container, ["createdb", "-U", "postgres", _DATABASE], user="postgres")
    execute(container, ["pgbench", "-U", "postgres", "-i", "-q", "-s", "10", _DATABASE], user="postgres")


def _pgbench(names: dict[str, str]) -> float:
    """Transactions a second of two clients, pgbench's own kind."""
    line = ["pgbench", "-U", "postgres", "-n", "-c", "2", "-T", str(_SECONDS), _DATABASE]
    printed = execute(names["timescaledb"], line, user="postgres").text()
    return float(printed.partition("tps = ")[2].split()[0])


def _redis_benchmark(names: dict[str, str]) -> float:
    """Writes a second of eight clients over TLS."""
    login = f'-a "$(cat {CONFIG_DIRECTORY}/admin.password)" --user admin --tls --cacert {CONFIG_DIRECTORY}/ca.crt -h localhost'
    began, done = time.monotonic(), []
    while time.monotonic() - began < _SECONDS:
        printed = execute(names["redis"], ["sh", "-c", f"redis-benchmark {login} -c 8 -n 200000 -r 10000 -t set --csv"]).text()
        done.append(float(printed.splitlines()[-1].split('","')[1]))
    return statistics.harmonic_mean(done)


if __name__ == "__main__":
    sys.exit(main())
