"""Finds a text's header: after lines about the file, over one line or several, or not at all."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import PlatformError
from seed.candle_files.columns import Columns, match_header
from seed.candle_files.formats import Format, named, recognized
from seed.candle_files.options import LoadOptions
from seed.candle_files.verdicts import printable

_DELIMITERS = ",;\t|"
_LINES = 60
DATUM = re.compile(r"[+-]?[\d.,:/ '\u00a0\u202f-]*\d[\d.,:/ 'TZ+-]*|[+-]?\d+(\.\d*)?[eE][+-]?\d+|nan|null|", re.IGNORECASE)
_PRICES = frozenset({"open", "high", "low", "close", "adj close", "volume"})


@dataclass(frozen=True, slots=True)
class Header:
    """`names` are the fields' names; data begin after `lines` lines. `series` are the candles in each row: usually one."""

    names: tuple[str, ...]
    lines: int
    delimiter: str
    series: tuple[Columns, ...]
    format: Format | None = None


def find_header(text: str, options: LoadOptions, where: str) -> Header:
    """The header at the beginning of a text.

    Raises PlatformError if there is none, or if it lacks a column.
    """
    lines = [line.rstrip("\r") for line in text.split("\n")[:_LINES]]
    declared = re.fullmatch(r"sep=([,;\t|:^~])", lines[0].strip().strip('"'), re.IGNORECASE)
    delimiter, begin = (declared[1], 1) if declared else ("", 0)
    forced = named(options.format) if options.format else ()
    bare = next((option for option in forced if option.bare), None)
    written = [number for number in range(begin, len(lines)) if lines[number].strip()]
    if not written:
        raise PlatformError("the file has no header line", where=where, next_step="its first line must name the columns")
    first = written[0]
    if options.no_header or (bare and _is_data(_fields(lines[first], delimiter))):
        return _bare(lines[first], first, delimiter, bare, options, where)
    problem: PlatformError | None = None
    widest = 0
    for number in written:
        parting = _delimiter(lines[number], delimiter)
        names = _fields(lines[number], parting)
        stacked = _stacked([_fields(line, parting) for line in lines[number : number + 3]], options, where)
        if stacked:
            height, series = stacked
            return Header(tuple(names), number + height, parting, series, named("pandas")[0])
        try:
            columns, format_ = match(names, options, where, _fields("".join(lines[number + 1 : number + 2]), parting))
        except PlatformError as error:
            if len(names) > widest and not _is_data(names):  # a title above the table has fewer
                problem, widest = error, len(names)
            continue
        _refuse_data_before(lines[:number], parting, where)
        return Header(tuple(names), number + 1, parting, (columns,), format_)
    fields = _fields(lines[first], delimiter)
    if _is_data(fields):
        raise _no_header(fields, first + 1, where)
    raise problem or _no_header(fields, first + 1, where)


def match(names: Sequence[str], options: LoadOptions, where: str, example: Sequence[str] = ()) -> tuple[Columns, Format | None]:
    """The columns in a header, and its known form; `example` is the row after it."""
    format_ = recognized(names, options.format)
    if format_ is None and options.format:
        format_ = _fitting(names, options)
    return match_header(names, options, where, format_, example), format_


def _fitting(names: Sequence[str], options: LoadOptions) -> Format | None:
    """The form with the chosen name whose headers exist."""
    lowered = {name.strip().lower() for name in names}
    for candidate in named(options.format or ""):
        needed = {header.lower() for column, header in candidate.headers.items() if column not in options.mapping}
        if needed - {""} <= lowered:
            return candidate
    return named(options.format or "")[0]


def _delimiter(line: str, delimiter: str) -> str:
    return delimiter or max(_DELIMITERS, key=line.count)


def _fields(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=_delimiter(line, delimiter)), [])
    except csv.Error:
        return [line]


