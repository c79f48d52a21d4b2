"""Files after public bug reports: loaded as they say, or refused with the option that decides; never another value in silence."""

from __future__ import annotations

import gzip
import io
import zipfile
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from core.errors import PlatformError
from tests.support.candle_reading import candles_of

DATA = Path(__file__).parents[2] / "data" / "candle_files"
ANGLES = {name: f"<{name.upper()}>" for name in ("open", "high", "low", "close")}


@pytest.mark.parametrize(
    ("name", "start", "read_as"),
    [
        ("binance-futures-ms.csv", datetime(2017, 12, 1, tzinfo=UTC), "epoch ms"),
        ("binance-futures-us.csv", datetime(2025, 1, 1, tzinfo=UTC), "epoch us"),
        ("binance-seconds.csv", datetime(2017, 12, 1, tzinfo=UTC), "epoch s"),
    ],
)
@pytest.mark.parametrize("mapping", [{}, {"timestamp": "open_time"}], ids=["known", "mapped"])
def test_epoch_numbers_are_their_moments(name: str, start: datetime, read_as: str, mapping: dict[str, str]) -> None:
    found = candles_of(DATA / name, symbol="BTCUSDT", mapping=mapping)
    assert [candle.timestamp for candle in found.candles] == [start + timedelta(minutes=number) for number in range(30)]
    assert found.rejects == []
    assert found.rounded == 30  # volumes have eight decimals
    assert read_as in found.read_as


def test_a_file_without_a_header_is_told_and_read_when_its_columns_are_named() -> None:
    path = DATA / "binance-spot.csv"
    with pytest.raises(PlatformError, match="no header line: its first line looks like data") as caught:
        candles_of(path, symbol="BTCUSDT")
    assert "--format binance-spot" in caught.value.next_step
    assert "--no-header --map timestamp=1,open=2" in caught.value.next_step
    by_name = candles_of(path, symbol="BTCUSDT", format="binance-spot")
    places = {"timestamp": "1", "open": "2", "high": "3", "low": "4", "close": "5", "volume": "6"}
    by_place = candles_of(path, symbol="BTCUSDT", no_header=True, mapping=places)
    assert len(by_name.candles) == 30
    assert by_name.candles == by_place.candles == candles_of(DATA / "binance-futures-ms.csv", symbol="BTCUSDT").candles


@pytest.mark.parametrize("pack", ["zip", "gzip"])
def test_archives_are_opened(tmp_path: Path, pack: str) -> None:
    data = (DATA / "binance-futures-ms.csv").read_bytes()
    path = tmp_path / "candles"
    if pack == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a/one.csv", data)
            archive.writestr("two.CSV", data.replace(b"15120", b"15130"))
            archive.writestr("__MACOSX/._one.csv", b"\0")
    else:
        path.write_bytes(gzip.compress(data))
    assert len(candles_of(path, symbol="BTCUSDT").candles) == (60 if pack == "zip" else 30)


def test_files_of_one_archive_can_not_overwrite_each_other(tmp_path: Path) -> None:
    path = tmp_path / "two coins.zip"
    path.write_bytes(
        zipped(**{"BTC.csv": (DATA / "binance-futures-ms.csv").read_bytes(), "ETH.csv": (DATA / "binance-seconds.csv").read_bytes()})
    )
    found = candles_of(path, symbol="BTCUSDT")
    assert len(found.candles) == 30
    assert {reason for _, reason in found.reasons} == {"duplicate of an earlier row"}


