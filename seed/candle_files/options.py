"""The options of `seed.market`, checked before any file is opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core.errors import PlatformError
from seed.candle_files.formats import named
from seed.candle_files.moments import EPOCHS, Form
from seed.candle_files.numerals import DECIMALS, THOUSANDS
from seed.candle_files.symbols import symbol_of
from seed.candle_files.verdicts import BadRow
from seed.candles import Candle

COLUMNS = Candle._fields
ORDERS = {form.value: form for form in (Form.DMY, Form.MDY, Form.YMD)}


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOptions:
    """How files are read and written.

    `symbol` is for files of one symbol without such a column. `mapping` maps columns of the table to headers. `timezone` is an
    IANA name, for times without a zone. `strict` loads everything or nothing. `workers` is the number of writing connections.

    The others decide what a file leaves open: `format` is a known source's name, `date_format` dmy, mdy, ymd or a strptime pattern,
    `time_column` the header of a separate time of day, `epoch` a unit (s, ms, us, ns), `days` whether midnights in the east are
    days (local) or moments (utc), `decimal` and `thousands` the signs in numbers, `encoding` the text's. With `no_header`
    `mapping` counts columns from 1. `round` stores prices that have more decimals than the table, rounded and counted.
    """

    symbol: str | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    timezone: str = "UTC"
    strict: bool = False
    workers: int = 2
    rejects_file: Path | None = None
    format: str | None = None
    date_format: str = ""
    time_column: str = ""
    epoch: str = ""
    days: str = ""
    decimal: str = ""
    thousands: str = ""
    encoding: str | None = None
    no_header: bool = False
    round: bool = False

    def __post_init__(self) -> None:
        unknown = sorted(set(self.mapping) - set(COLUMNS))
        if unknown:
            raise _refuse(f"--map names {', '.join(unknown)}", f"columns are {', '.join(COLUMNS)}")
        if self.symbol is not None and "symbol" in self.mapping:
            raise _refuse("--symbol and --map symbol=… contradict each other", "give one of them")
        if self.symbol is not None:
            try:
                object.__setattr__(self, "symbol", symbol_of(self.symbol))
            except BadRow as reason:
                raise _refuse(f"--symbol: the {reason}", "give the symbol as its exchange spells it") from None
            if not self.symbol:
                raise _refuse("--symbol is empty", "give the symbol as its exchange spells it")
        if self.workers < 1:
            raise _refuse("at least one worker must write", "leave --workers out")
        self.zone()
        self._check_reading()

    def _check_reading(self) -> None:
        for name, value, known in (
            ("epoch", self.epoch, tuple(EPOCHS)),
            ("days", self.days, ("local", "utc")),
            ("decimal", self.decimal, tuple(DECIMALS)),
            ("thousands", self.thousands, tuple(THOUSANDS)),
        ):
            if value and value not in known:
                raise _refuse(f"--{name} {value!r} is unknown", f"give one of {', '.join(choice for choice in known if choice.strip())}")
        if self.epoch and self.date_format:
            raise _refuse("--epoch and --date-format contradict each other", "give one of them")
        if self.date_format and self.date_format not in ORDERS and "%" not in self.date_format:
            raise _refuse(f"--date-format {self.date_format!r} is unknown", "give dmy, mdy, ymd, or a pattern such as %d/%m/%Y %H:%M")
        if "%" in self.date_format and not _gives_days(self.date_format):
            raise _refuse(f"--date-format {self.date_format!r} is not a day", "it needs year, month and day, and offsets as %z")
        if self.decimal and self.thousands and DECIMALS[self.decimal] in THOUSANDS[self.thousands]:
            raise _refuse("--decimal and --thousands name the same sign", "give two different ones")
        if self.format is not None:
            named(self.format)
        if self.encoding is not None:
            try:
                "".encode(self.encoding)
            except (LookupError, ValueError):
                raise _refuse(f"there is no encoding {self.encoding!r}", "give a name such as cp949, cp1252 or utf-16") from None
        if self.no_header and not all(header.isdecimal() for header in self.mapping.values()):
            raise _refuse("--no-header counts columns", "write --map timestamp=1,open=2,high=3,low=4,close=5,volume=6")

    def without_symbol(self) -> LoadOptions:
        """The options for a file whose header has the symbols, and the usual names of its columns."""
        return replace(self, symbol=self.symbol or "?", mapping={}, time_column="")

    def zone(self) -> ZoneInfo:
        """The zone of times without one."""
        try:
            return ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise _refuse(f"there is no time zone {self.timezone!r}", "give an IANA name such as Asia/Seoul") from None


def _gives_days(pattern: str) -> bool:
    """Whether a strptime pattern is valid, has a complete day, and keeps every zone that it parses."""
    day = datetime(2023, 11, 24, 13, 45)  # noqa: DTZ001 - a zone is the pattern's choice
    try:
        return "%Z" not in pattern and datetime.strptime(day.strftime(pattern), pattern).date() == day.date()  # noqa: DTZ007
    except ValueError:
        # A pattern with an offset can't format a time without one.
        return "%z" in pattern and _gives_days(pattern.replace("%z", ""))


def parse_mapping(text: str) -> dict[str, str]:
    """`open=Open price,timestamp=Date` as a mapping of columns to headers.

    Raises PlatformError for anything else.
    """
    mapping: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        column, equals, header = (side.strip() for side in part.partition("="))
        if not (column and equals and header) or column in mapping:
            raise _refuse(f"--map {part!r} is invalid", "write it as column=header,column=header, each column once")
        mapping[column] = header
    return mapping


def _refuse(what: str, next_step: str) -> PlatformError:
    return PlatformError(what, where="seed.market", next_step=next_step)
