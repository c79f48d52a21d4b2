"""What was decided about a file before its rows are read: where its fields are, and what they mean."""

from __future__ import annotations

from dataclasses import dataclass, field

from seed.candle_files.moments import TimeStyle
from seed.candle_files.numerals import POINT, NumberStyle


@dataclass(frozen=True, slots=True)
class Reading:
    """How the text of fields becomes values. `rounds` is the user's leave to store prices with fewer decimals than they have."""

    times: TimeStyle = field(default_factory=TimeStyle)
    numbers: NumberStyle = POINT
    rounds: bool = False


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a file's fields are: `places` maps the table's columns to them, of `width` fields parted by `delimiter`.

    `clock` is the place of the time of day where that has a column of its own. `names` are the header's, `encoding` the file's.
    """

    places: dict[str, int]
    width: int
    delimiter: str
    symbol: str | None
    reading: Reading = field(default_factory=Reading)
    clock: int | None = None
    names: tuple[str, ...] = ()
    encoding: str = "utf-8"
