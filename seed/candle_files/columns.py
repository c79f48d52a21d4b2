"""Matches a header's names with the columns of the table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import PlatformError
from seed.candle_files import guiding
from seed.candle_files.formats import Format
from seed.candle_files.options import LoadOptions
from seed.candle_files.verdicts import printable
from seed.candles import Candle

# Header names that need no mapping, in lower case.
_USUAL = {
    "symbol": ("symbol", "ticker"),
    "timestamp": ("timestamp", "time", "date", "datetime"),
    **{name: (name,) for name in ("open", "high", "low", "close", "volume")},
}
_DAYS, CLOCKS = ("date", "<date>"), ("time", "<time>")


@dataclass(frozen=True, slots=True)
class Columns:
    """The place of each table column in a row; `clock` is the place of a time of day in a separate column."""

    places: dict[str, int]
    clock: int | None
    symbol: str | None


def match_header(
    header: Sequence[str], options: LoadOptions, where: str, format_: Format | None = None, example: Sequence[str] = ()
) -> Columns:
    """Find the field for each column of the table: by `--map`, by the known form, by common names.

    Raises PlatformError that names missing and repeated columns, shows the file's with the `example` of a row, and says what to type.
    """
    lowered = [name.strip().lower() for name in header]
    places_of: dict[str, int] = {}
    missing: list[str] = []
    twice: list[str] = []
    clock = _clock(lowered, options, where, format_)
    for column in Candle._fields:
        if column == "symbol" and options.symbol is not None:
            continue
        headers = _wanted(column, options, format_)
        places = [place for place, name in enumerate(lowered) if name in headers and not (place == clock and column == "timestamp")]
        if column == "timestamp" and not places and lowered[0] == "" and column not in options.mapping and len(lowered) > 1:
            # The index of a table that pandas wrote.
            places = [0]
        if len(places) == 1:
            places_of[column] = places[0]
        else:
            (twice if places else missing).append(column)
    if missing or twice:
        problems = ", ".join([*(f"{column} (missing)" for column in missing), *(f"{column} (named twice)" for column in twice)])
        raise PlatformError(
            f"the file's header doesn't give: {problems}; it has: {guiding.found_columns(header, example)}",
            where=where,
            next_step=f"name another with --map {twice[0]}=HEADER, or leave one column of that name in the file"
            if twice
            else guiding.next_step(header, {*places_of.values(), clock}, missing, options),
        )
    return Columns(places_of, clock, options.symbol)


def _wanted(column: str, options: LoadOptions, format_: Format | None) -> tuple[str, ...]:
    if column in options.mapping:
        return (options.mapping[column].lower(),)
    if format_ is not None and column in format_.headers and (format_.headers[column] or column != "timestamp"):
        return (format_.headers[column].lower(),)
    return _USUAL[column]


def _clock(lowered: Sequence[str], options: LoadOptions, where: str, format_: Format | None) -> int | None:
    """The place of the time of day: named by the user or by the known form, or a column "time" beside a column "date"."""
    if options.time_column:
        places = [place for place, name in enumerate(lowered) if name == options.time_column.lower()]
        if len(places) != 1:
            raise PlatformError(
                f"--time-column {options.time_column!r} is {'named twice' if places else 'missing'}; the file has: "
                f"{printable(', '.join(lowered))}",
                where=where,
                next_step="give the header of the column with the time of day",
            )
        return places[0]
    if format_ is not None and "clock" in format_.headers:
        return next((place for place, name in enumerate(lowered) if name == format_.headers["clock"].lower()), None)
    day = options.mapping.get("timestamp", "").lower()
    times = [place for place, name in enumerate(lowered) if name in CLOCKS and name != day]
    beside = day or next((name for name in lowered if name in _DAYS), "")
    return times[0] if len(times) == 1 and beside in lowered else None
