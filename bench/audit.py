"""What the audit costs those who use the stores: `python -m bench.audit`. Works on a stack of its own and removes it, or on `--stack`.

Rates are taken in pairs, with the audit and without, one after the other on the same servers, so that a machine that changes its speed
changes both. With: PostgreSQL logs as its configuration says, and in each rate the collector reads once what came since the one before.
Without: PostgreSQL logs no event, and nothing is collected. Redis logs nothing of what it carries out: there the collector reads its list
of refusals.

Beside each rate stand the processor seconds for a transaction: of the server, of Docker, which carries each line of a log, and of the
collector.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.idle import engine_seconds, removed_afterwards, run_pulumi
from bench.measured import Figure, add_options, processor_seconds, show
from christmas.blueprint.relational import DATABASE
from core.container_commands import execute
from core.docker_client import docker_client
from infra import connections
from infra.components.names import CONFIG_DIRECTORY
from infra.provider import psql
from security.audit.collect import collect

_DATABASE = "bench_audit"
_SQL = Path(__file__).parent / "sql"
_CLIENTS = 2
_REDIS_WRITES = 100_000
_READ = "\\set n random(1, 1000)\nselect email from users where username = 'bench-audit-' || :n;\n"
_FROM_STDIN = ["-f", "/dev/stdin"]


@dataclass(frozen=True, slots=True)
class Rate:
    """What was done a second, and how many processor seconds each of them took of all who had to do with it."""

    per_second: float
    processor: float


@dataclass(frozen=True, slots=True)
class Servers:
    """A stack's servers, how long one rate is taken there, and where what is collected goes."""

    platform: connections.Platform
    seconds: int
    folder: Path

    def name(self, service: str) -> str:
        """The container of a service."""
        return self.platform.containers[service]

    def sql(self, file: str, database: str = "postgres") -> None:
        """Have the superuser run the statements of a file."""
        psql.run(docker_client().containers.get(self.name("timescaledb")), (_SQL / f"{file}.sql").read_text(), database=database)


Work = Callable[[Servers], tuple[float, int]]
"""Works for the time of a rate; returns how many were done a second, and how many in all."""


def main() -> int:
    """Measure, print, clean up."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=7, help="pairs of rates for each kind of work")
    parser.add_argument("--seconds", type=int, default=10, help="how long one rate is taken")
    parser.add_argument("--stack", help="a stack that runs, with migrations, which nobody uses; default: one of its own")
    add_options(parser)
    options = parser.parse_args()
    with _stack(options.stack) as stack, tempfile.TemporaryDirectory() as folder:
        servers = Servers(connections.load(stack), options.seconds, Path(folder))
        with _filled(servers):
            figures = [
                *_figures(servers, "pgbench, which writes four rows", _writes, "timescaledb", 0.9, options.pairs),
                *_figures(servers, "reads of a sensitive table by key", _reads, "timescaledb", 0.9, options.pairs),
                *_figures(servers, "redis-benchmark", _redis_benchmark, "redis", 0.95, options.pairs),
            ]
    return show("The audit", figures, options)


@contextlib.contextmanager
def _stack(running: str | None) -> Iterator[str]:
    if running:
        yield running
        return
    stack = f"bench-{os.getpid()}"
    with removed_afterwards(stack) as invoke:
        run_pulumi("stack", "init", stack)
        for words in ("up", "migrate", "schedule.stop"):
            invoke(words)
        yield stack


@contextlib.contextmanager
def _filled(servers: Servers) -> Iterator[None]:
    """Tables of pgbench, and people to read. Both are taken away again, and the server logs as its configuration says."""

    def put_back() -> None:
        servers.sql("audit_on")
        servers.sql("audit_people_gone", DATABASE)
        execute(servers.name("timescaledb"), ["dropdb", "-U", "postgres", "--if-exists", "--force", _DATABASE], user="postgres")

    put_back()  # after a run that was killed
    try:
        servers.sql("audit_people", DATABASE)
        execute(servers.name("timescaledb"), ["createdb", "-U", "postgres", _DATABASE], user="postgres")
        execute(servers.name("timescaledb"), ["pgbench", "-U", "postgres", "-i", "-q", "-s", "10", _DATABASE], user="postgres")
        yield
    finally:
        put_back()


def _figures(servers: Servers, name: str, work: Work, service: str, bound: float, pairs: int) -> list[Figure]:
    """The medians of the pairs' ratios. Which of a pair comes first is drawn."""
    collect(servers.platform, servers.folder)
    work(servers)  # what the first rate has to collect
    rates, processors = [], []
    for _ in range(pairs):
        done = {audited: _taken(servers, work, service, audited=audited) for audited in random.sample([True, False], 2)}
        rates.append(done[True].per_second / done[False].per_second)
        processors.append(done[True].processor / done[False].processor)
        _tell(
            f"{name}: {done[True].per_second:.0f} ÷ {done[False].per_second:.0f} a second = {rates[-1]:.3f}; processor"
            f" {done[True].processor * 1e6:.0f} ÷ {done[False].processor * 1e6:.0f} µs = {processors[-1]:.2f};"
            f" load {os.getloadavg()[0]:.1f}"
        )
    return [
        Figure(f"{name}: a second, with the audit ÷ without", statistics.median(rates), "x", bound, more_is_better=True),
        Figure(f"{name}: processor seconds, with ÷ without", statistics.median(processors), "x", round(1 / bound, 2)),
    ]


