"""The result of the look at a file before its rows are read: the places of its fields, and their meaning.

`header` finds the delimiter and the columns, `survey` decides what the numbers and times in them mean.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from seed.candle_files.moments import TimeStyle
from seed.candle_files.numerals import POINT, NumberStyle


@dataclass(frozen=True, slots=True)
class Reading:
    """How fields become values. With `rounds` the user allows storing prices with fewer decimals than they have."""

    times: TimeStyle = field(default_factory=TimeStyle)
    numbers: NumberStyle = POINT
    rounds: bool = False


@dataclass(frozen=True, slots=True)
class Layout:
    """The places of a file's fields: `places` maps the table's columns to them; a row has `width` fields, separated by `delimiter`.

    `clock` is the place of a separate time of day. `names` are the header's, `encoding` the file's.
    """

    places: dict[str, int]
    width: int
    delimiter: str
    symbol: str | None
    reading: Reading = field(default_factory=Reading)
    clock: int | None = None
    names: tuple[str, ...] = ()
    encoding: str = "utf-8"
