"""Declared queries on a long history: against the specification's indexes, their slowest hundredth, and how they grow with it."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg

from bench.measured import Figure
from christmas.blueprint.queries import CANDLES_OF_RANGE, LATEST_CANDLE, LATEST_CANDLES
from tests.support.postgres_server import ScratchServer

SYMBOLS = 500
SESSION = 390
_DAY = SYMBOLS * SESSION
_SQL = Path(__file__).parent / "sql"
_SAMPLES = 2000
_PATIENCE = 60
"""Seconds after which an answer from the specification's indexes is given up: it counts as that, so a ratio is "at least"."""
_FILLERS = 2
_ENDED = 0.4
"""The part of the history after which some symbols are no longer traded."""
STEPS = (0.1, 0.4, 1.0)  # of the history: 5, 20 and 50 million at full size


def measure(server: ScratchServer, template: str, history: int) -> list[Figure]:
    """Fill our table and ask it, then shorten its history from the old end and ask again; fill the specification's, ask it the same.

    The newest chunk is the same at every length: what grows is the history behind it. Tables are filled without their indexes,
    which are built afterwards as the migrations write them: fifty million rows go into them in minutes instead of an hour.

    The specification writes two indexes, its primary key and the one on the symbol; `create_hypertable` adds one on the time by
    itself, which finds the newest candle of a symbol that is traded every minute. So both are measured: with it, and without.
    """
    server.fresh_database(template)
    days = max(1, round(history / _DAY))
    ended = round(days * _ENDED)
    grown: list[dict[str, float]] = []
    with server.admin() as connection:
        indexes = _without_indexes(connection, "public.market_data")
        _fill(server, days, ended)
        _say(f"{days * _DAY:,} candles are in")
        for statement in indexes:
            connection.execute(statement.encode())
        _say("their indexes are built")
        connection.execute((_SQL / "specification.sql").read_bytes())
        indexes = _without_indexes(connection, "specification.market_data")
        connection.execute((_SQL / "copy.sql").read_bytes())
        for statement in indexes:
            connection.execute(statement.encode())
        _say("the specification's table has the same")
        connection.execute("vacuum (analyze) market_data")
        connection.execute("vacuum (analyze) specification.market_data")
        for step in sorted(STEPS, reverse=True):
            days_left = max(1, round(days * step))
            for statement in ("shorten.sql", "trim.sql"):
                connection.execute((_SQL / statement).read_bytes(), {"first": days - days_left})
            connection.execute("vacuum (analyze) market_data")
            grown.insert(0, _medians(connection, days_left))
            _say(f"{days_left * _DAY:,} candles", grown[0])
            if step == max(STEPS):
                latency = _tail(connection)
        connection.execute("set search_path = specification, public")
        connection.execute(f"set statement_timeout = '{_PATIENCE}s'".encode())
        written = _medians(connection, days)
        _say("the specification's indexes and the one that create_hypertable adds", written)
        connection.execute("drop index specification.market_data_timestamp_idx")
        alone = _medians(connection, days)
        _say("the specification's indexes", alone)
    last = grown[-1]
    names = {"latest": f"latest of {SYMBOLS} symbols", "day": "one symbol's last day"}
    others = {"found": "one symbol's last day, its end found by the same statement", "one": "latest of one symbol"}
    return [
        *(
            Figure(f"{text}, {which} ÷ ours", other[name] / last[name], "x", 20, more_is_better=True)
            for which, other in (("the specification's indexes", alone), ("those and create_hypertable's own", written))
            for name, text in (names | others).items()
            if name != "one"
        ),
        Figure("newest candle of one symbol, p99", latency, "ms", 5),
        *(
            Figure(
                f"{text}, growth {grown[0]['rows'] / 1e6:.0f} to {length['rows'] / 1e6:.0f} million",
                length[name] / grown[0][name],
                "x",
                1.5,
            )
            for length in grown[1:]
            for name, text in (names | others).items()
        ),
    ]


def _without_indexes(connection: psycopg.Connection, table: str) -> list[str]:
    """Take a table's keys and indexes away; the statements that make them again."""
    statements = connection.execute((_SQL / "indexes.sql").read_bytes(), {"table": table}).fetchall()
    for _, away in statements:
        connection.execute(away.encode())
    return [again for again, _ in statements]


def _fill(server: ScratchServer, days: int, ended: int) -> None:
    """Fill these days, one at a time, on two connections. From day `ended` on some symbols are no longer traded."""
    text = (_SQL / "fill.sql").read_bytes()

    def fill(part: int) -> None:
        with server.admin() as connection:
            # Triggers off: what they note for the rollups is not the matter here. The rules of the tables stay on.
            connection.execute("set session_replication_role = replica")
            connection.execute("set synchronous_commit = off")
            for day in range(part, days, _FILLERS):
                connection.execute(text, {"first": day, "last": day, "symbols": SYMBOLS, "ended": ended})

    with ThreadPoolExecutor(_FILLERS) as pool:
        list(pool.map(fill, range(_FILLERS)))


def _medians(connection: psycopg.Connection, days: int) -> dict[str, float]:
    """Median milliseconds of each question until its answer is here, prepared as an application's driver does, caches warm."""
    everyone = [_symbol(number) for number in range(SYMBOLS)]
    newest = connection.execute((_SQL / "newest.sql").read_bytes()).fetchone()
    if newest is None:
        raise AssertionError("no candles")
    end = newest[0] + timedelta(minutes=1)
    day = {"start": end - timedelta(days=1), "end": end}
    last_day_sql = (_SQL / "last_day.sql").read_text()
    return {
        "rows": float(days * _DAY),
        "latest": _median(connection, LATEST_CANDLES.sql, lambda _: {"symbols": everyone}),
        "day": _median(connection, CANDLES_OF_RANGE.sql, lambda turn: {"symbol": _symbol(turn * 37), **day}),
        "found": _median(connection, last_day_sql, lambda turn: {"symbol": _symbol(turn * 37)}),
        "one": _median(connection, LATEST_CANDLE.sql, lambda turn: {"symbol": _symbol(turn * 37)}),
    }


def _median(connection: psycopg.Connection, sql: str, parameters: Callable[[int], dict[str, Any]], seconds: float = 10) -> float:
    taken: list[float] = []
    ends = time.monotonic() + seconds
    for turn in range(210):
        started = time.perf_counter()
        try:
            connection.execute(sql.encode(), parameters(turn), prepare=True)  # all rows are here then; Python hasn't read them yet
        except psycopg.errors.QueryCanceled:
            return _PATIENCE * 1000
        taken.append((time.perf_counter() - started) * 1000)
        if len(taken) >= 3 and time.monotonic() > ends:
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


def _say(what: str, milliseconds: dict[str, float] | None = None) -> None:
    medians = ", ".join(f"{name} {value:.2f} ms" for name, value in (milliseconds or {}).items() if name != "rows")
    print(f"  {time.strftime('%X')} {what}" + (f": {medians}" if medians else ""), file=sys.stderr, flush=True)
