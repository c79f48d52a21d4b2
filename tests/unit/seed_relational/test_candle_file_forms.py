"""What a column leaves open is refused with the option that decides it; what is certain is read."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.errors import PlatformError
from seed.candle_files.fast import arrow
from tests.support.candle_reading import candles_of

HEADER = "date,open,high,low,close,volume\n"


def days(*times: str) -> str:
    return HEADER + "".join(f"{time},10.5,12.5,9.5,11.5,100\n" for time in times)


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "a.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


TIMES: list[tuple[str, tuple[str, ...], dict[str, str], tuple[str, ...]]] = [
    ("a day above 12 decides for the column", ("03/04/2020", "13/04/2020"), {}, ("2020-04-03", "2020-04-13")),
    ("a month above 12 is a day", ("03/04/2020", "04/13/2020"), {}, ("2020-03-04", "2020-04-13")),
    ("days equal to their months", ("03/03/2020", "04/04/2020"), {}, ("2020-03-03", "2020-04-04")),
    ("chosen: day first", ("03/04/2020",), {"date_format": "dmy"}, ("2020-04-03",)),
    ("chosen: month first", ("03/04/2020 14:30",), {"date_format": "mdy"}, ("2020-03-04T14:30",)),
    ("chosen: two digits", ("03/04/20", "03/05/99"), {"date_format": "%d/%m/%y"}, ("1999-05-03", "2020-04-03")),
    ("names of months", ("02-Jan-2024", "3 February 2024"), {}, ("2024-01-02", "2024-02-03")),
    ("points, year first", ("2020.04.03 14:00", "2020.4.3 14:05:30"), {}, ("2020-04-03T14:00", "2020-04-03T14:05:30")),
    ("twelve hours", ("2020/04/03 02:30 PM", "2020/04/03 12:30 AM"), {}, ("2020-04-03T00:30", "2020-04-03T14:30")),
    ("an offset by name", ("13.04.2020 14:00:00.000 GMT+0200", "14.04.2020 14:00:00 UTC"), {}, ("2020-04-13T12:00", "2020-04-14T14:00")),
    ("digits of day and time", ("20200403140000", "20200403140500"), {}, ("2020-04-03T14:00", "2020-04-03T14:05")),
    ("days without hyphens", ("20200403", "20200404"), {}, ("2020-04-03", "2020-04-04")),
    ("epoch with decimals", ("1512086400.0", "1512086460.5"), {}, ("2017-12-01T00:00", "2017-12-01T00:01:00.500")),
    ("epoch ns", ("1512086400000000000",), {}, ("2017-12-01",)),
    ("chosen: epoch ms of 1971", ("31536000000", "0"), {"epoch": "ms"}, ("1970-01-01", "1971-01-01")),
    ("a day is the exchange's", ("2024-01-02",), {"timezone": "Asia/Seoul"}, ("2024-01-02",)),
    ("a time is the zone's", ("2024-01-02 09:00",), {"timezone": "Asia/Seoul"}, ("2024-01-02",)),
    ("days as they were read before", ("2024-01-02",), {"timezone": "Asia/Seoul", "days": "utc"}, ("2024-01-01T15:00",)),
    ("midnights in the west", ("2024-01-02T00:00-05:00", "2024-01-03T00:00-05:00"), {}, ("2024-01-02T05:00", "2024-01-03T05:00")),
    ("one midnight is a moment", ("2024-01-02T00:00+09:00",), {}, ("2024-01-01T15:00",)),
    ("chosen: midnights are days", ("2024-01-02T00:00+09:00", "2024-01-03T00:00+09:00"), {"days": "local"}, ("2024-01-02", "2024-01-03")),
]


@pytest.mark.parametrize(("texts", "options", "expected"), [time[1:] for time in TIMES], ids=[time[0] for time in TIMES])
def test_times_that_are_certain_are_read(
    tmp_path: Path, texts: tuple[str, ...], options: dict[str, str], expected: tuple[str, ...]
) -> None:
    found = candles_of(written(tmp_path, days(*texts)), symbol="A", **options)
    assert [candle.timestamp for candle in found.candles] == [datetime.fromisoformat(each).replace(tzinfo=UTC) for each in expected]
    assert found.rejects == []


REFUSED: list[tuple[tuple[str, ...], dict[str, str], str, str]] = [
    (("03/04/2020", "04/05/2020"), {}, "a time is ambiguous: '03/04/2020'", "--date-format dmy or --date-format mdy"),
    (("03.04.2020 14:00",), {}, "a time is ambiguous", "--date-format dmy"),
    (("13/04/2020", "04/13/2020"), {}, "times contradict each other: '13/04/2020' in line 2", "--date-format"),
    (("202004031400",), {}, "a time is ambiguous", "--date-format %Y%m%d%H%M or --epoch ms"),
    (("1512086400000", "1512086460000000"), {}, "epoch numbers contradict each other", "--epoch"),
    (("2024-01-02T00:00+09:00", "2024-01-03T00:00+09:00"), {}, "every time is a midnight", "--days local stores 2024-01-02"),
    (("2024-01-02 00:00", "2024-01-03 00:00"), {"timezone": "Asia/Seoul"}, "every time is a midnight", "--days utc"),
]


@pytest.mark.parametrize(("texts", "options", "message", "hint"), REFUSED, ids=[each[2] + each[0][0] for each in REFUSED])
def test_times_that_may_be_read_in_two_ways_are_refused(
    tmp_path: Path, texts: tuple[str, ...], options: dict[str, str], message: str, hint: str
) -> None:
    with pytest.raises(PlatformError) as caught:
        candles_of(written(tmp_path, days(*texts)), symbol="A", **options)
    assert message in str(caught.value)
    assert ", line " in caught.value.where
    assert hint in caught.value.next_step


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0", "epoch number 0 is uncertain"),
        ("1512086460.1234567", "finer than a microsecond"),
        ("151208646", "epoch number"),
        ("1.5120865e9", "epoch number may have lost digits"),
        ("Total", "not an epoch number like the others"),
        ("\u0661\u0665\u0661\u0662\u0660\u0668\u0666\u0664\u0660\u0662", "not an epoch number like the others"),
    ],
)
def test_a_row_beside_epoch_numbers_that_is_no_certain_time_is_put_aside(tmp_path: Path, text: str, reason: str) -> None:
    found = candles_of(written(tmp_path, days("1512086400", "1512086401", text)), symbol="A", timezone="UTC")
    if text == "151208646":  # October 1974: plausible
        assert len(found.candles) == 3
        return
    assert len(found.candles) == 2
    assert [line for line, _ in found.reasons] == [4]
    assert reason in found.reasons[0][1]


@pytest.mark.parametrize(
    ("text", "hint"),
    [("1512120960000", "--epoch"), ("45293", "--epoch"), ("03/04/20", "%d/%m/%y"), ("2024-01-02T09:30:00.1234567", "finer")],
)
def test_what_is_put_aside_says_what_decides(tmp_path: Path, text: str, hint: str) -> None:
    path = written(tmp_path, days("2024-01-02", text))
    found = candles_of(path, symbol="A")
    assert [candle.timestamp for candle in found.candles] == [datetime(2024, 1, 2, tzinfo=UTC)]
    assert hint in found.reasons[0][1]


NUMBERS: list[tuple[str, dict[str, str], str]] = [
    ("1,234.5|1,240.5|1,230|1,235|1,234,567", {}, "1234.5 1240.5 1230 1235 1234567"),
    ("1.234,5|1.240,5|1.230|1.235|1.234.567", {}, "1234.5 1240.5 1230 1235 1234567"),
    ("1'234.5|1'240.5|1'230|1'235|1'234'567", {}, "1234.5 1240.5 1230 1235 1234567"),
    ("1\u202f234,5|1\u00a0240,5|1 230|1235|1 234 567", {}, "1234.5 1240.5 1230 1235 1234567"),
    ("0.123|0.123|0.123|0.123|1.234", {}, "0.123 0.123 0.123 0.123 1.234"),
    ("1e1|1.2e1|9|11|1.23M", {}, "10 12 9 11 1230000"),
    ("1.234|1.240|1.230|1.235|1000", {"decimal": "point"}, "1.234 1.240 1.230 1.235 1000"),
    ("1.234|1.240|1.230|1.235|1000", {"decimal": ","}, "1234 1240 1230 1235 1000"),
    ("1.234|1.240|1.230|1.235|1000", {"thousands": "."}, "1234 1240 1230 1235 1000"),
    ("1,234|1,240|1,230|1,235|1000", {"thousands": "none", "decimal": "comma"}, "1.234 1.240 1.230 1.235 1000"),
    ("$10.5|$12|$9|$11|1", {}, "10.5 12 9 11 1"),
    ("-37.63|-13.1|-40.32|-37.63|5", {}, "-37.63 -13.1 -40.32 -37.63 5"),
]


def table(text: str, *more: str) -> str:
    return "\n".join(
        ["date|open|high|low|close|volume", f"2024-01-02|{text}", *(f"2024-01-0{3 + n}|{each}" for n, each in enumerate(more))]
    )


@pytest.mark.parametrize(("text", "options", "expected"), NUMBERS, ids=[number[0] + "".join(number[1].values()) for number in NUMBERS])
def test_numbers_that_are_certain_are_read(tmp_path: Path, text: str, options: dict[str, str], expected: str) -> None:
    (candle,) = candles_of(written(tmp_path, table(text)), symbol="A", **options).candles
    assert list(candle[2:]) == [Decimal(word) for word in expected.split()]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (("1.234|1.240|1.230|1.235|1000",), "'1.234' may be 1.234 or 1234"),
        (("1234|1240|1230|1235|1,234",), "'1,234' may be 1234 or 1.234"),
        (("10,5|12|9|11|1", "10.5|12|9|11|1"), "numbers contradict each other: '10,5' in line 2, '10.5'"),
    ],
)
def test_numbers_that_may_be_read_in_two_ways_are_refused(tmp_path: Path, rows: tuple[str, ...], message: str) -> None:
    with pytest.raises(PlatformError) as caught:
        candles_of(written(tmp_path, table(*rows)), symbol="A")
    assert message in str(caught.value)
    assert "--decimal" in caught.value.next_step


def test_one_contradiction_far_behind_the_sample_is_found(tmp_path: Path) -> None:
    rows = [
        f"{datetime(2000, 1, 1 + n % 28, n // 28 % 24, n // 672, tzinfo=UTC):%Y-%m-%d %H:%M};10.5;12.5;9.5;11.5;1" for n in range(20_000)
    ]
    text = "\n".join([HEADER.strip().replace(",", ";"), *rows, "2024-01-02;1.355,90;1.361,20;1.349,10;1.360,00;12"])
    with pytest.raises(PlatformError, match="numbers contradict each other"):
        candles_of(written(tmp_path, text), symbol="A")


def test_one_epoch_number_of_another_unit_far_behind_the_sample_is_found(tmp_path: Path) -> None:
    rows = [f"{1_512_086_400_000 + n * 60_000},10.5,12.5,9.5,11.5,1" for n in range(20_000)]
    with pytest.raises(PlatformError, match="epoch numbers contradict each other"):
        candles_of(written(tmp_path, HEADER + "\n".join([*rows, "1735689600000000,10.5,12.5,9.5,11.5,1"])), symbol="A")


@pytest.mark.parametrize(
    "word", ["", "-", "--", "N/A", "null", "None", "#N/A", "NaN", "inf", "-inf", "1e400", "10;5", "1.2.3", "12,34,567"]
)
def test_what_is_no_number_is_put_aside(tmp_path: Path, word: str) -> None:
    found = candles_of(written(tmp_path, table("10.5|12|9|11|1", f"10|12|9|11|{word}")), symbol="A")
    assert len(found.candles) == 1
    assert found.reasons[0][1].startswith("volume is ")


def test_what_went_through_a_float_is_what_it_was_and_counted(tmp_path: Path) -> None:
    found = candles_of(written(tmp_path, table("133.52000427246094|134.1|0.30000000000000004|133.6|5")), symbol="A")
    assert [str(candle) for candle in found.candles[0][2:5]] == ["133.5200", "134.1000", "0.3000"]
    assert found.rounded == 1


STRUCTURES: list[tuple[str, str | bytes, dict[str, Any], int, list[int]]] = [
    ("lines before the header, a sum at the end", "# x\nSymbol: A\n\n" + days("2024-01-02") + "Total,,,,,5\nend\n", {}, 1, [6, 7]),
    ("sep=", "sep=;\n" + days("2024-01-02").replace(",", ";"), {}, 1, []),
    ("tabs", days("2024-01-02").replace(",", "\t"), {}, 1, []),
    ("utf-16", days("2024-01-02").encode("utf-16"), {}, 1, []),
    ("utf-16 without a mark", days("2024-01-02").encode("utf-16-be"), {}, 1, []),
    ("utf-8 with a mark", days("2024-01-02").encode("utf-8-sig"), {}, 1, []),
    ("carriage returns", days("2024-01-02", "2024-01-03").replace("\n", "\r"), {}, 2, []),
    ("the header again", days("2024-01-02") + days("2024-01-03"), {}, 2, [3]),
    ("an index of pandas", days("2024-01-02").replace("date,", ",", 1), {}, 1, []),
    ("an index beside the day", "," + days("2024-01-02").replace("\n2", "\n0,2"), {}, 1, []),
    ("a code page", "Tag;Er\xf6ffnung;high;low;close;volume\n2024-01-02;1,5;2;1;2;1".encode("cp1252"),
     {"encoding": "cp1252", "mapping": {"timestamp": "Tag", "open": "Eröffnung"}}, 1, []),
    ("a name in a code page", b"date,open,high,low,close,volume,name\n2024-01-02,1,2,1,2,1,M\xfcnch\n2024-01-03,1,2,1,2,1,x\n", {}, 2, []),
    ("a symbol in a code page", b"date,open,high,low,close,volume,symbol\n2024-01-02,1,2,1,2,1,M\xfc\n2024-01-03,1,2,1,2,1,x\n",
     {"symbol": None}, 1, [2]),
    ("times of day, named", "date,uhr,open,high,low,close,volume\n2024-01-02,09:00,1,2,1,2,1\n2024-01-02,09:05,1,2,1,2,1\n",
     {"time_column": "uhr"}, 2, []),
    ("times of day without colons",
     "date,time,open,high,low,close,volume\n2024-01-02,93000,1,2,1,2,1\n2024-01-02,100000,1,2,1,2,1\n", {}, 2, []),
    ("midnights beside times of day", "date,time,open,high,low,close,volume\n2024-01-02 00:00,9:30,1,2,1,2,1\n", {}, 1, []),
]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "options", "good", "bad"), [structure[1:] for structure in STRUCTURES], ids=[structure[0] for structure in STRUCTURES]
)
def test_files_of_many_shapes_are_read(tmp_path: Path, content: str | bytes, options: dict[str, Any], good: int, bad: list[int]) -> None:
    found = candles_of(written(tmp_path, content), **{"symbol": "A", **options})
    assert len(found.candles) == good
    assert [line for line, _ in found.reasons] == bad


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (days("2024-01-02") + "date,close,high,low,open,volume\n", "a second header, with other columns, or in another order"),
        ("2024-01-02,10,12,9,11,5\n" + HEADER, "a line before the header looks like data"),
        ("date,open,high,low,close,close,volume\n2024-01-02,1,2,1,2,2,1\n", "close (named twice)"),
        ("Tag;Er\xf6ffnung;high;low;close;volume\n2024-01-02;1,5;2;1;2;1".encode("cp1252"), "the text is not UTF-8"),
        (
            "date,uhr,open,high,low,close,volume\n2024-01-02,09:00,1,2,1,2,1\n2024-01-02,09:05,1,2,1,2,1\n",
            "a time of day may stand in: uhr",
        ),
        ("date,time,open,high,low,close,volume\n2024-01-02,930,1,2,1,2,1\n2024-01-02,1000,1,2,1,2,1\n", "may be hours and minutes"),
        ("date,time,open,high,low,close,volume\n2024-01-02 10:00,9:30,1,2,1,2,1\n", "both have a time of day"),
        ("date,time,open,high,low,close,volume\n2024-01-02,x,1,2,1,2,1\n", "column 'time' is not a time of day: 'x'"),
        ("Gmt time,Open,High,Low,Close,Volume\n13.04.2020 14:00,1,2,1,2,1\n", "header says that times are UTC"),
    ],
)
def test_files_that_may_be_read_in_two_ways_are_refused(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(PlatformError) as caught:
        candles_of(written(tmp_path, content), symbol="A", timezone="Asia/Seoul")
    assert message in str(caught.value)


def test_parquet_files_follow_the_same_rules(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    columns: dict[str, Any] = {"open": [10.5], "high": [1.2e1], "low": [9.0], "close": [11.520000457763672], "volume": [1]}
    for times, expected in (
        ([1_512_086_400_000], datetime(2017, 12, 1, tzinfo=UTC)),
        ([datetime(2024, 1, 2).date()], datetime(2024, 1, 2, tzinfo=UTC)),  # noqa: DTZ001
        (["2024-01-02"], datetime(2024, 1, 2, tzinfo=UTC)),
    ):
        arrow("parquet").write_table(arrow().table({"time": times, **columns}), path)
        found = candles_of(path, symbol="A", timezone="Asia/Seoul")
        assert [candle.timestamp for candle in found.candles] == [expected]
    arrow("parquet").write_table(arrow().table({"time": ["2024-01-02"], **columns, "open": ["1.234"]}), path)
    with pytest.raises(PlatformError, match="a number is ambiguous"):
        candles_of(path, symbol="A")
    arrow("parquet").write_table(arrow().table({"time": ["2024-01-02"], **columns, "volume": ["1.234,5"]}), path)
    with pytest.raises(PlatformError, match="others text with a decimal comma"):
        candles_of(path, symbol="A")
    arrow("parquet").write_table(arrow().table({"time": ["2024-01-02"], **columns, "open": [9.125]}), path)
    assert [candle.open for candle in candles_of(path, symbol="A", decimal="comma").candles] == [Decimal("9.125")]
    nanoseconds = arrow().array([1_512_086_400_000_000_001], arrow().timestamp("ns"))
    arrow("parquet").write_table(arrow().table({"time": nanoseconds, **columns}), path)
    assert "finer than a microsecond" in candles_of(path, symbol="A").reasons[0][1]
