"""Every known format, written from random candles, is read back exactly; and no other way of writing them is misread."""

from __future__ import annotations

import codecs
import inspect
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import PlatformError
from seed.candle_files.formats import FORMATS
from seed.candles import Candle
from tests.support.candle_reading import candles_of
from tests.support.cases import drawn

EARLIEST = datetime(1975, 1, 1, tzinfo=UTC)
Written = tuple[bytes, dict[str, Any]]


@st.composite
def series(draw: st.DrawFn, *, daily: bool = False, places: int = 4, symbol: str = "A") -> list[Candle]:
    """Up to eight candles of one symbol, their times ascending."""
    step = timedelta(days=1) if daily else timedelta(minutes=draw(st.sampled_from([1, 5, 60])))
    moment = EARLIEST + timedelta(minutes=draw(st.integers(0, 26_000_000)))
    moment = moment.replace(hour=0, minute=0) if daily else moment
    candles = []
    for _ in range(draw(st.integers(1, 8))):
        prices = sorted(Decimal(draw(st.integers(1, 10**9))).scaleb(-places) for _ in range(4))
        first, last = draw(st.permutations(prices[1:3]))
        volume = Decimal(draw(st.integers(0, 10**12))).scaleb(-draw(st.sampled_from([0, 2])))
        candles.append(Candle(symbol, moment, first, prices[3], prices[0], last, volume))
        moment += step * draw(st.integers(1, 3))
    return candles


DAYS, MINUTES = series(daily=True), series()


def lines(header: str, rows: Sequence[str], ending: str = "\n") -> str:
    return ending.join([*([header] if header else []), *rows, ""])


def plain(candle: Candle) -> str:
    return ",".join(f"{each:f}" for each in candle[2:])


def short(value: Decimal) -> str:
    """As programs write a float: no zeros at the end."""
    return repr(float(value)).removesuffix(".0")


def epoch(candle: Candle, factor: int) -> int:
    return round(candle.timestamp.timestamp()) * factor


def thousands(value: Decimal, comma: str = ",", point: str = ".") -> str:
    return f"{value:,f}".replace(",", "_").replace(".", point).replace("_", comma)


def yahoo(made: list[Candle]) -> Written:
    rows = [f"{c.timestamp:%Y-%m-%d},{short(c.open)},{short(c.high)},{short(c.low)},{short(c.close)},1,{c.volume:f}" for c in made]
    return lines("Date,Open,High,Low,Close,Adj Close,Volume", rows).encode(), {"symbol": "A"}


def stooq_bulk(made: list[Candle]) -> Written:
    rows = [f"{c.symbol},5,{c.timestamp:%Y%m%d,%H%M%S},{plain(c)},0" for c in made]
    return lines("<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>", rows, "\r\n").encode(), {}


def stooq_polish(made: list[Candle]) -> Written:
    rows = [f"{c.timestamp:%Y-%m-%d},{plain(c)}" for c in made]
    return lines("Data,Otwarcie,Najwyzszy,Najnizszy,Zamkniecie,Wolumen", rows).encode(), {"symbol": "A"}


def stooq_english(made: list[Candle]) -> Written:
    rows = [f"{c.timestamp:%Y-%m-%d},{plain(c)}" for c in made]
    return lines("Date,Open,High,Low,Close,Volume", rows).encode(), {"symbol": "A", "format": "stooq"}


def klines(made: list[Candle], factor: int) -> list[str]:
    return [
        f"{epoch(c, factor)},{','.join(f'{each:.8f}' for each in c[2:])},{epoch(c, factor) + 60 * factor - 1},1.00000000,7,0.5,0.25,0"
        for c in made
    ]


def binance_futures(made: list[Candle]) -> Written:
    header = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore"
    return lines(header, klines(made, 1000)).encode(), {"symbol": "A"}


def binance_spot(made: list[Candle]) -> Written:
    return lines("", klines(made, 1000 if made[0].timestamp.year < 2000 else 1_000_000)).encode(), {"symbol": "A", "format": "binance-spot"}


def dukascopy_gmt(made: list[Candle]) -> Written:
    rows = [f"{c.timestamp:%d.%m.%Y %H:%M:%S.000},{','.join(short(each) for each in c[2:])}" for c in made]
    return lines("Gmt time,Open,High,Low,Close,Volume", rows, "\r\n").encode(), {"symbol": "A"}


