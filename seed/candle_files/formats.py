"""Common export formats: recognized by their headers, or named with `--format` if they have none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from core.errors import PlatformError
from seed.candle_files.moments import EPOCHS, Form

_OHLC = ("open", "high", "low", "close")
_KLINES = (
    "open_time",
    *_OHLC,
    "volume",
    "close_time",
    "quote_volume",
    "count",
    "taker_buy_volume",
    "taker_buy_quote_volume",
    "ignore",
)
_ANGLES = {name: f"<{name.upper()}>" for name in _OHLC}


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One form of a source's files.

    `headers` maps the table's columns, and `clock` for a time of day in a separate column, to the source's headers. A file whose header
    has all of `signature`, letter by letter, is of this form. `bare` are the columns of files without a header.
    `forms` and `timezone` are set if the source always writes its times in that way; numbers have a decimal point
    if fields are separated by the source's `delimiter`.
    """

    name: str
    source: str
    headers: Mapping[str, str] = field(hash=False)
    signature: tuple[str, ...] = ()
    bare: tuple[str, ...] = ()
    forms: tuple[Form, ...] = ()
    timezone: str = ""
    delimiter: str = ","
    remark: str = ""

    def fits(self, header: Sequence[str]) -> bool:
        """Whether the header is this source's."""
        return bool(self.signature) and set(self.signature) <= {name.strip() for name in header}


def _plain(**headers: str) -> dict[str, str]:
    return {**{name: name for name in (*_OHLC, "volume")}, **headers}


