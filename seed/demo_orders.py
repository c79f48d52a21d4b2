"""Plans the demo users' orders and fills from real candles: the same plan every time, with only possible fills."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, ROUND_UP, Decimal
from itertools import pairwise

from seed.candles import Candle
from seed.demo_people import PEOPLE, Person

_TICK = Decimal("0.0001")
_FEE_RATE = Decimal("0.001")
# The session in New York, in hours UTC, in summer and winter: 14:30 to 20:00 is inside both.
_OPEN = timedelta(hours=14, minutes=30)
_SESSION_SECONDS = 19_800
ROUND_TRIPS = 6  # per watched symbol of a user


@dataclass(frozen=True, slots=True)
class PlannedTrade:
    """A fill."""

    timestamp: datetime
    quantity: Decimal
    price: Decimal
    fee: Decimal


@dataclass(frozen=True, slots=True)
class PlannedOrder:
    """An order and its fills, oldest first. A later run finds it again by `external_id`."""

    username: str
    external_id: str
    symbol: str
    order_type: str
    side: str
    quantity: Decimal
    price: Decimal | None
    status: str
    created_at: datetime
    trades: tuple[PlannedTrade, ...] = field(default=())

    @property
    def updated_at(self) -> datetime:
        """The time of the order's last event."""
        return max((trade.timestamp for trade in self.trades), default=self.created_at)


def by_symbol(candles: Iterable[Candle]) -> dict[str, list[Candle]]:
    """The candles of each symbol, oldest first."""
    series: dict[str, list[Candle]] = {}
    for candle in sorted(candles, key=lambda candle: (candle.symbol, candle.timestamp)):
        series.setdefault(candle.symbol, []).append(candle)
    return series


def plan(candles: Mapping[str, Sequence[Candle]], people: Iterable[Person] = PEOPLE) -> list[PlannedOrder]:
    """Every active user's orders over `candles` (oldest first in each symbol) since they joined.

    For each watched symbol: buys, each sold again completely later; then one cancelled order, one waiting order, and
    one partially filled order. Raises ValueError if a symbol has too few candles for that.
    """
    orders: list[PlannedOrder] = []
    for person in people:
        if not person.active:
            continue
        for symbol in person.watched:
            days = [candle for candle in candles.get(symbol, ()) if candle.timestamp > person.joined]
            if len(days) < 4 * ROUND_TRIPS:
                raise ValueError(f"{symbol} has {len(days)} days after {person.joined:%Y-%m-%d}, but needs {4 * ROUND_TRIPS}")
            # The seed is the name, so that a new person or symbol doesn't change the others' orders.
            orders += _orders(person, symbol, days, random.Random(f"{person.username}/{symbol}"))  # noqa: S311
    return orders


def _orders(person: Person, symbol: str, days: Sequence[Candle], dice: random.Random) -> list[PlannedOrder]:
    *history, _, last = days
    chosen = sorted(dice.sample(range(len(history)), 2 * ROUND_TRIPS))
    orders: list[PlannedOrder] = []

    def name() -> str:
        return f"demo-{person.username}-{symbol}-{len(orders) + 1:02d}"

    for bought, sold in zip(chosen[::2], chosen[1::2], strict=True):
        quantity = Decimal(dice.randint(1, 40) * 5)
        orders.append(_filled(person, name(), history[bought], "buy", quantity, dice))
        orders.append(_filled(person, name(), history[sold], "sell", quantity, dice))
    # Half a dollar below the day's low nobody sold, so these could not fill.
    below = last.low - Decimal("0.5")
    placed = last.timestamp + _OPEN
    quantity = Decimal(dice.randint(2, 20) * 5)
    orders.append(PlannedOrder(person.username, name(), symbol, "limit", "buy", quantity, below, "cancelled", placed))
    orders.append(PlannedOrder(person.username, name(), symbol, "limit", "buy", quantity, below, "open", placed + timedelta(minutes=5)))
    part = _filled(person, name(), last, "buy", quantity * 2, dice, order_type="limit")
    first = part.trades[0]
    some = PlannedTrade(first.timestamp, quantity, first.price, _fee(quantity, first.price))
    orders.append(
        PlannedOrder(
            part.username,
            part.external_id,
            symbol,
            "limit",
            "buy",
            part.quantity,
            part.price,
            "partially_filled",
            part.created_at,
            (some,),
        )
    )
    return orders


def _filled(
    person: Person, name: str, day: Candle, side: str, quantity: Decimal, dice: random.Random, order_type: str | None = None
) -> PlannedOrder:
    order_type = order_type or dice.choice(("market", "limit"))
    moments = sorted(dice.sample(range(60, _SESSION_SECONDS), dice.randint(1, 3) + 1))
    placed, *fills = (day.timestamp + _OPEN + timedelta(seconds=second) for second in moments)
    parts = _split(quantity, len(fills), dice)
    prices = [_price(day, dice) for _ in fills]
    limit = None if order_type == "market" else (max(prices) if side == "buy" else min(prices))
    trades = tuple(PlannedTrade(moment, part, price, _fee(part, price)) for moment, part, price in zip(fills, parts, prices, strict=True))
    return PlannedOrder(person.username, name, day.symbol, order_type, side, quantity, limit, "filled", placed, trades)


def _split(quantity: Decimal, parts: int, dice: random.Random) -> list[Decimal]:
    """`quantity` in whole positive parts: the given number, or as many as it has units."""
    cuts = sorted(dice.sample(range(1, int(quantity)), parts - 1))
    edges = [0, *cuts, int(quantity)]
    return [Decimal(end - start) for start, end in pairwise(edges)]


def _price(day: Candle, dice: random.Random) -> Decimal:
    """A possible price of the day: between its low and its high, rounded to the tick."""
    low, high = day.low.quantize(_TICK, ROUND_UP), day.high.quantize(_TICK, ROUND_DOWN)
    return low + ((high - low) * dice.randint(0, 1000) / 1000).quantize(_TICK, ROUND_DOWN)


def _fee(quantity: Decimal, price: Decimal) -> Decimal:
    return (quantity * price * _FEE_RATE).quantize(_TICK)
