"""Files as exporters and spreadsheets damage them: read exactly, or told. Each of these was once read as something else in silence."""

from __future__ import annotations

import gzip
import io
import tarfile
import warnings
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import PlatformError
from seed.candle_files.fast import arrow
from tests.support.candle_reading import candles_of

HEADER = "date,open,high,low,close,volume\n"
NOTED = "date,open,high,low,close,volume,note\n"


def days(*written: str) -> str:
    return "".join(f"{day},10,12,9,11,5\n" for day in written)


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "candles"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refusal(folder: Path, content: str | bytes, **options: Any) -> str:
    with pytest.raises(PlatformError) as caught:
        candles_of(written(folder, content), **{"symbol": "A", **options})
    return str(caught.value)


def tarred(data: bytes) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        member = tarfile.TarInfo("a.csv")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return made.getvalue()


@given(
    moments=st.lists(st.datetimes(datetime(2010, 10, 1), datetime(2024, 1, 1)), min_size=1, max_size=5),  # noqa: DTZ001 - as it is written
    form=st.sampled_from(["%y%m%d%H%M", "%y%m%d%H%M%S"]),
)
@settings(max_examples=50, deadline=None)
def test_digits_with_a_year_of_two_are_never_taken_for_epoch_numbers(
    tmp_path_factory: pytest.TempPathFactory, moments: list[datetime], form: str
) -> None:
    times = sorted({moment.strftime(form) for moment in moments})
    path = written(tmp_path_factory.mktemp("short"), HEADER + days(*times))
    told, candles = "", 0
    try:
        found = candles_of(path, symbol="A")
        told, candles = str(found.reasons), len(found.candles)
    except PlatformError as refused:
        told = str(refused)
    assert f"--date-format {form}" in told or "a year of two digits" in told
    assert candles == 0
    read = candles_of(path, symbol="A", date_format=form)
    assert [candle.timestamp for candle in read.candles] == [datetime.strptime(each, form).replace(tzinfo=UTC) for each in times]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (HEADER + "2024-01-02,10,12,9,11,500\n2024-01-03,10,12,9,11,5", True),
        (HEADER + "2024-01-02,10,12,9,11,500\n2024-01-03,10,12,9,11,5\n", False),
        # What may be cut here is used by nobody.
        (NOTED + "2024-01-02,10,12,9,11,500,a\n2024-01-03,10,12,9,11,5,b", False),
    ],
)
def test_a_last_number_that_may_be_cut_off_is_told(tmp_path: Path, content: str, told: bool) -> None:
    found = candles_of(written(tmp_path, content), symbol="A")
    assert len(found.candles) == 2
    assert ("no line end after the last row" in found.read_as) is told


def test_epoch_numbers_are_read_as_before_where_no_day_is_written_like_that(tmp_path: Path) -> None:
    found = candles_of(written(tmp_path, HEADER + days("1201020960", "1704153600")), symbol="A")
    assert [candle.timestamp.year for candle in found.candles] == [2008, 2024]


@pytest.mark.parametrize("day", ["0024-01-02", "0024/01/02", "00240102", "Jan 2, 0024", "0201-01-02"])
def test_a_year_that_lost_its_century_is_no_year(tmp_path: Path, day: str) -> None:
    found = candles_of(written(tmp_path, HEADER + f'"{day}",10,12,9,11,5\n' + days("1730-01-02")), symbol="A")
    assert [candle.timestamp.year for candle in found.candles] == [1730]
    assert [line for line, _ in found.reasons] == [2]


@pytest.mark.parametrize("name", ["nan", "NaN", "null", "None", "<NA>", "#N/A", "#REF!", "-"])
def test_a_word_for_nothing_is_no_symbol(tmp_path: Path, name: str) -> None:
    found = candles_of(written(tmp_path, "symbol," + HEADER + f"{name}," + days("2024-01-02") + "NA," + days("2024-01-02")))
    assert [candle.symbol for candle in found.candles] == ["NA"]
    assert found.reasons == [(2, f"symbol is missing: {name!r}")]


@pytest.mark.parametrize("field", ['="005930"', '"=""005930"""', ' ="005930" '])
def test_text_that_a_spreadsheet_must_not_change_is_that_text(tmp_path: Path, field: str) -> None:
    found = candles_of(written(tmp_path, "symbol," + HEADER + f'{field},="2024-01-02",="10",12,9,11,5\n'))
    assert [candle.symbol for candle in found.candles] == ["005930"]
    assert found.candles[0].timestamp == datetime(2024, 1, 2, tzinfo=UTC)


def test_a_quoted_field_may_go_on_in_the_next_lines_and_they_are_no_rows(tmp_path: Path) -> None:
    note = '"see\n2024-01-05,99,99,99,99,99,x\n2024-01-06,98,98,98,98,98,end"'
    content = NOTED + f'2024-01-02,10,12,9,11,5,{note}\n2024-01-03,10,12,9,11,5,"said ""so"""\n2024-01-04,oops,12,9,11,5,x\n'
    found = candles_of(written(tmp_path, content), symbol="A")
    assert [candle.timestamp.day for candle in found.candles] == [2, 3]
    assert found.reasons == [(6, "open is not a number: 'oops'")]


def test_a_quotation_mark_that_is_never_closed_costs_its_own_row_alone(tmp_path: Path) -> None:
    rows = "".join(f"{datetime(2024, 1, 3, tzinfo=UTC) + timedelta(days=number):%Y-%m-%d},10,12,9,11,5,x\n" for number in range(200))
    found = candles_of(written(tmp_path, NOTED + '2024-01-02,10,12,9,11,5,"open\n' + rows), symbol="A")
    assert len(found.candles) == 200
    assert found.reasons == [(2, "quotes don't match")]


