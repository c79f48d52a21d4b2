"""A small real strategy, run over real candles: the demo backtests' results are computed, not invented."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from statistics import fmean, stdev
from typing import Any

from seed.candles import Candle

TRADING_DAYS = 252


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """A position from opening to closing. Prices are per unit; `gain` includes fees."""

    symbol: str
    opened: datetime
    closed: datetime
    quantity: int
    bought_at: Decimal
    sold_at: Decimal
    gain: Decimal


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a strategy. `equity` is the account's value at each day's close, oldest first."""

    capital: Decimal
    trips: tuple[RoundTrip, ...]
    equity: tuple[tuple[datetime, Decimal], ...]

    @property
    def winning(self) -> int:
        """Profitable round trips."""
        return sum(trip.gain > 0 for trip in self.trips)

    @property
    def losing(self) -> int:
        """Losing round trips."""
        return sum(trip.gain < 0 for trip in self.trips)

    @property
    def win_rate(self) -> Decimal | None:
        """Winning round trips in percent of all; None without any."""
        return (Decimal(100 * self.winning) / len(self.trips)).quantize(Decimal("0.01")) if self.trips else None

    @property
    def total_return(self) -> Decimal:
        """Gain in percent of the starting capital."""
        end = self.equity[-1][1] if self.equity else self.capital
        return ((end / self.capital - 1) * 100).quantize(Decimal("0.0001"))

    @property
    def sharpe_ratio(self) -> Decimal | None:
        """Mean daily return over its standard deviation, times the root of 252; None where nothing moved (Sharpe 1994, riskless rate 0)."""
        worth = [float(value) for _, value in self.equity]
        returns = [after / before - 1 for before, after in pairwise(worth)]
        spread = stdev(returns) if len(returns) > 1 else 0.0
        return None if spread == 0 else Decimal(fmean(returns) / spread * math.sqrt(TRADING_DAYS)).quantize(Decimal("0.0001"))

    @property
    def max_drawdown(self) -> Decimal:
        """Deepest fall from an earlier peak, in percent of that peak."""
        peak, deepest = self.capital, Decimal(0)
        for _, value in self.equity:
            peak = max(peak, value)
            deepest = max(deepest, (peak - value) / peak)
        return (deepest * 100).quantize(Decimal("0.0001"))

    def details(self) -> dict[str, Any]:
        """The value of `results_data`: every round trip, and the equity at each month's last close."""
        months = {f"{day:%Y-%m}": str(value.quantize(Decimal("0.01"))) for day, value in self.equity}
        return {
            "capital": str(self.capital),
            "round_trips": [
                {
                    "symbol": trip.symbol,
                    "opened": trip.opened.isoformat(),
                    "closed": trip.closed.isoformat(),
                    "quantity": trip.quantity,
                    "bought_at": str(trip.bought_at),
                    "sold_at": str(trip.sold_at),
                    "gain": str(trip.gain),
                }
                for trip in self.trips
            ],
            "equity_by_month": months,
        }


def moving_average_cross(
    candles: Mapping[str, Sequence[Candle]], *, fast: int, slow: int, capital: Decimal, fee_rate: Decimal = Decimal("0.001")
) -> Outcome:
    """Hold a symbol while the mean of its last `fast` closes is above that of its last `slow` closes.

    `candles` has each symbol's, oldest first, gaps allowed. The capital is divided evenly between symbols; whole units
    only, no borrowing. A day's close decides and the next day's open trades, so no decision uses the future. Positions
    open at the end are sold at the last close.
    Raises ValueError if `fast` is not below `slow`, or if there is nothing to trade.
    """
    if not 0 < fast < slow:
        raise ValueError(f"fast ({fast}) must be above 0 and below slow ({slow})")
    if not candles or not all(candles.values()):
        raise ValueError("a symbol without candles can't be traded")
    share = (capital / len(candles)).quantize(Decimal("0.01"))
    trips: list[RoundTrip] = []
    worth: dict[str, dict[datetime, Decimal]] = {}
    for symbol, series in candles.items():
        own_trips, worth[symbol] = _run_one(symbol, series, fast=fast, slow=slow, cash=share, fee_rate=fee_rate)
        trips += own_trips
    latest = dict.fromkeys(candles, share)
    equity = []
    for day in sorted({moment for values in worth.values() for moment in values}):
        latest.update({symbol: values[day] for symbol, values in worth.items() if day in values})
        equity.append((day, sum(latest.values(), start=Decimal(0))))
    trips.sort(key=lambda trip: (trip.closed, trip.symbol))
    return Outcome(share * len(candles), tuple(trips), tuple(equity))


def _run_one(
    symbol: str, series: Sequence[Candle], *, fast: int, slow: int, cash: Decimal, fee_rate: Decimal
) -> tuple[list[RoundTrip], dict[datetime, Decimal]]:
    trips: list[RoundTrip] = []
    worth: dict[datetime, Decimal] = {}
    held, bought_at, opened, spent = 0, Decimal(0), series[0].timestamp, Decimal(0)
    buy = False

    def sell(price: Decimal, moment: datetime) -> Decimal:
        got = (held * price * (1 - fee_rate)).quantize(Decimal("0.0001"))
        trips.append(RoundTrip(symbol, opened, moment, held, bought_at, price, got - spent))
        return got

    sums = {fast: Decimal(0), slow: Decimal(0)}
    for place, candle in enumerate(series):
        if buy and not held:
            held = int(cash / (candle.open * (1 + fee_rate)))
            bought_at, opened = candle.open, candle.timestamp
            spent = (held * candle.open * (1 + fee_rate)).quantize(Decimal("0.0001"))
            cash -= spent
        elif held and not buy:
            cash += sell(candle.open, candle.timestamp)
            held = 0
        for span in sums:
            sums[span] += candle.close - (series[place - span].close if place >= span else 0)
        if place + 1 >= slow:
            buy = sums[fast] / fast > sums[slow] / slow
        worth[candle.timestamp] = cash + held * candle.close
    if held:
        cash += sell(series[-1].close, series[-1].timestamp)
        worth[series[-1].timestamp] = cash
    return trips, worth
