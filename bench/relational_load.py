"""The loader against the raw tools, all reading one CSV file over the same TLS connection into the same table with all its indexes."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench.measured import Figure
from core.progress import SilentProgress
from infra.connections import Platform
from seed.candle_files.fast import arrow
from tests.support.postgres_server import ScratchServer

SYMBOLS = 500
_PART = 1_000_000
_COLUMNS = "symbol, timestamp, open, high, low, close, volume"


def measure(server: ScratchServer, template: str, folder: Path, rows: int, rounds: int, parallel_copy: str | None) -> list[Figure]:
    """Rows per second of the loader over those of the others, and the loader's memory; rounds alternate, medians count."""
    file = folder / "candles.csv"
    write_candles(file, rows)
    ways: dict[str, Callable[[], float]] = {
        "psql": lambda: _psql(server.platform, file),
        "loader": lambda: _loader(server.platform, file)[0],
    }
    parallel = parallel_copy or shutil.which("timescaledb-parallel-copy")
    if parallel:
        ways["parallel"] = lambda: _parallel_copy(server.platform, file, parallel)
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    memory: list[float] = []
    for _ in range(rounds):
        for name, way in ways.items():
            server.fresh_database(template)
            if name == "loader":
                taken, peak = _loader(server.platform, file)
                memory.append(peak)
            else:
                taken = way()
            _expect_rows(server, rows)
            seconds[name].append(taken)
            print(f"  {name}: {taken:.1f} s, {rows / taken:,.0f} rows/s", file=sys.stderr, flush=True)
    middle = {name: statistics.median(taken) for name, taken in seconds.items()}
    figures = [
        Figure(f"loader ÷ psql \\copy, {rows:,} rows of CSV", middle["psql"] / middle["loader"], "x", 1.5, more_is_better=True),
        Figure("loader's memory at its highest", max(memory), "MB", 300),
    ]
    if parallel:
        figures.append(Figure("loader ÷ timescaledb-parallel-copy", middle["parallel"] / middle["loader"], "x", 1.0, more_is_better=True))
    return figures


def write_candles(file: Path, rows: int) -> None:
    """A CSV file of minute candles of 500 symbols as they arrive, minute by minute: random prices, always the same."""
    import numpy as np

    pa, writer, compute = arrow(), arrow("csv"), arrow("compute")
    random = np.random.default_rng(1)
    names = pa.array([f"SYM{number:03}" for number in range(SYMBOLS)])
    schema = pa.schema([(name, pa.string() if name in {"symbol", "timestamp"} else pa.float64()) for name in _COLUMNS.split(", ")])
    with writer.CSVWriter(str(file), schema, write_options=writer.WriteOptions(quoting_style="none")) as out:
        for start in range(0, rows, _PART):
            number = np.arange(start, min(start + _PART, rows))
            minute = (np.datetime64("2024-01-02T14:30:00") + (number // SYMBOLS).astype("timedelta64[m]")).astype("datetime64[s]")
            opened = random.integers(1_000_000, 9_000_000, len(number)) / 10_000
            closed = np.round(opened + random.integers(-9_999, 9_999, len(number)) / 10_000, 4)
            high, low = np.round(np.maximum(opened, closed) + 0.5, 4), np.round(np.minimum(opened, closed) - 0.5, 4)
            volume = random.integers(1, 100_000, len(number)).astype("f8")
            times = compute.strftime(pa.array(minute), format="%Y-%m-%dT%H:%M:%SZ")
            columns = [names.take(pa.array(number % SYMBOLS)), times, *map(pa.array, (opened, high, low, closed, volume))]
            out.write_table(pa.table(columns, schema=schema))


def _expect_rows(server: ScratchServer, rows: int) -> None:
    with server.admin() as connection:
        row = connection.execute("select count(*) from market_data").fetchone()
    if row != (rows,):
        sys.exit(f"{row} rows were loaded instead of {rows}")


def _loader(platform: Platform, file: Path) -> tuple[float, float]:
    """Seconds and megabytes of a process of its own, its start and imports included."""
    context = multiprocessing.get_context("spawn")
    answers: Queue[float] = context.Queue()
    started = time.perf_counter()
    worker = context.Process(target=_load_alone, args=(platform, file, answers))
    worker.start()
    peak = answers.get()
    worker.join()
    return time.perf_counter() - started, peak


def _load_alone(platform: Platform, file: Path, answers: Any) -> None:
    from seed.candle_files.load import load_files

    load_files(platform, [file], progress=SilentProgress())
    # Not getrusage: what that calls the highest was the parent's, where the parent was larger when it started this process.
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    answers.put(int(peak.split()[1]) / 1024)


def _psql(platform: Platform, file: Path) -> float:
    r"""One `\copy`. The password travels in the environment of the child alone."""
    command = [
        "psql",
        "-X",
        "-q",
        "-v",
        "ON_ERROR_STOP=1",
        "-c",
        f"\\copy market_data ({_COLUMNS}) from '{file}' with (format csv, header)",
    ]
    return _seconds(command, _environment(platform))


def _parallel_copy(platform: Platform, file: Path, tool: str) -> float:
    address = urlsplit(platform.postgres_url("ingest"))
    connection_settings = f"host={address.hostname} port={address.port} user=ingest sslmode=verify-full sslrootcert={platform.ca_file}"
    command = [
        tool,
        "--connection",
        connection_settings,
        "--db-name",
        address.path.strip("/"),
        "--table",
        "market_data",
        "--file",
        str(file),
    ]
    command += ["--skip-header", "--workers", str(os.cpu_count()), "--columns", _COLUMNS.replace(" ", ""), "--batch-size", "50000"]
    return _seconds(command, _environment(platform))


def _environment(platform: Platform) -> dict[str, str]:
    host, port = platform.endpoints["postgres"].address()
    database = urlsplit(platform.postgres_url("ingest")).path.strip("/")
    return {
        **os.environ,
        "PGHOST": host,
        "PGPORT": str(port),
        "PGUSER": "ingest",
        "PGDATABASE": database,
        "PGPASSWORD": platform.accounts["ingest"].postgres or "",
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": str(platform.ca_file),
    }


def _seconds(command: list[str], environment: dict[str, str]) -> float:
    started = time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{command[0]} failed: {done.stderr.strip()[-500:]}")
    return time.perf_counter() - started
