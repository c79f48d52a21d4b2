"""The accessors against the raw tools: `python -m bench.keyspaces`. Works on a scratch Redis over TLS and removes it again."""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from multiprocessing.synchronize import Event

from docker.models.containers import Container

from bench.measured import Figure, add_options, show
from christmas import pools
from christmas.market import Candle, MarketCache
from christmas.rate_limits import RateLimiter
from core.container_commands import execute
from core.container_files import FileToPut, put_files
from core.helper_containers import helper
from core.yielding import yield_processor
from infra.components.names import CONFIG_DIRECTORY
from infra.connections import Platform
from monitor.keyspace_audit import audit
from tests.support import scratch
from tests.support.redis_server import run_scratch_redis

SYMBOLS = 1000
TICKS = 20
ROUNDS = 9
DECISIONS = 3000
AUDITED_KEYS = 10_000


def main() -> int:
    """Measure, print, clean up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7, help="how often each is measured; the worst counts")
    add_options(parser)
    options = parser.parse_args()
    with run_scratch_redis() as (platform, _container):

        def every_run(ratio: Callable[[Platform], float]) -> list[float]:
            ratios = sorted(ratio(platform) for _ in range(options.runs))
            print(f"{ratio.__name__[1:]}: {', '.join(f'{value:.2f}' for value in ratios)}", file=sys.stderr)
            return ratios

        worst = f"the worst of {options.runs} runs"
        figures = [
            Figure(f"tick of 1,000 symbols ÷ redis-benchmark's HSET, {worst}", min(every_run(_tick_ratio)), "x", 0.55, more_is_better=True),
            Figure(f"rate limiter ÷ plain INCR, {worst}", min(every_run(_limiter_ratio)), "x", 0.7, more_is_better=True),
            Figure(f"p99 of other clients during the audit ÷ before, {worst}", max(every_run(_audit_ratio)), "x", 1.2),
        ]
    return show("Keyspaces", figures, options)


def _tick_ratio(platform: Platform) -> float:
    """Medians of alternating runs in keys/s, a whole tick to a pipeline; both come to the server through its published port."""
    # An account without a password, for the tool takes one on its command line only.
    admin = pools.connect(platform.redis_url("admin"))
    admin.acl_setuser("bench", enabled=True, nopass=True, keys=["market:*:latest"], commands=["+hset", "+config|get", "+auth", "+ping"])
    admin.close()
    client = pools.connect(platform.redis_url("ingest"))
    cache = MarketCache(client)
    candle = Candle(datetime.now(UTC), Decimal("101.25"), Decimal("102.5"), Decimal("100.75"), Decimal("101.5"), Decimal("123456"))
    tick = {f"SYM{number:012}": candle for number in range(SYMBOLS)}  # as long as the names that the tool makes up
    cache.write(tick)
    ours, theirs = [], []
    with _tool(platform) as tool:
        for _ in range(ROUNDS):
            theirs.append(_redis_benchmark(tool, platform, candle))
            started = time.perf_counter()
            for _ in range(TICKS):
                cache.write(tick)
            ours.append(TICKS * SYMBOLS / (time.perf_counter() - started))
    client.close()
    medians = ", ".join(f"{name} {statistics.median(rates) / 1000:.0f}" for name, rates in (("ours", ours), ("redis-benchmark", theirs)))
    print(f"thousand keys/s: {medians}", file=sys.stderr)
    return statistics.median(ours) / statistics.median(theirs)


@contextlib.contextmanager
def _tool(platform: Platform) -> Iterator[Container]:
    """A container in the host's network, from which the tool goes the way that this process goes."""
    image, forever = scratch.image("redis"), ["sleep", "infinity"]
    with helper(image, "benchmark", entrypoint=forever, network_mode="host", labels=scratch.labels()) as container:
        put_files(container, CONFIG_DIRECTORY, [FileToPut("ca.crt", platform.ca_file, 0o444)], uid=0, gid=0)
        container.start()
        yield container


def _redis_benchmark(tool: Container, platform: Platform, candle: Candle) -> float:
    host, port = platform.endpoints["redis"].address()
    fields = [part for name, value in candle.fields().items() for part in (name, value.isoformat() if name == "timestamp" else str(value))]
    command = [
        "redis-benchmark",
        "--tls",
        "--cacert",
        "/run/christmas/ca.crt",
        "--user",
        "bench",
        "-a",
        "none",
    ]
    command += ["-h", host, "-p", str(port), "-c", "1", "-P", str(SYMBOLS), "-n", str(TICKS * SYMBOLS), "-r", str(SYMBOLS), "--csv"]
    output = execute(str(tool.name), [*command, "HSET", "market:SYM__rand_int__:latest", *fields]).text()
    lines = [line for line in output.splitlines() if '","' in line]
    if len(lines) < 2:
        raise RuntimeError(f"redis-benchmark failed: {output[-300:]}")
    return float(lines[-1].split('","')[1])


def _limiter_ratio(platform: Platform) -> float:
    client = pools.connect(platform.redis_url("api"))
    limiter = RateLimiter(client, 10_000_000)
    key = "rate_limit:192.0.2.77"

    def rate(call: Callable[[], object]) -> float:
        started = time.perf_counter()
        for _ in range(DECISIONS):
            call()
        return DECISIONS / (time.perf_counter() - started)

    ours, theirs = [], []
    for _ in range(ROUNDS):
        theirs.append(rate(lambda: client.incr(key)))
        ours.append(rate(lambda: limiter.check("192.0.2.78")))
    client.close()
    return statistics.median(ours) / statistics.median(theirs)


def _audit_ratio(platform: Platform) -> float:
    admin, other = (pools.connect(platform.redis_url(name), timeout=30) for name in ("admin", "api"))
    for start in range(0, AUDITED_KEYS, 1000):
        pipeline = admin.pipeline(transaction=False)
        for number in range(start, start + 1000):
            pipeline.set(f"rate_limit:10.1.{number // 256}.{number % 256}", 1, ex=60 * 10)
        pipeline.execute()

    def latencies(stop: Callable[[], bool]) -> list[float]:
        seconds = []
        while not stop():
            started = time.perf_counter()
            other.get("rate_limit:10.1.0.1")
            seconds.append(time.perf_counter() - started)
            time.sleep(0.0005)
        return seconds

    # The audit in a process of its own, so that it shares no interpreter with the client that is measured: as in production.
    context = multiprocessing.get_context("spawn")
    before, during = [], []
    for _ in range(3):
        until = time.monotonic() + 4
        before += latencies(lambda until=until: time.monotonic() > until)  # type: ignore[misc]
        begun, done = context.Event(), context.Event()
        worker = context.Process(target=_audit_alone, args=(platform, begun, done))
        worker.start()
        if not begun.wait(60):
            raise RuntimeError("the audit did not begin")
        during += latencies(lambda done=done: done.is_set())  # type: ignore[misc]
        worker.join()
    for client in (admin, other):
        client.close()
    return statistics.quantiles(during, n=100)[98] / statistics.quantiles(before, n=100)[98]


def _audit_alone(platform: Platform, begun: Event, done: Event) -> None:
    """The audit, with what marks its time: the start of a Python process is not part of it. In a session of its own, as from a timer."""
    os.setsid()
    yield_processor()
    client = pools.connect(platform.redis_url("monitor"), timeout=30)
    client.ping()
    begun.set()
    try:
        audit(client)
    finally:
        done.set()
    client.close()


if __name__ == "__main__":
    sys.exit(main())