def dukascopy_local(made: list[Candle]) -> Written:
    shifted = [c.timestamp + timedelta(hours=2) for c in made]
    rows = [f"{at:%d.%m.%Y %H:%M:%S.000} GMT+0200,{plain(c)}" for at, c in zip(shifted, made, strict=True)]
    return lines("Local time,Open,High,Low,Close,Volume", rows).encode(), {"symbol": "A"}


def dukascopy_eet(made: list[Candle]) -> Written:
    from zoneinfo import ZoneInfo

    # The hour that a clock has twice in autumn isn't one moment.
    rows = [f"{c.timestamp.astimezone(ZoneInfo('EET')):%Y.%m.%d %H:%M:%S},{plain(c)}" for c in made]
    return lines("Time (EET),Open,High,Low,Close,Volume ", rows).encode(), {"symbol": "A"}


def metatrader5(made: list[Candle]) -> Written:
    rows = [f"{c.timestamp:%Y.%m.%d\t%H:%M:%S}\t{plain(c)}\t0\t3".replace(",", "\t") for c in made]
    header = "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>"
    return codecs.BOM_UTF16_LE + lines(header, rows, "\r\n").encode("utf-16-le"), {"symbol": "A"}


def metatrader5_days(made: list[Candle]) -> Written:
    rows = [f"{c.timestamp:%Y.%m.%d}\t{plain(c)}\t0\t3".replace(",", "\t") for c in made]
    return lines("<DATE>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>", rows, "\r\n").encode(), {"symbol": "A"}


def metatrader4(made: list[Candle]) -> Written:
    return lines("", [f"{c.timestamp:%Y.%m.%d,%H:%M},{plain(c)}" for c in made]).encode(), {"symbol": "A", "format": "metatrader4"}


def tradingview(made: list[Candle]) -> Written:
    rows = [f"{epoch(c, 1)},{','.join(short(each) for each in c[2:6])},17.5,{short(c.volume)}" for c in made]
    return lines("time,open,high,low,close,Volume MA,Volume", rows).encode(), {"symbol": "A"}


def krx(made: list[Candle]) -> Written:
    rows = [
        f'{c.timestamp:%Y/%m/%d},"{thousands(c.close)}","1","0.1","{thousands(c.open)}","{thousands(c.high)}","{thousands(c.low)}","{thousands(c.volume)}","1","1","1"'
        for c in made
    ]
    header = "일자,종가,대비,등락률,시가,고가,저가,거래량,거래대금,시가총액,상장주식수"
    return lines(header, rows).encode("cp949"), {"symbol": "A", "timezone": "Asia/Seoul"}


def kaggle_stocks(made: list[Candle]) -> Written:
    return lines("date,open,high,low,close,volume,Name", [f"{c.timestamp:%Y-%m-%d},{plain(c)},{c.symbol}" for c in made]).encode(), {}


def kaggle_bitcoin(made: list[Candle]) -> Written:
    rows = [f"{epoch(c, 1)},{plain(c)},12.345,10.5" for c in made]
    return lines("Timestamp,Open,High,Low,Close,Volume_(BTC),Volume_(Currency),Weighted_Price", rows).encode(), {"symbol": "A"}


def kaggle_funds(made: list[Candle]) -> Written:
    return lines("Date,Open,High,Low,Close,Volume,OpenInt", [f"{c.timestamp:%Y-%m-%d},{plain(c)},0" for c in made]).encode(), {
        "symbol": "A"
    }


def kaggle_coins(made: list[Candle]) -> Written:
    rows = [f"1,Coin,{c.symbol},{c.timestamp:%Y-%m-%d %H:%M:%S},{c.high},{c.low},{c.open},{c.close},{c.volume:f},1" for c in made]
    return lines("SNo,Name,Symbol,Date,High,Low,Open,Close,Volume,Marketcap", rows).encode(), {}


def pandas(made: list[Candle]) -> Written:
    rows = [f"{c.timestamp:%Y-%m-%d},{short(c.close)},{short(c.high)},{short(c.low)},{short(c.open)},{short(c.volume)}" for c in made]
    return lines("Price,Close,High,Low,Open,Volume\nTicker,A,A,A,A,A\nDate,,,,,", rows).encode(), {}