def _is_data(fields: Sequence[str]) -> bool:
    written = [field.strip() for field in fields if field.strip()]
    return len(written) >= 4 and sum(bool(DATUM.fullmatch(field)) for field in written) >= max(4, len(written) - 2)


def _refuse_data_before(lines: Sequence[str], delimiter: str, where: str) -> None:
    """Whatever their number of fields: it may be another table, whose header lacks a column."""
    for number, line in enumerate(lines, 1):
        if _is_data(_fields(line, delimiter)):
            raise PlatformError(
                f"a line before the header looks like data: {printable(line, 80)}",
                where=f"{where}, line {number}",
                next_step="put the header first, or remove the line",
            )


def _no_header(fields: Sequence[str], line: int, where: str) -> PlatformError:
    known = ""
    if len(fields) == 12 and fields[0].isdigit() and fields[6].isdigit() and int(fields[6]) > int(fields[0]):
        known = "it looks like Binance's klines: --format binance-spot reads them; else "
    elif len(fields) == 7 and re.fullmatch(r"\d{4}\.\d\d\.\d\d", fields[0]) and re.fullmatch(r"\d\d:\d\d", fields[1]):
        known = "it looks like MetaTrader 4: --format metatrader4 reads it; else "
    return PlatformError(
        f"the file has no header line: its first line looks like data: {printable(','.join(fields), 80)}",
        where=f"{where}, line {line}",
        next_step=f"{known}say which column is which, from 1: --no-header --map timestamp=1,open=2,high=3,low=4,close=5,volume=6",
    )


def _bare(line: str, number: int, delimiter: str, bare: Format | None, options: LoadOptions, where: str) -> Header:
    """Columns given by their places, or by a known form."""
    width = len(_fields(line, delimiter))
    names = [str(place) for place in range(1, width + 1)]
    if bare is not None:
        if width != len(bare.bare):
            raise PlatformError(
                f"the file has {width} columns, {bare.name} has {len(bare.bare)}",
                where=f"{where}, line {number + 1}",
                next_step="give another --format",
            )
        names = list(bare.bare)
    elif not options.mapping:
        raise PlatformError(
            "--no-header needs to know which column is which",
            where=where,
            next_step="count them from 1: --map timestamp=1,open=2,high=3,low=4,close=5,volume=6",
        )
    return Header(tuple(names), number, _delimiter(line, delimiter), (match_header(names, options, where, bare),), bare)


def _stacked(rows: Sequence[Sequence[str]], options: LoadOptions, where: str) -> tuple[int, tuple[Columns, ...]] | None:
    """A header of pandas: prices in one line, tickers in another, and perhaps the index' name in a third; its height and series."""
    if len(rows) < 3 or len({len(row) for row in rows[:2]}) != 1 or len(rows[0]) < 5:
        return None
    ordered = next(
        ((one, two) for one, two in ((rows[0], rows[1]), (rows[1], rows[0])) if {row.lower() for row in one[1:]} <= _PRICES), None
    )
    if ordered is None or rows[0][0] not in {"", "Price", "Ticker"} or rows[1][0] not in {"", "Price", "Ticker"}:
        return None
    prices, tickers = ordered
    if _is_data(tickers[1:]) or not all(ticker.strip() for ticker in tickers[1:]):
        return None
    symbols = list(dict.fromkeys(tickers[1:]))
    if options.symbol is not None and len(symbols) > 1:
        raise PlatformError(
            f"--symbol is given, but the file has {len(symbols)}: {printable(', '.join(symbols), 80)}",
            where=where,
            next_step="leave out --symbol",
        )
    height = 3 if not any(field.strip() for field in rows[2][1:]) else 2
    series = []
    for symbol in symbols:
        names = ["timestamp", *(price if ticker == symbol else "" for price, ticker in zip(prices[1:], tickers[1:], strict=True))]
        columns = match_header(names, options.without_symbol(), where, None)
        series.append(Columns(columns.places, None, options.symbol or symbol))
    return height, tuple(series)
