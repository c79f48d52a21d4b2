from __future__ import annotations

import pytest

from core.errors import PlatformError
from seed.candle_files.columns import match_header
from seed.candle_files.options import LoadOptions, parse_mapping

HEADER = ["Ticker", "Date", "Open", "High", "Low", "Close", "Volume", "Adj Close"]


def test_usual_headers_need_no_mapping() -> None:
    assert match_header(HEADER, LoadOptions(), "a.csv").places == {
        "symbol": 0,
        "timestamp": 1,
        "open": 2,
        "high": 3,
        "low": 4,
        "close": 5,
        "volume": 6,
    }


def test_a_mapping_wins_over_the_usual_header() -> None:
    assert match_header(HEADER, LoadOptions(mapping={"close": "Adj Close"}), "a.csv").places["close"] == 7


def test_a_given_symbol_needs_no_column() -> None:
    places = match_header(HEADER[1:], LoadOptions(symbol="IBM"), "a.csv").places
    assert "timestamp" in places
    assert "symbol" not in places


@pytest.mark.parametrize(
    ("header", "problem"),
    [(HEADER[1:], "symbol (missing)"), ([*HEADER, "open"], "open (named twice)"), (["a", "b"], "volume (missing)")],
)
def test_what_a_header_lacks_is_named(header: list[str], problem: str) -> None:
    with pytest.raises(PlatformError) as caught:
        match_header(header, LoadOptions(), "a.csv")
    assert problem in str(caught.value)
    assert "--map" in caught.value.next_step


def test_mappings_are_read_as_written() -> None:
    assert parse_mapping("open=Open price, timestamp = Date,") == {"open": "Open price", "timestamp": "Date"}


@pytest.mark.parametrize("text", ["open", "open=", "=x", "open=a,open=b"])
def test_mappings_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(PlatformError, match="is invalid"):
        parse_mapping(text)


@pytest.mark.parametrize("pattern", ["%d/%m/%y", "%Y-%m-%dT%H:%M%z", "%d %b %Y %I:%M %p", "%Y%j", "dmy"])
def test_patterns_that_give_a_day_are_taken(pattern: str) -> None:
    assert LoadOptions(date_format=pattern).date_format == pattern


def test_bad_options_are_refused_before_any_file_is_opened() -> None:
    for make, what in (
        (lambda: LoadOptions(mapping={"price": "x"}), "--map names price"),
        (lambda: LoadOptions(symbol="A", mapping={"symbol": "x"}), "contradict"),
        (lambda: LoadOptions(symbol="X" * 21), "symbol has 21 characters, 20 are allowed"),
        (lambda: LoadOptions(symbol="A\u202eB"), "a character that is not printed"),
        (lambda: LoadOptions(symbol=" "), "--symbol is empty"),
        (lambda: LoadOptions(timezone="Mars/Base"), "no time zone 'Mars/Base'"),
        (lambda: LoadOptions(timezone="../etc/passwd"), "no time zone"),
        (lambda: LoadOptions(workers=0), "at least one worker"),
        (lambda: LoadOptions(format="nonsense"), "no format 'nonsense'"),
        (lambda: LoadOptions(epoch="weeks"), "--epoch 'weeks' is unknown"),
        (lambda: LoadOptions(days="both"), "--days 'both' is unknown"),
        (lambda: LoadOptions(decimal=";"), "--decimal ';' is unknown"),
        (lambda: LoadOptions(decimal="comma", thousands=","), "name the same sign"),
        (lambda: LoadOptions(epoch="s", date_format="dmy"), "contradict"),
        (lambda: LoadOptions(date_format="day first"), "is unknown"),
        (lambda: LoadOptions(date_format="%d/%m"), "is not a day"),
        (lambda: LoadOptions(date_format="%Y-%m-%d %H:%M %Z"), "is not a day"),
        (lambda: LoadOptions(date_format="%Q"), "is not a day"),
        (lambda: LoadOptions(encoding="rot13"), "no encoding"),
        (lambda: LoadOptions(no_header=True, mapping={"open": "Open"}), "--no-header counts columns"),
    ):
        with pytest.raises(PlatformError) as caught:
            make()
        assert what in str(caught.value)