def cryptodatadownload(made: list[Candle]) -> Written:
    rows = [f"{epoch(c, 1000)},{c.timestamp:%Y-%m-%d %H:%M:%S},{c.symbol},{plain(c)},12.5,3" for c in made]
    text = lines("https://www.CryptoDataDownload.com\nunix,date,symbol,open,high,low,close,Volume BTC,Volume USD,tradecount", rows)
    return text.encode(), {"mapping": {"volume": "Volume BTC"}}


def nasdaq(made: list[Candle]) -> Written:
    rows = [f"{c.timestamp:%m/%d/%Y},${c.close},{c.volume:f},${c.open},${c.high},${c.low}" for c in made]
    return lines("Date,Close/Last,Volume,Open,High,Low", rows).encode(), {"symbol": "A"}


def investing(made: list[Candle]) -> Written:
    rows = [
        f'"{c.timestamp:%d/%m/%Y}","{thousands(c.close)}","{thousands(c.open)}","{thousands(c.high)}","{thousands(c.low)}","{thousands(c.volume)}","0.5%"'
        for c in made
    ]
    text = lines('"Date","Price","Open","High","Low","Vol.","Change %"', rows)
    return codecs.BOM_UTF8 + text.encode(), {"symbol": "A", "date_format": "dmy"}


WRITERS: dict[tuple[str, str], tuple[Callable[[list[Candle]], Written], st.SearchStrategy[list[Candle]]]] = {
    ("yahoo", "Yahoo Finance, daily history"): (yahoo, DAYS),
    ("stooq", "Stooq, bulk files"): (stooq_bulk, MINUTES),
    ("stooq", "Stooq, one symbol, Polish"): (stooq_polish, DAYS),
    ("stooq", "Stooq, one symbol, English"): (stooq_english, DAYS),
    ("binance-futures", "Binance, klines of futures"): (binance_futures, MINUTES),
    ("binance-spot", "Binance, klines of the spot market"): (binance_spot, MINUTES),
    ("dukascopy", "Dukascopy, JForex and web export"): (dukascopy_gmt, MINUTES),
    ("dukascopy", "Dukascopy, local time"): (dukascopy_local, MINUTES),
    ("dukascopy", "Dukascopy, Eastern European time"): (dukascopy_eet, DAYS),
    ("metatrader5", "MetaTrader 5, bars"): (metatrader5, MINUTES),
    ("metatrader5", "MetaTrader 5, days"): (metatrader5_days, DAYS),
    ("metatrader4", "MetaTrader 4, history centre"): (metatrader4, MINUTES),
    ("tradingview", "TradingView, chart data"): (tradingview, MINUTES),
    ("krx", "KRX, one issue by day"): (krx, DAYS),
    ("kaggle", "Kaggle, S&P 500 by year (`Name`)"): (kaggle_stocks, DAYS),
    ("kaggle", "Kaggle, Bitcoin by minute (`Volume_(BTC)`)"): (kaggle_bitcoin, MINUTES),
    ("kaggle", "Kaggle, US stocks and funds (`OpenInt`)"): (kaggle_funds, DAYS),
    ("kaggle", "Kaggle, cryptocurrencies (`Marketcap`)"): (kaggle_coins, DAYS),
    ("pandas", "pandas and yfinance, a header of two or three lines"): (pandas, DAYS),
    ("cryptodatadownload", "CryptoDataDownload"): (cryptodatadownload, MINUTES),
    ("nasdaq", "Nasdaq, historical quotes"): (nasdaq, DAYS),
    ("investing", "Investing.com, history"): (investing, DAYS),
}


def test_every_known_format_is_tried() -> None:
    assert set(WRITERS) == {(each.name, each.source) for each in FORMATS}


@drawn(8, 40)
@pytest.mark.parametrize("key", WRITERS, ids=lambda key: f"{key[0]}: {key[1]}")
def test_what_a_source_writes_is_read_back_exactly(tmp_path: Path, key: tuple[str, str], examples: int) -> None:
    write, candles = WRITERS[key]
    path = tmp_path / "a"

    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(candles)
    def comes_back(made: list[Candle]) -> None:
        data, options = write(made)
        path.write_bytes(data)
        for more in ({}, {"format": key[0]}):  # known by its header, or named
            found = candles_of(path, **{**options, **more})
            assert found.rejects == []
            assert found.candles == made
            assert key[0] in found.read_as

    comes_back()


