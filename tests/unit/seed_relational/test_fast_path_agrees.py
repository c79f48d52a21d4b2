"""What is taken as a whole block is what would have been taken row by row."""

from __future__ import annotations

import csv
import io
import unicodedata
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import strategies as st

from seed.candle_files.batches import Batch, microseconds
from seed.candle_files.fast import take
from seed.candle_files.judging import judge
from seed.candle_files.layout import Layout, Reading
from seed.candle_files.moments import Form, TimeStyle
from seed.candle_files.seen import Seen
from seed.candles import Candle
from tests.support.cases import holds_for

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LAYOUT = Layout({name: place for place, name in enumerate(Candle._fields)}, 7, ",", None, Reading(TimeStyle(timezone="America/New_York")))
EPOCH_LAYOUTS = {form: replace(LAYOUT, reading=Reading(TimeStyle(form))) for form in (Form.SECONDS, Form.MILLISECONDS, Form.NANOSECONDS)}

ODD_NUMBERS = (
    "10|10.5|+10|1e1|.5|5.|1E400|NaN|nan|inf|-inf|Infinity|0x10|1_0|| 10|10 |-0|\u0661\u0660|1e-400|99999999999|123456789012.3456|"
    "99999999999999999999|10,5|1d3|true"
)
ODD_TIMES = (
    "2013-03-01|2013-03-01 09:30|2013-03-01T09:30:00|2013-03-01T09:30:00Z|2013-03-01T09:30:00+09:00|2013-03-01 09:30:00-05|20130301|"
    "2013-03-10 02:30|2013-11-03 01:30|2013-3-1|2013-03-01T09:30:00.123456789|2013-03-01T09:30:60|2013-03-01T24:00:00|2050-01-01|"
    "infinity|now|today|epoch||0001-01-01|9999-12-31|2013-03-01 09:30 EST|2013-03-01T09:30:00+0900|2013-060|2013-W09-5"
)
ODD_EPOCHS = "1512086400|0|-5|1512086400123|1512086400.5|1.5e9|1512086400123456789|1512086400123456000|x"
EPOCHS = st.sampled_from(ODD_EPOCHS.split("|"))
NUMBERS, TIMES = st.sampled_from(ODD_NUMBERS.split("|")), st.sampled_from(ODD_TIMES.split("|"))
SYMBOLS = st.sampled_from(
    ["IBM", '"IBM"', '"I', '""', "", " ", " IBM", "IBM ", "X" * 20, "X" * 21, "삼성전자", "A\tB", "\\N", "null", "\u3000A", "A;B", "\\."]
)
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


@holds_for(100, 1500, st.one_of(ROWS, st.lists(SOUND, min_size=1, max_size=2)))
def test_whatever_is_taken_is_what_the_judge_takes(rows: list[tuple[str, ...]]) -> bool:
    data = "\n".join(",".join(row) for row in rows).encode()
    batch = take("a.csv", 2, data, LAYOUT, Seen(), NOW)
    if batch is None:
        return False
    holds_to_the_judge(batch, data, LAYOUT)
    # As text, with the zone that the batch names, its rows are the same.
    text = Reading(TimeStyle(timezone=batch.timezone))
    taken = list(csv.reader(io.StringIO(batch.payload.decode())))
    assert sorted(judge(dict(zip(batch.columns, row, strict=True)), text, NOW).candle for row in taken) == sorted(decoded(batch.binary))
    return True


@holds_for(
    50,
    500,
    st.sampled_from(sorted(EPOCH_LAYOUTS)),
    st.lists(
        st.tuples(
            EPOCHS,
            NUMBERS,
        ),
        min_size=1,
        max_size=2,
    ),
)
def test_epoch_numbers_too(form: Form, rows: list[tuple[str, str]]) -> bool:
    data = "\n".join(f"IBM,{moment},1,1000,0,1,{volume}" for moment, volume in rows).encode()
    batch = take("a.csv", 2, data, EPOCH_LAYOUTS[form], Seen(), NOW)
    if batch is None:
        return False
    holds_to_the_judge(batch, data, EPOCH_LAYOUTS[form])
    text = Reading(TimeStyle())
    taken = list(csv.reader(io.StringIO(batch.payload.decode())))
    assert sorted(judge(dict(zip(batch.columns, row, strict=True)), text, NOW).candle for row in taken) == sorted(decoded(batch.binary))
    return True


