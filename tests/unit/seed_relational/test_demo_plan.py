from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from decimal import Decimal

import pytest

from christmas.blueprint.relational import ORDER_SIDES, ORDER_STATUSES, ORDER_TYPES
from seed.candles import samples
from seed.demo_orders import by_symbol, plan
from seed.demo_people import PEOPLE

SERIES = by_symbol(samples())
ORDERS = plan(SERIES)
DAYS = {(candle.symbol, candle.timestamp.date()): candle for series in SERIES.values() for candle in series}


def test_the_plan_is_the_same_every_time() -> None:
    assert plan(by_symbol(samples())) == ORDERS


def test_a_person_more_changes_nobody_elses_orders() -> None:
    assert [order for order in ORDERS if order.username != PEOPLE[0].username] == plan(SERIES, PEOPLE[1:])


def test_names_of_orders_are_unique() -> None:
    assert len({order.external_id for order in ORDERS}) == len(ORDERS) > 100


def test_every_status_fits_its_fills() -> None:
    assert {order.status for order in ORDERS} == {"filled", "open", "cancelled", "partially_filled"} <= set(ORDER_STATUSES)
    for order in ORDERS:
        filled = sum((trade.quantity for trade in order.trades), Decimal(0))
        match order.status:
            case "filled":
                assert filled == order.quantity
            case "partially_filled":
                assert 0 < filled < order.quantity
            case _:
                assert filled == 0


def test_every_fill_lies_within_its_days_candle_and_its_session() -> None:
    fills = [(order, trade) for order in ORDERS for trade in order.trades]
    assert len(fills) > 200
    for order, trade in fills:
        candle = DAYS[order.symbol, trade.timestamp.date()]
        assert candle.low <= trade.price <= candle.high
        assert order.created_at < trade.timestamp <= order.updated_at
        assert timedelta(hours=14, minutes=30) <= trade.timestamp - candle.timestamp <= timedelta(hours=20)
        assert trade.fee > 0


def test_limit_orders_never_fill_beyond_their_limit() -> None:
    for order in ORDERS:
        assert order.order_type in ORDER_TYPES
        assert order.side in ORDER_SIDES
        assert (order.price is None) == (order.order_type == "market")
        for trade in order.trades:
            if order.price is not None:
                assert trade.price <= order.price if order.side == "buy" else trade.price >= order.price


def test_nobody_sells_what_they_do_not_hold() -> None:
    held: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    fills = [(trade.timestamp, trade.quantity, order) for order in ORDERS for trade in order.trades]
    assert {order.side for *_, order in fills} == {"buy", "sell"}
    for _, quantity, order in sorted(fills, key=lambda each: each[:2]):
        held[order.username, order.symbol] += quantity if order.side == "buy" else -quantity
        assert held[order.username, order.symbol] >= 0


def test_nobody_orders_before_joining_and_who_left_never_does() -> None:
    for person in PEOPLE:
        orders = [order for order in ORDERS if order.username == person.username]
        assert all(order.created_at > person.joined for order in orders)
        assert bool(orders) == person.active


def test_too_few_candles_are_refused() -> None:
    with pytest.raises(ValueError, match="AAPL has 3 days"):
        plan({symbol: series[-3:] for symbol, series in SERIES.items()})
