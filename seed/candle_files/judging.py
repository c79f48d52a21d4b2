"""Judges single rows exactly: the slow and strict reading of blocks that the fast path declined."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from christmas.blueprint.relational import MARKET_DATA
from seed.candle_files.layout import Reading
from seed.candle_files.numerals import parse_number
from seed.candle_files.symbols import symbol_of
from seed.candle_files.verdicts import BadRow
from seed.candles import Candle

_PRICES = ("open", "high", "low", "close")
ROUNDED = frozenset(column.name for column in MARKET_DATA.columns if column.rounded)


class Judged(NamedTuple):
    """A good row's candle, and whether a number was rounded."""

    candle: Candle
    rounded: bool


def judge(fields: Mapping[str, str], reading: Reading, now: datetime) -> Judged:
    """The candle of a row. `fields` are the table's columns, and `clock` if the time of day has a separate column.

    Raises BadRow with the first reason, in the order of the columns.
    """
    for name in Candle._fields:
        if not fields[name].strip():
            raise BadRow(f"{name} is missing")
    symbol = symbol_of(fields["symbol"])
    moment = reading.times.parse(fields["timestamp"].strip(), fields.get("clock"))
    if moment > now:
        raise BadRow("time is in the future")
    numbers = {
        name: parse_number(name, fields[name].strip(), reading.numbers, may_round=reading.rounds or name in ROUNDED)
        for name in (*_PRICES, "volume")
    }
    exact = {name: number.exact for name, number in numbers.items()}
    if exact["high"] < exact["low"]:
        raise BadRow("high is below low")
    for name in ("open", "close"):
        if not exact["low"] <= exact[name] <= exact["high"]:
            raise BadRow(f"{name} is outside low to high")
    if exact["volume"] < 0:
        raise BadRow("volume is below zero")
    candle = Candle(symbol, moment, **{name: number.stored for name, number in numbers.items()})
    return Judged(candle, any(number.rounded for number in numbers.values()))