def zipped(**files: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return made.getvalue()


@pytest.mark.parametrize(
    ("data", "message", "hint"),
    [
        (zipped(**{"a.csv": b"x", "notes.md": b"x"}), "more than CSV files: notes.md", "name the files of candles"),
        (zipped(**{"a\x1b[2J.pdf": b"x"}), "no CSV file: a?[2J.pdf", "name the files of candles"),
        (zipped(**{"[Content_Types].xml": b"x", "a.csv": b"x"}), "no readable candles", "Excel workbook"),
        (zipped(**{"a.csv": b""}), "files of the archive are empty", "fetch it again"),
        (zipped(**{"a.csv": b"x,y\n1,2\n"}), "header doesn't give", "--map"),
        (b"PK\x03\x04 cut off", "zip archive is damaged", "fetch it again"),
        (b"\n <!DOCTYPE html><html>", "no readable candles", "web page"),
        (b'[{"open": 1}]', "no readable candles", "JSON"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "no readable candles", "Excel workbook"),
        (b"BZh91AY", "no readable candles", "bzip2"),
    ],
)
def test_what_is_no_table_is_named(tmp_path: Path, data: bytes, message: str, hint: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(data)
    with pytest.raises(PlatformError) as caught:
        candles_of(path, symbol="A")
    assert message in str(caught.value)
    assert hint in caught.value.next_step
    assert str(caught.value).replace("\n", "").isprintable()


def test_a_price_that_the_table_can_not_hold_is_put_aside() -> None:
    found = candles_of(DATA / "shib-1d.csv")
    assert found.candles == []
    assert len(found.rejects) == 30
    assert found.reasons[0] == (
        2,
        "open 0.00000007 would be rounded to 0: the table keeps 4 decimals; give the price of 1000 units or more",
    )
    assert candles_of(DATA / "shib-1d.csv", round=True).candles == []


def test_a_price_of_more_decimals_is_rounded_only_where_the_user_says_so() -> None:
    found = candles_of(DATA / "fx-5-decimals.csv")
    assert found.candles == []
    assert found.reasons[0] == (2, "open 1.08181 has more than the 4 decimals that the table keeps: --round would store 1.0818")
    rounded = candles_of(DATA / "fx-5-decimals.csv", round=True)
    assert (len(rounded.candles), rounded.rounded, rounded.rejects) == (30, 30, [])
    assert rounded.candles[0].open == Decimal("1.0818")


@pytest.mark.parametrize("mapped", [True, False])
def test_days_and_times_of_day_in_two_columns_are_one_moment(mapped: bool) -> None:
    mapping = {"symbol": "<TICKER>", "timestamp": "<DATE>", **ANGLES, "volume": "<VOL>"} if mapped else {}
    found = candles_of(DATA / "stooq-two-columns.txt", mapping=mapping)
    start = datetime(2020, 4, 3, 14, tzinfo=UTC)
    assert [candle.timestamp for candle in found.candles] == [start + timedelta(minutes=number) for number in range(15)]
    assert {candle.symbol for candle in found.candles} == {"SPY.US"}
    mapping = {"timestamp": "<DATE>", **ANGLES, "volume": "<TICKVOL>"} if mapped else {}
    found = candles_of(DATA / "mt5-two-columns-utf16.csv", symbol="EURUSD", mapping=mapping)
    assert [candle.timestamp for candle in found.candles] == [start + timedelta(minutes=number) for number in range(15)]
    assert found.candles[0].volume == 120


def test_a_day_before_its_month_stays_so() -> None:
    found = candles_of(DATA / "dukascopy-gmt-time.csv", symbol="EURUSD", mapping={"timestamp": "Gmt time"})
    start = datetime(2020, 4, 3, 14, tzinfo=UTC)
    assert [candle.timestamp for candle in found.candles] == [start + timedelta(minutes=number) for number in range(15)]


def test_german_numbers_are_read_by_the_whole_file() -> None:
    mapping = {"timestamp": "Datum", "open": "Erster", "high": "Hoch", "low": "Tief", "close": "Schlusskurs", "volume": "Stuecke"}
    found = candles_of(DATA / "dax.csv", symbol="DAX", mapping=mapping)
    assert [tuple(map(str, candle[2:])) for candle in found.candles] == [
        ("1355.9000", "1361.2000", "1349.1000", "1360.0000", "12345.0000"),
        ("1355.0000", "1360.0000", "1350.0000", "1357.0000", "12345.0000"),
        ("998.5000", "1001.2500", "995.0000", "1000.0000", "8000.0000"),
        ("1400.0000", "1410.0000", "1390.0000", "1405.0000", "1234567.0000"),
    ]


def test_symbols_of_all_kinds_stay_what_they_are() -> None:
    found = candles_of(DATA / "odd-symbols.csv")
    assert found.rejects == []
    assert {"NA", "NULL", "TRUE", "BTC/USDT:USDT", "BRK B", "삼성전자"} < {candle.symbol for candle in found.candles}
    assert len(found.candles) == 12
