"""A file whose header isn't understood is answered with its columns and what to type; typed, it reads the file."""

from __future__ import annotations

import re
import shlex

import pytest

from core.errors import PlatformError
from seed.candle_files.header import find_header
from seed.candle_files.options import LoadOptions, parse_mapping

ROW = "1,2,3,4,5,6,7"
CASES = {
    "other words": ("Trade date,Opening price,Day max,Day min,Settlement,Vol.,Code", "--map 'timestamp=Trade date,open=Opening price,"),
    "a symbol among them": (
        "Date,Open,High,Low,Last price,Quantity,Instrument",
        "--map 'close=Last price,volume=Quantity,symbol=Instrument'",
    ),
    "one is missing": ("Date,Open,High,Low,Final,Volume,Symbol", "--map close=HEADER"),
    "no symbol": ("Date,Open,High,Low,Close,Volume,Rank", "--symbol SYMBOL"),
    "a known format spelled otherwise": ("gmt TIME,open,high,low,close,volume,x", "--format dukascopy --symbol SYMBOL"),
    "another language": ("일자,시가,고가,저가,종가,거래량,비고", "add: --symbol SYMBOL"),
    "a title above": ("Prices of ACME\nTrade date,Open,High,Low,Close,Volume,x", "--map 'timestamp=Trade date' --symbol SYMBOL"),
}


def refused(text: str, options: LoadOptions) -> PlatformError:
    with pytest.raises(PlatformError) as caught:
        find_header(text, options, "a.csv")
    return caught.value


@pytest.mark.parametrize(("header", "typed"), CASES.values(), ids=list(CASES))
def test_what_it_says_reads_the_file(header: str, typed: str) -> None:
    text = f"{header}\n{ROW}\n{ROW}\n"
    error = refused(text, LoadOptions())
    assert typed in error.next_step
    given = shlex.split(error.next_step.partition(": ")[2].partition(";")[0].replace("HEADER", "Final").replace("SYMBOL", "ACME"))
    chosen = dict(zip(given[::2], given[1::2], strict=True))
    mapping = parse_mapping(chosen.get("--map", ""))
    options = LoadOptions(symbol=chosen.get("--symbol"), format=chosen.get("--format"), mapping=mapping)
    if typed.startswith("--map 'timestamp=Trade date,open"):
        options = LoadOptions(symbol="ACME", mapping=mapping)
    assert find_header(text, options, "a.csv").series


def test_the_columns_are_shown_with_a_value_of_each() -> None:
    error = refused("Tag,Kurs,,x\n2024-01-02,\x1b[2J12.5,7,\n", LoadOptions())
    assert "it has: Tag (2024-01-02), Kurs (?[2J12.5), no name (7), x" in error.what
    assert re.search(r"^add: --map timestamp=HEADER,.*volume=HEADER --symbol SYMBOL;", error.next_step)


def test_what_was_given_already_stays_in_what_it_says() -> None:
    error = refused("Tag,Kurs,Open,High,Low,Vol.\n" + ROW, LoadOptions(symbol="A", mapping={"timestamp": "Tag"}))
    assert error.next_step.endswith("--map timestamp=Tag,close=HEADER,volume=Vol.")


def test_a_name_that_is_there_twice_is_no_guess() -> None:
    error = refused("Date,Open,High,Low,Close,Close,Volume\n" + ROW, LoadOptions(symbol="A"))
    assert error.next_step.startswith("name another with --map close=HEADER, or leave one column")
