"""Declared queries on a long history: against the specification's indexes, their slowest hundredth, and how they grow with it."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg

from bench.report import Figure
from blueprint.queries import LATEST_CANDLE, LATEST_CANDLES
from tests.support.postgres_server import ScratchServer

SYMBOLS = 500
SESSION = 390
_DAY = SYMBOLS * SESSION
_SQL = Path(__file__).parent / "sql"
_SAMPLES = 2000
_FILLERS = 2
STEPS = (0.1, 0.4, 1.0)  # of the history: 5, 20 and 50 million at full size


def measure(server: ScratchServer, template: str, history: int) -> list[Figure]:
    """Fill in three steps, ask after each; then fill the specification's table and ask it the same.

    The specification writes two indexes, its primary key and the one on the symbol; `create_hypertable` adds one on the time by
    itself, which finds the newest candle of a symbol that is traded every minute. So both are told: with it, and without.
    """
    server.fresh_database(template)
    ended = round(history * STEPS[1] / _DAY)
    grown: list[dict[str, float]] = []
    days = 0
    with server.admin() as connection:
        for step in STEPS:
            wanted = max(days + 1, round(history * step / _DAY))
            _fill(server, "public", range(days, wanted), ended)
            days = wanted
            connection.execute("vacuum (analyze) market_data")
            grown.append(_asked(connection, days))
            _say(f"{days * _DAY:,} candles", grown[-1])
        latency = _tail(connection)
        connection.execute((_SQL / "specification.sql").read_bytes())
        _fill(server, "specification", range(days), ended)
        connection.execute("vacuum (analyze) specification.market_data")
        connection.execute("set search_path = specification, public")
        written = _asked(connection, days)
        _say("the specification's indexes and the one that create_hypertable adds", written)
        connection.execute("drop index specification.market_data_timestamp_idx")
        alone = _asked(connection, days)
        _say("the specification's indexes", alone)
    last = grown[-1]
    names = {"latest": f"latest of {SYMBOLS} symbols", "day": "one symbol's last day"}
    return [
        *(
            Figure(f"{text}, {which} ÷ ours", other[name] / last[name], "x", 20, more_is_better=True)
            for which, other in (("the specification's indexes", alone), ("those and create_hypertable's own", written))
            for name, text in names.items()
        ),
        Figure("newest candle of one symbol, p99", latency, "ms", 5),
        *(
            Figure(
                f"{text}, growth {grown[0]['rows'] / 1e6:.0f} to {each['rows'] / 1e6:.0f} million", each[name] / grown[0][name], "x", 1.5
            )
            for each in grown[1:]
            for name, text in (*names.items(), ("one", "latest of one symbol"))
        ),
    ]


def _fill(server: ScratchServer, schema: str, days: range, ended: int) -> None:
    """Fill these days, one at a time, on two connections. From day `ended` on some symbols are no longer traded."""
    text = (_SQL / "fill.sql").read_bytes()

    def fill(part: int) -> None:
        with server.admin() as connection:
            # Triggers off: what they note for the rollups is not the matter here. The rules of the tables stay on.
            connection.execute("set session_replication_role = replica")
            connection.execute("set synchronous_commit = off")
            connection.execute(f"set search_path = {schema}, public".encode())
            for day in days[part::_FILLERS]:
                connection.execute(text, {"first": day, "last": day, "symbols": SYMBOLS, "ended": ended})

    with ThreadPoolExecutor(_FILLERS) as pool:
        list(pool.map(fill, range(_FILLERS)))


def _asked(connection: psycopg.Connection, days: int) -> dict[str, float]:
    """Median milliseconds of each question, prepared as an application's driver does, caches warm."""
    everyone = [_symbol(number) for number in range(SYMBOLS)]
    last_day = (_SQL / "last_day.sql").read_text()
    return {
        "rows": float(days * _DAY),
        "latest": _median(connection, LATEST_CANDLES.sql, lambda _: {"symbols": everyone}),
        "day": _median(connection, last_day, lambda turn: {"symbol": _symbol(turn * 37)}),
        "one": _median(connection, LATEST_CANDLE.sql, lambda turn: {"symbol": _symbol(turn * 37)}),
    }


def _median(connection: psycopg.Connection, sql: str, parameters: Callable[[int], dict[str, Any]], seconds: float = 10) -> float:
    taken: list[float] = []
    ends = time.monotonic() + seconds
    for turn in range(210):
        started = time.perf_counter()
        connection.execute(sql.encode(), parameters(turn), prepare=True).fetchall()
        taken.append((time.perf_counter() - started) * 1000)
        if len(taken) >= 5 and time.monotonic() > ends:
            break
    # The first ones warm the caches and end with the plan that stays.
    return statistics.median(taken[10:] if len(taken) > 50 else taken[1:])


def _tail(connection: psycopg.Connection) -> float:
    taken = []
    for turn in range(_SAMPLES):
        started = time.perf_counter()
        connection.execute(LATEST_CANDLE.sql.encode(), {"symbol": _symbol(turn * 37)}, prepare=True).fetchall()
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.quantiles(taken, n=100)[98]


def _symbol(number: int) -> str:
    return f"SYM{number % SYMBOLS:03}"


def _say(what: str, asked: dict[str, float]) -> None:
    print(
        f"  {what}: " + ", ".join(f"{name} {value:.2f} ms" for name, value in asked.items() if name != "rows"), file=sys.stderr, flush=True
    )
