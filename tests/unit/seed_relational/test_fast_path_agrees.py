"""What is taken as a whole block is what would have been taken row by row."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seed.candle_files.batches import microseconds
from seed.candle_files.fast import Layout, take
from seed.candle_files.judging import judge
from seed.candle_files.seen import Seen
from seed.candles import Candle

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LAYOUT = Layout({name: place for place, name in enumerate(Candle._fields)}, 7, ",", None, "America/New_York")

ODD_NUMBERS = (
    "10|10.5|+10|1e1|.5|5.|1E400|NaN|nan|inf|-inf|Infinity|0x10|1_0|| 10|10 |-0|\u0661\u0660|1e-400|99999999999|123456789012.3456|"
    "99999999999999999999|10,5|1d3|true"
)
ODD_TIMES = (
    "2013-03-01|2013-03-01 09:30|2013-03-01T09:30:00|2013-03-01T09:30:00Z|2013-03-01T09:30:00+09:00|2013-03-01 09:30:00-05|20130301|"
    "2013-03-10 02:30|2013-11-03 01:30|2013-3-1|2013-03-01T09:30:00.123456789|2013-03-01T09:30:60|2013-03-01T24:00:00|2050-01-01|"
    "infinity|now|today|epoch||0001-01-01|9999-12-31|2013-03-01 09:30 EST|2013-03-01T09:30:00+0900|2013-060|2013-W09-5"
)
NUMBERS, TIMES = st.sampled_from(ODD_NUMBERS.split("|")), st.sampled_from(ODD_TIMES.split("|"))
SYMBOLS = st.sampled_from(["IBM", "", " ", " IBM", "IBM ", "X" * 20, "X" * 21, "삼성전자", "A\tB", "\\N", "null", "\u3000A", "A;B", "\\."])
ROWS = st.lists(st.tuples(SYMBOLS, TIMES, *[NUMBERS] * 5), min_size=1, max_size=3)
SOUND = st.tuples(
    st.sampled_from(["IBM", "X" * 20, "삼성전자"]),
    TIMES,
    st.just("10"),
    st.just("12"),
    NUMBERS,
    st.just("10"),
    st.sampled_from(["1", "1e3"]),
)


@settings(max_examples=1500, deadline=None)
@given(st.one_of(ROWS, st.lists(SOUND, min_size=1, max_size=2)))
def test_whatever_is_taken_is_what_the_judge_takes(rows: list[tuple[str, ...]]) -> None:
    data = "\n".join(",".join(row) for row in rows).encode()
    batch = take("a.csv", 2, data, LAYOUT, Seen(), NOW)
    if batch is None:
        return
    taken = list(csv.reader(io.StringIO(batch.payload.decode())))
    zone = ZoneInfo(LAYOUT.timezone)
    candles = [judge(dict(zip(batch.columns, row, strict=True)), zone, NOW) for row in taken]
    assert list(batch.lines) == list(range(2, 2 + len(rows)))
    assert len(candles) == len(rows)
    assert batch.first == min(microseconds(candle.timestamp) for candle in candles)
    assert batch.last == max(microseconds(candle.timestamp) for candle in candles)
    assert set(batch.symbols) == {candle.symbol for candle in candles}


GOOD = b"IBM,2013-03-01,10,12,9,11,5\nIBM,2013-03-04,10,12,9,11,5\n"


def test_an_ordinary_block_is_passed_on_as_it_stands() -> None:
    batch = take("a.csv", 2, GOOD, LAYOUT, Seen(), NOW)
    assert batch is not None
    assert batch.payload is GOOD
    assert batch.columns == Candle._fields


def test_other_columns_are_left_out_and_a_symbol_put_in() -> None:
    places = {"timestamp": 1, "open": 3, "high": 4, "low": 5, "close": 6, "volume": 7}
    layout = Layout(places, 8, ";", "IBM", "UTC")
    batch = take("a.csv", 2, b"x;2013-03-01;y;10;12;9;11;5\n", layout, Seen(), NOW)
    assert batch is not None
    assert batch.columns == ("symbol", *places)
    assert batch.payload.replace(b'"', b"") == b"IBM,2013-03-01,10,12,9,11,5\n"


@pytest.mark.parametrize(
    "data",
    [
        GOOD + GOOD,
        GOOD + b"\n",
        GOOD + b"IBM,2013-03-05,10,12,9,11\n",
        GOOD + b"IBM,2013-03-05,10,12,9,11,5,6\n",
        GOOD.replace(b"IBM", b'"IBM"'),
        GOOD.replace(b"\n", b"\r\n"),
        GOOD + b"\xff,2013-03-05,10,12,9,11,5\n",
        GOOD + b"IBM,2013-03-05,10,8,9,9,5\n",
        GOOD + b"IBM,2013-03-05T00:00Z,10,12,9,11,5\n",
    ],
)
def test_anything_odd_is_declined_and_leaves_nothing_behind(data: bytes) -> None:
    seen = Seen()
    assert take("a.csv", 2, data, LAYOUT, seen, NOW) is None
    assert take("a.csv", 2, GOOD, LAYOUT, seen, NOW) is not None


def test_a_key_of_an_earlier_block_is_declined() -> None:
    seen = Seen()
    assert take("a.csv", 2, GOOD, LAYOUT, seen, NOW) is not None
    assert take("a.csv", 4, GOOD, LAYOUT, seen, NOW) is None