def _taken(servers: Servers, work: Work, service: str, *, audited: bool) -> Rate:
    """One rate, with the collector beside it or without any audit."""
    container_id = str(docker_client().containers.get(servers.name(service)).id)
    ours = {servers.name(service): container_id}

    def used() -> float:
        return processor_seconds(container_id) + sum(dict(engine_seconds(ours)).values()) + time.process_time()

    if not audited:
        servers.sql("audit_off")
        time.sleep(1)  # until each process has read it
    try:
        collector = threading.Thread(target=collect, args=(servers.platform, servers.folder), daemon=True)
        before = used()
        if audited:
            collector.start()
        per_second, done = work(servers)
        if audited:
            collector.join()
        return Rate(per_second, (used() - before) / done)
    finally:
        if not audited:
            servers.sql("audit_on")


def _writes(servers: Servers) -> tuple[float, int]:
    """Transactions a second of pgbench's own kind."""
    return _pgbench(servers, [_DATABASE])


def _reads(servers: Servers) -> tuple[float, int]:
    """Reads a second of a row with a sensitive column, prepared as applications' drivers do."""
    return _pgbench(servers, ["-M", "prepared", *_FROM_STDIN, DATABASE], _READ)


def _pgbench(servers: Servers, words: list[str], script: str = "") -> tuple[float, int]:
    line = ["pgbench", "-U", "postgres", "-n", "-c", str(_CLIENTS), "-T", str(servers.seconds), *words]
    printed = execute(servers.name("timescaledb"), line, user="postgres", text=script).text()
    return float(printed.partition("tps = ")[2].split()[0]), int(printed.partition("actually processed: ")[2].split()[0])


def _redis_benchmark(servers: Servers) -> tuple[float, int]:
    """Writes a second of eight clients over TLS."""
    login = f'-a "$(cat {CONFIG_DIRECTORY}/admin.password)" --user admin --tls --cacert {CONFIG_DIRECTORY}/ca.crt -h localhost'
    line = f"redis-benchmark {login} -c 8 -n {_REDIS_WRITES} -r 10000 -t set --csv"
    began, done = time.monotonic(), []
    while time.monotonic() - began < servers.seconds:
        printed = execute(servers.name("redis"), ["sh", "-c", line]).text()
        done.append(float(printed.splitlines()[-1].split('","')[1]))
    return statistics.harmonic_mean(done), _REDIS_WRITES * len(done)


def _tell(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