FORMATS: tuple[Format, ...] = (
    Format(
        name="yahoo",
        source="Yahoo Finance, daily history",
        headers=_plain(timestamp="Date"),
        signature=("Date", "Open", "High", "Low", "Close", "Adj Close", "Volume"),
        remark="`Close` is taken, which Yahoo adjusts for splits; `Adj Close` (dividends too) with `--map 'close=Adj Close'`",
    ),
    Format(
        name="stooq",
        source="Stooq, bulk files",
        headers={**_ANGLES, "symbol": "<TICKER>", "timestamp": "<DATE>", "clock": "<TIME>", "volume": "<VOL>"},
        signature=("<TICKER>", "<PER>", "<DATE>", "<TIME>", "<OPEN>", "<HIGH>", "<LOW>", "<CLOSE>", "<VOL>"),
        remark="times are the exchange's: give `--timezone`",
    ),
    Format(
        name="stooq",
        source="Stooq, one symbol, Polish",
        headers={
            "timestamp": "Data",
            "open": "Otwarcie",
            "high": "Najwyzszy",
            "low": "Najnizszy",
            "close": "Zamkniecie",
            "volume": "Wolumen",
        },
        signature=("Data", "Otwarcie", "Najwyzszy", "Najnizszy", "Zamkniecie", "Wolumen"),
    ),
    Format(name="stooq", source="Stooq, one symbol, English", headers=_plain(timestamp="Date"), remark="no header of its own: name it"),
    Format(
        name="binance-futures",
        source="Binance, klines of futures",
        headers=_plain(timestamp="open_time"),
        signature=("open_time", *_OHLC, "volume", "close_time", "taker_buy_volume"),
        forms=tuple(EPOCHS),
        remark="epoch ms or µs, by the numbers",
    ),
    Format(
        name="binance-spot",
        source="Binance, klines of the spot market",
        headers=_plain(timestamp="open_time"),
        bare=_KLINES,
        forms=tuple(EPOCHS),
        remark="no header: name it; epoch ms, since 2025 µs",
    ),
    Format(
        name="dukascopy",
        source="Dukascopy, JForex and web export",
        headers=_plain(timestamp="Gmt time"),
        signature=("Gmt time", "Open", "High", "Low", "Close", "Volume"),
        forms=(Form.DMY,),
        timezone="UTC",
    ),
    Format(
        name="dukascopy",
        source="Dukascopy, local time",
        headers=_plain(timestamp="Local time"),
        signature=("Local time", "Open", "High", "Low", "Close", "Volume"),
        forms=(Form.DMY,),
        remark="each time says its offset",
    ),
    Format(
        name="dukascopy",
        source="Dukascopy, Eastern European time",
        headers=_plain(timestamp="Time (EET)"),
        signature=("Time (EET)", "Open", "High", "Low", "Close"),
        timezone="EET",
        forms=(Form.YMD,),
    ),
    Format(
        name="metatrader5",
        source="MetaTrader 5, bars",
        headers={**_ANGLES, "timestamp": "<DATE>", "clock": "<TIME>", "volume": "<TICKVOL>"},
        signature=("<DATE>", "<TIME>", "<OPEN>", "<HIGH>", "<LOW>", "<CLOSE>", "<TICKVOL>", "<VOL>", "<SPREAD>"),
        forms=(Form.YMD,),
        delimiter="\t",
        remark="`<TICKVOL>` is taken; `<VOL>` with `--map 'volume=<VOL>'`; times are the server's: give `--timezone`",
    ),
    Format(
        name="metatrader5",
        source="MetaTrader 5, days",
        headers={**_ANGLES, "timestamp": "<DATE>", "volume": "<TICKVOL>"},
        signature=("<DATE>", "<OPEN>", "<HIGH>", "<LOW>", "<CLOSE>", "<TICKVOL>", "<VOL>", "<SPREAD>"),
        forms=(Form.YMD,),
        delimiter="\t",
    ),
    Format(
        name="metatrader4",
        source="MetaTrader 4, history centre",
        headers={**_plain(timestamp="date"), "clock": "time"},
        bare=("date", "time", *_OHLC, "volume"),
        forms=(Form.YMD,),
        remark="no header: name it; times are the server's: give `--timezone`",
    ),
    Format(
        name="tradingview",
        source="TradingView, chart data",
        headers=_plain(timestamp="time"),
        signature=("time", *_OHLC, "Volume"),
        forms=(Form.SECONDS, Form.ISO),
        remark="epoch s, or ISO with an offset",
    ),
    Format(
        name="krx",
        source="KRX, one issue by day",
        headers={"timestamp": "일자", "open": "시가", "high": "고가", "low": "저가", "close": "종가", "volume": "거래량"},
        signature=("일자", "시가", "고가", "저가", "종가", "거래량"),
        forms=(Form.YMD,),
        remark="CP949 is known by these words; `일자` is the exchange's day",
    ),
    Format(
        name="kaggle",
        source="Kaggle, S&P 500 by year (`Name`)",
        headers=_plain(timestamp="date", symbol="Name"),
        signature=("date", *_OHLC, "volume", "Name"),
    ),
    Format(
        name="kaggle",
        source="Kaggle, Bitcoin by minute (`Volume_(BTC)`)",
        headers=_plain(timestamp="Timestamp", volume="Volume_(BTC)"),
        signature=("Timestamp", "Open", "High", "Low", "Close", "Volume_(BTC)", "Volume_(Currency)"),
        forms=(Form.SECONDS,),
    ),
    Format(
        name="kaggle",
        source="Kaggle, US stocks and funds (`OpenInt`)",
        headers=_plain(timestamp="Date"),
        signature=("Date", "Open", "High", "Low", "Close", "Volume", "OpenInt"),
    ),
    Format(
        name="kaggle",
        source="Kaggle, cryptocurrencies (`Marketcap`)",
        headers=_plain(timestamp="Date", symbol="Symbol"),
        signature=("SNo", "Name", "Symbol", "Date", "High", "Low", "Open", "Close", "Volume", "Marketcap"),
    ),
    Format(
        name="pandas",
        source="pandas and yfinance, a header of two or three lines",
        headers=_plain(timestamp=""),
        remark="each ticker of the header is read as a symbol",
    ),
    Format(
        name="cryptodatadownload",
        source="CryptoDataDownload",
        headers=_plain(timestamp="unix", symbol="symbol"),
        signature=("unix", "date", "symbol", *_OHLC),
        forms=tuple(EPOCHS),
        remark="name the volume: `--map 'volume=Volume BTC'`",
    ),
    Format(
        name="nasdaq",
        source="Nasdaq, historical quotes",
        headers=_plain(timestamp="Date", close="Close/Last"),
        signature=("Date", "Close/Last", "Volume", "Open", "High", "Low"),
        forms=(Form.MDY,),
    ),
    Format(
        name="investing",
        source="Investing.com, history",
        headers=_plain(timestamp="Date", close="Price", volume="Vol."),
        signature=("Date", "Price", "Open", "High", "Low", "Vol."),
        remark="the order of day and month follows the site's edition: `--date-format` where the file doesn't tell",
    ),
)


def named(name: str) -> tuple[Format, ...]:
    """The forms of that name; PlatformError if there is none."""
    forms = tuple(known_format for known_format in FORMATS if known_format.name == name)
    if not forms:
        known = ", ".join(dict.fromkeys(known_format.name for known_format in FORMATS))
        raise PlatformError(f"there is no format {name!r}", where="seed.market", next_step=f"--format takes {known}")
    return forms


def recognized(header: Sequence[str], name: str | None) -> Format | None:
    """The form that fits the header, among all or those called `name`: the one with the longest signature."""
    fitting = [candidate for candidate in (named(name) if name else FORMATS) if candidate.fits(header)]
    return max(fitting, key=lambda candidate: len(candidate.signature), default=None)
