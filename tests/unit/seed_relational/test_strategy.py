from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from seed.candles import Candle, samples
from seed.demo_orders import by_symbol
from seed.strategy import Outcome, moving_average_cross


def series(closes: list[int], symbol: str = "X") -> list[Candle]:
    """Days that open where the day before closed."""
    start = datetime(2012, 1, 1, tzinfo=UTC)
    opens = [closes[0], *closes[:-1]]
    return [
        Candle(
            symbol,
            start + timedelta(days=day),
            Decimal(opening),
            Decimal(max(opening, close)),
            Decimal(min(opening, close)),
            Decimal(close),
            Decimal(1),
        )
        for day, (opening, close) in enumerate(zip(opens, closes, strict=True))
    ]


def run(closes: list[int], fee: str = "0") -> Outcome:
    return moving_average_cross({"X": series(closes)}, fast=1, slow=2, capital=Decimal(1000), fee_rate=Decimal(fee))


def test_a_rise_is_bought_at_the_next_open_and_sold_after_the_fall() -> None:
    # 10 → 12 decides on day 1, bought on day 2 at its open 12; 20 → 15 decides on day 4, sold on day 5 at 15.
    outcome = run([10, 12, 16, 20, 15, 14])
    (trip,) = outcome.trips
    assert (trip.bought_at, trip.sold_at, trip.quantity) == (Decimal(12), Decimal(15), 83)
    assert trip.gain == 83 * 3
    assert (outcome.winning, outcome.losing, outcome.win_rate) == (1, 0, Decimal("100.00"))
    assert outcome.total_return == Decimal("24.9000")
    # From 83 times 20, and 4 in cash, down to 83 times 15, and 4.
    assert outcome.max_drawdown == (Decimal(83 * 5) / Decimal(83 * 20 + 4) * 100).quantize(Decimal("0.0001"))


def test_fees_are_paid_on_both_sides() -> None:
    (free,), (paid,) = run([10, 12, 16, 20, 15, 14]).trips, run([10, 12, 16, 20, 15, 14], "0.01").trips
    assert paid.gain == paid.quantity * (15 * Decimal("0.99") - 12 * Decimal("1.01"))
    assert paid.gain < free.gain


def test_a_fall_is_never_bought() -> None:
    outcome = run([20, 18, 15, 12])
    assert outcome.trips == ()
    assert outcome.win_rate is None
    assert outcome.sharpe_ratio is None
    assert outcome.total_return == outcome.max_drawdown == 0


def test_what_is_open_at_the_end_is_sold_at_the_last_close() -> None:
    (trip,) = run([10, 12, 16]).trips
    assert trip.sold_at == 16


def test_the_equity_ends_at_capital_plus_gains() -> None:
    candles = by_symbol(candle for candle in samples() if candle.timestamp.year in {2010, 2011})
    outcome = moving_average_cross(candles, fast=10, slow=30, capital=Decimal(100_000))
    assert len(outcome.trips) > 5
    assert outcome.equity[-1][1] == outcome.capital + sum(trip.gain for trip in outcome.trips)
    assert outcome.winning + outcome.losing <= len(outcome.trips)
    details = outcome.details()
    assert len(details["round_trips"]) == len(outcome.trips)
    assert len(details["equity_by_month"]) == 24


def test_averages_are_those_of_the_closes_in_the_window() -> None:
    """The strategy's running sums against plain means, on a real year."""
    candles = [candle for candle in samples() if candle.symbol == "IBM" and candle.timestamp.year == 2010]
    outcome = moving_average_cross({"IBM": candles}, fast=5, slow=20, capital=Decimal(10_000))
    above = [
        math.fsum(float(candle.close) for candle in candles[place - 4 : place + 1]) / 5
        > math.fsum(float(candle.close) for candle in candles[place - 19 : place + 1]) / 20
        for place in range(19, len(candles) - 1)
    ]
    wanted = [False] * 20 + above
    bought = [candle.timestamp for candle, now, before in zip(candles, wanted, [False, *wanted], strict=False) if now and not before]
    assert [trip.opened for trip in outcome.trips] == bought


@pytest.mark.parametrize(("fast", "slow"), [(0, 2), (2, 2), (3, 2)])
def test_spans_that_make_no_sense_are_refused(fast: int, slow: int) -> None:
    with pytest.raises(ValueError, match="below slow"):
        moving_average_cross({"X": series([1, 2])}, fast=fast, slow=slow, capital=Decimal(1))


def test_a_symbol_without_candles_is_refused() -> None:
    with pytest.raises(ValueError, match="without candles"):
        moving_average_cross({"X": []}, fast=1, slow=2, capital=Decimal(1))