@pytest.mark.parametrize(
    "key", [key for key, (write, _) in WRITERS.items() if "epoch(" in inspect.getsource(write)], ids=lambda key: f"{key[0]}: {key[1]}"
)
def test_an_epoch_number_of_a_known_source_is_no_year_of_two_digits(tmp_path: Path, key: tuple[str, str]) -> None:
    """1212020040 is a second of 2008, and could be 00:40 on 2 December 2012; 100101000000 a millisecond of 1973, or a midnight of 2010."""
    path = tmp_path / "a"
    for second in (1212020040, 100101000):
        made = [Candle("A", datetime.fromtimestamp(second, UTC), *[Decimal(1)] * 5)]
        data, options = WRITERS[key][0](made)
        path.write_bytes(data)
        assert candles_of(path, **options).candles == made


def test_a_wide_table_of_pandas_holds_the_candles_of_each_ticker(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        "Ticker,A,A,A,A,A,B,B,B,B,B\nPrice,Open,High,Low,Close,Volume,Open,High,Low,Close,Volume\nDate,,,,,,,,,,\n"
        "2024-01-02,1,2,1,2,5,10,20,10,20,50\n2024-01-03,1,2,1,2,5,,,,,\n"
    )
    found = candles_of(path)
    assert [(candle.symbol, int(candle.high)) for candle in found.candles] == [("A", 2), ("A", 2), ("B", 20)]
    assert found.reasons == [(5, "open is missing")]


TIMES: dict[str, Callable[[datetime], str]] = {
    "iso": lambda at: at.strftime("%Y-%m-%d %H:%M"),
    "offset": lambda at: (at + timedelta(hours=9)).strftime("%Y-%m-%dT%H:%M+09:00"),
    "dmy": lambda at: at.strftime("%d/%m/%Y %H:%M"),
    "mdy": lambda at: at.strftime("%m/%d/%Y %I:%M %p"),
    "german": lambda at: at.strftime("%d.%m.%Y %H:%M"),
    "ymd": lambda at: at.strftime("%Y.%m.%d %H:%M:%S"),
    "named": lambda at: at.strftime("%d-%b-%Y %H:%M"),
    "short": lambda at: at.strftime("%d.%m.%y %H:%M"),
    "compact": lambda at: at.strftime("%Y%m%d%H%M%S"),
    "minutes": lambda at: at.strftime("%Y%m%d%H%M"),
    **{f"epoch {factor}": lambda at, factor=factor: str(round(at.timestamp()) * factor) for factor in (1, 10**3, 10**6, 10**9)},  # type: ignore[misc]
}


@drawn(100, 400)
def test_nothing_is_read_as_another_value_however_it_is_written(tmp_path: Path, examples: int) -> None:
    path = tmp_path / "a.csv"
    read: list[bool] = []

    @settings(max_examples=examples, deadline=None, database=None)
    @given(
        made=st.integers(0, 4).flatmap(lambda places: series(places=places)),
        time=st.sampled_from(sorted(TIMES)),
        groups=st.sampled_from(["", ",", ".", " ", "\u202f", "'"]),
        point=st.sampled_from([".", ","]),
        delimiter=st.sampled_from(";\t|"),
        encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    )
    def is_read_or_refused(made: list[Candle], time: str, groups: str, point: str, delimiter: str, encoding: str) -> None:
        def number(value: Decimal) -> str:
            return thousands(value, groups, point) if groups not in {"", point} else f"{value:f}".replace(".", point)

        rows = [delimiter.join([TIMES[time](c.timestamp), *map(number, c[2:])]) for c in made]
        path.write_bytes(lines(delimiter.join(["date", "open", "high", "low", "close", "volume"]), rows).encode(encoding))
        try:
            found = candles_of(path, symbol="A")
        except PlatformError:  # refused: nothing is read at all
            read.append(False)
            return
        read.append(bool(found.candles))
        assert len(found.candles) + len(found.rejects) == len(made)
        assert set(found.candles) <= set(made)

    is_read_or_refused()
    assert sum(read) > examples / 4  # else it would say nothing


def test_the_documents_table_names_every_known_format() -> None:
    text = (Path(__file__).parents[3] / "docs" / "market-files.md").read_text(encoding="utf-8")
    for each in FORMATS:
        (row,) = [line for line in text.splitlines() if line.startswith(f"| `{each.name}` | {each.source} |")]
        assert each.remark in row
        assert all(f"`{name}`" in row for name in each.signature)
