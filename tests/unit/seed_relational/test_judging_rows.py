from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from seed.candle_files.judging import judge
from seed.candle_files.layout import Reading
from seed.candle_files.moments import TimeStyle
from seed.candle_files.numerals import parse_number
from seed.candle_files.verdicts import BadRow

NOW = datetime(2026, 1, 1, tzinfo=UTC)
GOOD = {"symbol": "IBM", "timestamp": "2013-03-01", "open": "10", "high": "12", "low": "9", "close": "11", "volume": "5"}
NEW_YORK = TimeStyle(timezone="America/New_York")


def verdict(**changes: str) -> str:
    with pytest.raises(BadRow) as caught:
        judge({**GOOD, **changes}, Reading(), NOW)
    return str(caught.value)


def test_a_good_row_is_a_candle() -> None:
    candle = judge({**GOOD, "symbol": " IBM "}, Reading(), NOW).candle
    assert tuple(candle) == ("IBM", datetime(2013, 3, 1, tzinfo=UTC), 10, 12, 9, 11, 5)


def test_a_symbol_has_one_spelling() -> None:
    assert judge({**GOOD, "symbol": unicodedata.normalize("NFD", "삼성")}, Reading(), NOW).candle.symbol == "삼성"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"symbol": ""}, "symbol is missing"),
        ({"timestamp": " "}, "timestamp is missing"),
        ({"volume": ""}, "volume is missing"),
        ({"symbol": "X" * 21}, "symbol has 21 characters, 20 are allowed"),
        ({"symbol": "A\0B"}, "symbol has a character that is not printed: U+0000"),
        ({"symbol": "A\x1b[2JB"}, "symbol has a character that is not printed: U+001B"),
        ({"symbol": "A\u202eB"}, "symbol has a character that is not printed: U+202E"),
        ({"open": "ten"}, "open is not a number: 'ten'"),
        ({"open": "1_0"}, "open is not a number: '1_0'"),
        ({"open": "0x1F"}, "open is not a number: '0x1F'"),
        ({"open": "\u0661\u0660"}, "open is not a number: '\u0661\u0660'"),
        ({"close": "NaN"}, "close is NaN"),
        ({"high": "inf"}, "high is not a number: 'inf'"),
        ({"high": "1e15"}, "high is too large"),
        ({"high": "999999999999999.99995"}, "high is too large"),
        ({"high": "8.9", "open": "8.9", "close": "8.9"}, "high is below low"),
        ({"open": "12.0001"}, "open is outside low to high"),
        ({"close": "8.9999"}, "close is outside low to high"),
        ({"volume": "-1"}, "volume is below zero"),
        ({"timestamp": "2026-01-01T00:00:01Z"}, "time is in the future"),
        ({"timestamp": "yesterday"}, "time can't be read: 'yesterday'"),
        ({"timestamp": "2013-02-30"}, "time can't be read: '2013-02-30'"),
        ({"timestamp": "2013-03-01 10:00 Mars/Base"}, "time zone is unknown: 'Mars/Base'"),
        ({"timestamp": "2013-03-01 10:00+23:00"}, "time zone is invalid: offset beyond 16 hours"),
        ({"timestamp": "0001-01-01T00:00+12:00"}, "the year 1 may be one of two digits, or damaged: '0001-01-01T00:00+12:00'"),
        ({"timestamp": "9999-12-31T23:00-12:00"}, "time is out of range"),
    ],
)
def test_each_fault_has_its_reason(changes: dict[str, str], reason: str) -> None:
    assert verdict(**changes) == reason


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2013-03-01", "2013-03-01T00:00+00:00"),  # the exchange's day
        ("2013-03-01T09:30", "2013-03-01T14:30+00:00"),
        ("2013-07-01 09:30:00", "2013-07-01T13:30+00:00"),
        ("2013-03-01T09:30:00.123456", "2013-03-01T14:30:00.123456+00:00"),
        ("2013-03-01T09:30Z", "2013-03-01T09:30+00:00"),
        ("2013-03-01T09:30+09:00", "2013-03-01T00:30+00:00"),
        ("2013-03-01T09", "2013-03-01T14:00+00:00"),
        ("20130301T0930", "2013-03-01T14:30+00:00"),
        ("2013-03-01 09:30 Asia/Seoul", "2013-03-01T00:30+00:00"),
        ("2013-03-01 09:30 UTC", "2013-03-01T09:30+00:00"),
    ],
)
def test_times_with_an_offset_a_zone_or_neither(text: str, expected: str) -> None:
    assert NEW_YORK.parse(text) == datetime.fromisoformat(expected)


@pytest.mark.parametrize(("text", "what"), [("2013-03-10 02:30", "does not exist"), ("2013-11-03 01:30", "is ambiguous")])
def test_local_times_that_are_not_one_moment_are_bad(text: str, what: str) -> None:
    with pytest.raises(BadRow, match=f"local time {what} in America/New_York"):
        NEW_YORK.parse(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1.00005", "1.0001"), ("-1.00005", "-1.0001"), ("1.00004", "1.0000"), ("+.5", "0.5"), ("5.", "5"), ("1e3", "1000"), ("0.00001", "0")],
)
def test_volumes_are_rounded_as_the_server_rounds(text: str, expected: str) -> None:
    number = parse_number("volume", text, may_round=True)
    assert number.stored == Decimal(expected)
    assert number.rounded is (Decimal(text) != Decimal(expected))