def holds_to_the_judge(batch: Batch, data: bytes, layout: Layout) -> None:
    rows = list(csv.reader(io.StringIO(data.decode())))
    judged = [judge(dict(zip(Candle._fields, row, strict=True)), layout.reading, NOW) for row in rows]
    candles = [each.candle for each in judged]
    assert batch.rounded == sum(each.rounded for each in judged)
    assert list(batch.lines) == list(range(2, 2 + len(rows)))
    assert len(candles) == len(rows)
    assert batch.first == min(microseconds(candle.timestamp) for candle in candles)
    assert batch.last == max(microseconds(candle.timestamp) for candle in candles)
    assert set(batch.symbols) == {candle.symbol for candle in candles}
    assert sorted(decoded(batch.binary)) == sorted(candles)


def decoded(data: bytes) -> list[Candle]:
    """What PostgreSQL reads in its binary COPY format, by the letter of its documentation."""
    stream = io.BytesIO(data)

    def integer(size: int) -> int:
        return int.from_bytes(stream.read(size), signed=True)

    assert stream.read(19) == b"PGCOPY\n\xff\r\n\0" + bytes(8)
    candles = []
    while (fields := integer(2)) != -1:
        assert fields == 7
        symbol = stream.read(integer(4)).decode()
        assert integer(4) == 8
        moment = datetime(2000, 1, 1, tzinfo=UTC) + timedelta(microseconds=integer(8))
        numbers = []
        for _ in range(5):
            size, count, weight, sign, scale = integer(4), integer(2), integer(2), integer(2), integer(2)
            assert (size, scale) == (8 + 2 * count, 4)
            digits = [integer(2) for _ in range(count)]
            assert all(0 <= digit < 10_000 for digit in digits)
            value = sum((Decimal(digit) * Decimal(10_000) ** (weight - place) for place, digit in enumerate(digits)), Decimal(0))
            numbers.append(-value if sign == 0x4000 else value)
        candles.append(Candle(symbol, moment, *(number.quantize(Decimal("0.0001")) for number in numbers)))
    assert stream.read() == b""
    return candles


def test_an_ordinary_block_is_made_ready_in_the_servers_own_format_by_symbol_and_time() -> None:
    data = (
        b"MSFT,2013-03-04,10,123456789.4321,-9999.5,11,5\nIBM,2013-03-05,10,12,9,11.0001,0\n"
        b"A,2013-03-04,1,2,0.5,1.5,99999999999\nIBM,2013-03-01,-1,12,-1,1e1,0.1\n"
    )
    batch = take("a.csv", 2, data, LAYOUT, Seen(), NOW)
    assert batch is not None
    rows = csv.reader(io.StringIO(data.decode()))
    candles = [judge(dict(zip(Candle._fields, row, strict=True)), LAYOUT.reading, NOW).candle for row in rows]
    assert decoded(batch.binary) == sorted(candles, key=lambda candle: (len(candle.symbol), *candle))


def test_volumes_of_more_than_four_places_are_rounded_and_counted_and_prices_left_to_the_judge() -> None:
    batch = take("a.csv", 2, b"IBM,2013-03-01,10,12,9,11,5.00005\nIBM,2013-03-02,10,12,9,11,5.0\n", LAYOUT, Seen(), NOW)
    assert batch is not None
    assert batch.rounded == 1
    assert [candle.volume for candle in decoded(batch.binary)] == [Decimal("5.0001"), 5]
    assert take("a.csv", 2, b"IBM,2013-03-01,10,12.00005,9,11,5\n", LAYOUT, Seen(), NOW) is None


