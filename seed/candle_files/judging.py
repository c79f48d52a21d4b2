"""Decides on one row at a time, exactly: the slow and strict reading of what the fast path could not take as a whole."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from seed.candles import Candle

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)
_ZONE_NAME = re.compile(r"(?P<rest>.*\d)\s*(?P<name>[A-Za-z][A-Za-z0-9_+/-]*)", re.ASCII)
_LIMIT = Decimal(10) ** 15  # numeric(19, 4)
_TICK = Decimal("0.0001")
_PRICES = ("open", "high", "low", "close")


class BadRow(ValueError):  # noqa: N818 - a verdict, not a failure
    """Why a row can't be loaded."""


def judge(fields: Mapping[str, str], zone: ZoneInfo, now: datetime) -> Candle:
    """The candle that a row says, numbers rounded to the table's four decimals.

    Raises BadRow with the reason: the first that is found, in the order of the columns.
    """
    for name in Candle._fields:
        if not fields[name].strip():
            raise BadRow(f"{name} is missing")
    symbol = fields["symbol"].strip()
    if len(symbol) > 20:
        raise BadRow(f"symbol has {len(symbol)} characters, 20 are allowed")
    if "\0" in symbol:
        raise BadRow("symbol holds a NUL")
    moment = parse_time(fields["timestamp"].strip(), zone)
    if moment > now:
        raise BadRow("time is in the future")
    numbers = {name: parse_number(name, fields[name].strip()) for name in (*_PRICES, "volume")}
    if numbers["high"] < numbers["low"]:
        raise BadRow("high is below low")
    for name in ("open", "close"):
        if not numbers["low"] <= numbers[name] <= numbers["high"]:
            raise BadRow(f"{name} is outside low to high")
    if numbers["volume"] < 0:
        raise BadRow("volume is below zero")
    return Candle(symbol, moment, **numbers)


def parse_number(name: str, text: str) -> Decimal:
    """A finite decimal that fits the table, rounded half away from zero as the server does."""
    if text.lower().lstrip("+-") == "nan":
        raise BadRow(f"{name} is NaN")
    if not _NUMBER.fullmatch(text):
        raise BadRow(f"{name} is not a number: {text[:40]!r}")
    value = Decimal(text)
    if abs(value) >= _LIMIT:
        raise BadRow(f"{name} is too large")
    rounded = value.quantize(_TICK, "ROUND_HALF_UP")
    if abs(rounded) >= _LIMIT:
        raise BadRow(f"{name} is too large")
    return rounded


def parse_time(text: str, zone: ZoneInfo) -> datetime:
    """A moment from ISO 8601 text, with an offset, an IANA zone's name, or neither: then it is local to `zone`."""
    named = _ZONE_NAME.fullmatch(text)
    if named and named["name"].upper() not in {"Z", "T"} and not re.fullmatch(r"[TW]\d.*", named["name"], re.IGNORECASE):
        text, zone = named["rest"], _zone(named["name"])
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadRow(f"time is not understood: {text[:40]!r}") from None
    if moment.tzinfo is None:
        return _local(moment, zone)
    if abs(moment.utcoffset() or timedelta(0)) > timedelta(hours=15, minutes=59):
        raise BadRow("time zone is not understood: offset beyond 16 hours")
    return _in_utc(moment)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadRow(f"time zone is not known: {name[:40]!r}") from None


def _local(moment: datetime, zone: ZoneInfo) -> datetime:
    earlier, later = (moment.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if earlier.utcoffset() != later.utcoffset():
        # In spring an hour of the clock doesn't exist, in autumn one exists twice.
        exists = _in_utc(earlier).astimezone(zone).replace(tzinfo=None) == moment
        raise BadRow(f"local time {'is ambiguous' if exists else 'does not exist'} in {zone.key}: give an offset")
    return _in_utc(earlier)


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise BadRow("time is out of range") from None
