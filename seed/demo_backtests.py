"""The demo users' backtests: runs of a real strategy over the candles in the database, as the account `backtest`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from core.errors import PlatformError
from seed.candles import Candle
from seed.demo_orders import by_symbol
from seed.statements import load
from seed.strategy import Outcome, moving_average_cross

if TYPE_CHECKING:
    import psycopg

ACCOUNT = "backtest"
STRATEGY = "moving_average_cross"
_CAPITAL = Decimal(100_000)


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """A backtest to run. No period has a split of its symbols: the sample candles are not adjusted for them."""

    username: str
    symbols: tuple[str, ...]
    start: datetime
    end: datetime
    fast: int
    slow: int
    status: str = "completed"

    @property
    def parameters(self) -> dict[str, int | str]:
        """The strategy's parameters as stored in the row."""
        return {"fast": self.fast, "slow": self.slow, "capital": str(_CAPITAL)}


def _day(year: int, month: int = 1, day: int = 1) -> datetime:
    return datetime(year, month, day, tzinfo=UTC)


RUNS = (
    PlannedRun("minji.kim", ("AAPL", "GOOG"), _day(2006), _day(2012), 20, 50),
    PlannedRun("minji.kim", ("AAPL", "GOOG"), _day(2006), _day(2012), 50, 200),
    PlannedRun("jihoon.lee", ("IBM", "MSFT"), _day(2006), _day(2012), 20, 50),
    PlannedRun("jihoon.lee", ("IBM",), _day(2001), _day(2013), 10, 30),
    PlannedRun("sora.park", ("FB",), _day(2012, 5, 18), _day(2013, 3, 1), 5, 20),
    PlannedRun("alex.morgan", ("GOOG", "IBM", "MSFT"), _day(2008), _day(2013), 20, 100),
    PlannedRun("maria.silva", ("AAPL", "MSFT"), _day(2009), _day(2013), 15, 60),
    # Two without a result: the first found nothing to trade (before the symbol was listed), the other waits.
    PlannedRun("sora.park", ("FB",), _day(2010), _day(2011), 5, 20, status="failed"),
    PlannedRun("maria.silva", ("AAPL",), _day(2012), _day(2013), 5, 10, status="queued"),
)


def load_runs(connection: psycopg.Connection, users: Mapping[str, int]) -> tuple[int, int]:
    """Run and store missing backtests, inside the caller's transaction; `users` maps names to numbers.

    Returns the numbers of inserted and of existing rows, results included.
    Raises PlatformError if the candles of a run are missing.
    """
    from psycopg.types.json import Jsonb

    inserted = unchanged = 0
    for planned in RUNS:
        rows = 2 if planned.status == "completed" else 1
        requested_at = planned.end + timedelta(days=1)
        existing = connection.execute(
            load("insert_backtest_run"),
            {
                "user_id": users[planned.username],
                "strategy_name": STRATEGY,
                "start": planned.start,
                "end": planned.end,
                "symbols": list(planned.symbols),
                "parameters": Jsonb(planned.parameters),
                "status": planned.status,
                "requested_at": requested_at,
            },
        ).fetchone()
        if existing is None:
            unchanged += rows
            continue
        inserted += rows
        if planned.status == "completed":
            outcome = _run(connection, planned)
            connection.execute(
                load("insert_backtest_result"),
                {
                    "backtest_id": existing[0],
                    "total_trades": len(outcome.trips),
                    "winning_trades": outcome.winning,
                    "losing_trades": outcome.losing,
                    "win_rate": outcome.win_rate,
                    "total_return": outcome.total_return,
                    "sharpe_ratio": outcome.sharpe_ratio,
                    "max_drawdown": outcome.max_drawdown,
                    "results_data": Jsonb(outcome.details()),
                    "ended": requested_at,
                },
            )
    return inserted, unchanged


def _run(connection: psycopg.Connection, planned: PlannedRun) -> Outcome:
    rows = connection.execute(
        load("candles_of_range"), {"symbols": list(planned.symbols), "start": planned.start, "end": planned.end}
    ).fetchall()
    series = by_symbol(Candle(*row) for row in rows)
    missing = set(planned.symbols) - set(series)
    if missing:
        raise PlatformError(
            f"there are no candles of {', '.join(sorted(missing))} to run a backtest on",
            where="market_data",
            next_step="load them first: invoke seed.market",
        )
    return moving_average_cross(series, fast=planned.fast, slow=planned.slow, capital=_CAPITAL)
