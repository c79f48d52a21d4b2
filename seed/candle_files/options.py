"""What the user of `seed.market` may choose, checked before any file is opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from airgap.errors import PlatformError
from seed.candles import Candle

COLUMNS = Candle._fields
# Headers that are understood without being mapped, in lower case.
_USUAL = {
    "symbol": ("symbol", "ticker"),
    "timestamp": ("timestamp", "time", "date", "datetime"),
    **{name: (name,) for name in ("open", "high", "low", "close", "volume")},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOptions:
    """How files are read and written.

    `symbol` is for files of one symbol without such a column. `mapping` gives columns of the table their headers. `timezone` is an
    IANA name, for times that carry no zone. `strict` loads everything or nothing. `workers` is how many connections write.
    """

    symbol: str | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    timezone: str = "UTC"
    strict: bool = False
    workers: int = 2
    rejects_file: Path | None = None

    def __post_init__(self) -> None:
        unknown = sorted(set(self.mapping) - set(COLUMNS))
        if unknown:
            raise _refuse(f"--map names {', '.join(unknown)}", f"columns are {', '.join(COLUMNS)}")
        if self.symbol is not None and "symbol" in self.mapping:
            raise _refuse("--symbol and --map symbol=… contradict each other", "give one of them")
        if self.symbol is not None and not 0 < len(self.symbol.strip()) <= 20:
            raise _refuse("--symbol has to have 1 to 20 characters", "give the symbol as its exchange spells it")
        if self.workers < 1:
            raise _refuse("at least one worker has to write", "leave --workers out")
        self.zone()

    def zone(self) -> ZoneInfo:
        """The zone of times that carry none."""
        try:
            return ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise _refuse(f"there is no time zone {self.timezone!r}", "give an IANA name such as Asia/Seoul") from None


def parse_mapping(text: str) -> dict[str, str]:
    """`open=Open price,timestamp=Date` as a mapping of columns to headers.

    Raises PlatformError for anything else.
    """
    mapping: dict[str, str] = {}
    for part in filter(None, (each.strip() for each in text.split(","))):
        column, equals, header = (each.strip() for each in part.partition("="))
        if not (column and equals and header) or column in mapping:
            raise _refuse(f"--map {part!r} is not understood", "write it as column=header,column=header, each column once")
        mapping[column] = header
    return mapping


def match_header(header: list[str], options: LoadOptions, where: str) -> dict[str, int]:
    """For each column of the table, which field of the file holds it.

    Raises PlatformError naming the columns that the file doesn't have, or has twice.
    """
    lowered = [name.strip().lower() for name in header]
    found: dict[str, int] = {}
    problems = []
    for column in COLUMNS:
        if column == "symbol" and options.symbol is not None:
            continue
        wanted = (options.mapping[column].lower(),) if column in options.mapping else _USUAL[column]
        places = [place for place, name in enumerate(lowered) if name in wanted]
        if len(places) == 1:
            found[column] = places[0]
        else:
            problems.append(f"{column} ({'named twice' if places else 'missing'})")
    if problems:
        raise PlatformError(
            f"the file's header doesn't give: {', '.join(problems)}; it has: {', '.join(header)[:300]}",
            where=where,
            next_step="name the headers with --map column=header,…, and the symbol with --symbol where the file has none",
        )
    return found


def _refuse(what: str, next_step: str) -> PlatformError:
    return PlatformError(what, where="seed.market", next_step=next_step)