GOOD = b"IBM,2013-03-01,10,12,9,11,5\nIBM,2013-03-04,10,12,9,11,5\n"


def test_an_ordinary_block_is_passed_on_as_it_stands() -> None:
    batch = take("a.csv", 2, GOOD, LAYOUT, Seen(), NOW)
    assert batch is not None
    assert batch.payload is GOOD
    assert batch.columns == Candle._fields


@pytest.mark.parametrize("symbol", [unicodedata.normalize("NFD", "삼성"), "A\u202eB", "A\u00a0B"])
def test_a_block_with_a_symbol_that_is_not_plain_is_read_row_by_row(symbol: str) -> None:
    row = f"{symbol},2013-03-01,10,12,9,11,5\n"
    assert take("a.csv", 2, row.replace(symbol, "IBM").encode(), LAYOUT, Seen(), NOW) is not None
    assert take("a.csv", 2, row.encode(), LAYOUT, Seen(), NOW) is None
    places = {name: place - 1 for name, place in LAYOUT.places.items() if name != "symbol"}
    assert take("a.csv", 2, row.partition(",")[2].encode(), Layout(places, 6, ",", symbol), Seen(), NOW) is None


def test_other_columns_are_left_out_and_a_symbol_put_in() -> None:
    places = {"timestamp": 1, "open": 3, "high": 4, "low": 5, "close": 6, "volume": 7}
    layout = Layout(places, 8, ";", "IBM")
    batch = take("a.csv", 2, b"x;2013-03-01;y;10;12;9;11;5\n", layout, Seen(), NOW)
    assert batch is not None
    assert batch.columns == ("symbol", *places)
    assert batch.payload.replace(b'"', b"") == b"IBM,2013-03-01,10.0000,12.0000,9.0000,11.0000,5.0000\n"


@pytest.mark.parametrize(
    "data",
    [
        GOOD + GOOD,
        GOOD + b"\n",
        GOOD + b"IBM,2013-03-05,10,12,9,11\n",
        GOOD + b"IBM,2013-03-05,10,12,9,11,5,6\n",
        GOOD.replace(b"\n", b"\r\r\n"),
        GOOD.replace(b"IBM", b"I\rM"),
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


@pytest.mark.parametrize(
    "quoted",
    [
        b'"IBM",2013-03-01,10,12,9,11,5\n"IBM","2013-03-04","10",12,9,11,"5"\n',
        b'IBM,2013-03-01,10,12,9,11,5\nIBM,2013-03-04,10,12,9,11,"5"',
        GOOD.replace(b"\n", b"\r\n"),
        b'"IBM","2013-03-01",10,12,9,11,5\r\nIBM,2013-03-04,10,12,9,11,"5"\r\n',
    ],
)
def test_plain_quotes_and_windows_line_ends_are_taken_without_them(quoted: bytes) -> None:
    batch, plain = take("a.csv", 2, quoted, LAYOUT, Seen(), NOW), take("a.csv", 2, GOOD, LAYOUT, Seen(), NOW)
    assert batch is not None
    assert plain is not None
    assert batch.binary == plain.binary
    assert list(batch.lines) == [2, 3]


@pytest.mark.parametrize(
    "odd",
    [
        b'IB"M,2013-03-01,10,12,9,11,5\n',
        b'"IBM,2013-03-01,10,12,9,11,5\n',
        b'"IBM"x,2013-03-01,10,12,9,11,5\n',
        b'"IB""M",2013-03-01,10,12,9,11,5\n',
        b'"A,B",2013-03-01,10,12,9,11,5\n',
        b'"IBM,2013-03-01,10,12,9,11,5\nIBM",2013-03-04,10,12,9,11,5\n',
        b'"",2013-03-01,10,12,9,11,5\n',
        b'IBM,2013-03-01,10,12,9,11,"5',
    ],
)
def test_odd_quotes_are_left_to_the_judge(odd: bytes) -> None:
    assert take("a.csv", 2, odd, LAYOUT, Seen(), NOW) is None