@pytest.mark.parametrize("zone", ["CET", "EET", "WET", "MET"])
def test_winters_time_in_summer_is_ambiguous(tmp_path: Path, zone: str) -> None:
    found = candles_of(written(tmp_path, HEADER + days(f"2024-01-02 12:00 {zone}", f"2024-07-02 12:00 {zone}")), symbol="A")
    assert [candle.timestamp.month for candle in found.candles] == [1]
    assert found.reasons == [(3, f"{zone} beside a time in summer is ambiguous: give an offset")]


@pytest.mark.parametrize("after", ["+09:00", "-05:00", "+09", "-0500"])
def test_an_offset_after_a_day_is_no_time_of_day(tmp_path: Path, after: str) -> None:
    found = candles_of(written(tmp_path, HEADER + days(f"2024-01-02{after}", "2024-01-02-09:30:00")), symbol="A")
    assert [candle.timestamp for candle in found.candles] == [datetime(2024, 1, 2, 9, 30, tzinfo=UTC)]
    assert [line for line, _ in found.reasons] == [2]


def test_two_files_of_one_name_in_an_archive_are_both_read(tmp_path: Path) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        archive.writestr("a.csv", HEADER + days("2024-01-02"))
        archive.writestr("a.csv", HEADER + days("2024-01-03"))
    found = candles_of(written(tmp_path, made.getvalue()), symbol="A")
    assert [candle.timestamp.day for candle in found.candles] == [2, 3]
    assert found.rejects == []


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_an_archive_that_looks_like_a_table_is_named(tmp_path: Path, pack: Any) -> None:
    # The first line's first field is the archive's header; an index column would hide that.
    assert "a tar archive" in refusal(tmp_path, pack(tarred(("," + HEADER + "0," + days("2024-01-02")).encode())))


@pytest.mark.parametrize("inner", [b"PK\x03\x04...", b"PAR1....PAR1", gzip.compress(b"x")])
def test_an_archive_in_an_archive_is_named(tmp_path: Path, inner: bytes) -> None:
    assert "unpack it first" in refusal(tmp_path, gzip.compress(inner))


def test_a_table_before_the_one_that_fits_is_not_passed_over(tmp_path: Path) -> None:
    other = "date,open,high,low,close\n2024-01-01,1,2,1,2\n\n"
    assert "a line before the header looks like data: 2024-01-01,1,2,1,2" in refusal(tmp_path, other + HEADER + days("2024-01-02"))


def test_another_table_of_the_same_width_is_not_read_by_the_first_ones_header(tmp_path: Path) -> None:
    other = "date,bid,ask,low,last,trades\n2024-01-03,10,12,9,11,5\n"
    assert "a second header, with other columns" in refusal(tmp_path, HEADER + days("2024-01-02") + other)


def test_a_lone_carriage_return_is_told(tmp_path: Path) -> None:
    found = candles_of(written(tmp_path, HEADER + days("2024-01-02") + days("2024-01-03").strip() + "\r" + days("2024-01-04")), symbol="A")
    assert [candle.timestamp.day for candle in found.candles] == [2]
    assert found.reasons == [(3, "a carriage return inside of the row")]


def parquet(folder: Path, zone: str, *moments: datetime, **columns: Any) -> Path:
    pa, path = arrow(), folder / "a.parquet"
    prices = {name: pa.array([10.5] * len(moments)) for name in ("open", "high", "low", "close", "volume")}
    arrow("parquet").write_table(pa.table({"time": pa.array(moments, pa.timestamp("ns", tz=zone)), **prices, **columns}), path)
    return path


def test_days_of_a_zone_in_parquet_are_told_as_in_a_text(tmp_path: Path) -> None:
    """Pandas writes an exchange's days as its midnights, which Parquet keeps in UTC: 2 January in Seoul would become the 1st."""
    path = parquet(tmp_path, "Asia/Seoul", datetime(2024, 1, 1, 15, tzinfo=UTC), datetime(2024, 1, 2, 15, tzinfo=UTC))
    with pytest.raises(PlatformError, match="every time is a midnight") as caught:
        candles_of(path, symbol="A")
    assert "--days local stores 2024-01-02" in caught.value.next_step
    assert [candle.timestamp for candle in candles_of(path, symbol="A", days="local").candles] == [
        datetime(2024, 1, 2, tzinfo=UTC),
        datetime(2024, 1, 3, tzinfo=UTC),
    ]
    assert candles_of(path, symbol="A", days="utc").candles[0].timestamp == datetime(2024, 1, 1, 15, tzinfo=UTC)


@pytest.mark.parametrize("zone", ["Asia/Seoul", "America/New_York", "+09:00", "+09", "UTC"])
def test_moments_in_parquet_stay_what_they_are_in_every_zone(tmp_path: Path, zone: str) -> None:
    # Seoul's clocks were 8:27:52 ahead until 1908.
    moments = [datetime(1905, 1, 1, 15, 0, 1, tzinfo=UTC), datetime(2024, 7, 1, 4, 0, 0, 123456, tzinfo=UTC)]
    assert [candle.timestamp for candle in candles_of(parquet(tmp_path, zone, *moments), symbol="A").candles] == moments


def test_a_column_of_parquet_that_is_no_number_is_named(tmp_path: Path) -> None:
    path = parquet(tmp_path, "UTC", datetime(2024, 1, 2, tzinfo=UTC), open=arrow().array([[1.5]]))
    with pytest.raises(PlatformError, match="column 'open' is of type list"):
        candles_of(path, symbol="A")
