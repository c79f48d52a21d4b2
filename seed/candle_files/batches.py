"""A batch between reading and writing: a few thousand good rows, as text for COPY."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from seed.candles import Candle

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows ready to be written. `payload` is CSV without a header, one line per row, with `columns` in that order.

    `lines` are the rows' numbers in the file. `first` and `last` bound the times, in microseconds since 1970 in UTC. Times
    without an offset are local to `timezone`. `binary` has the same rows, if they were prepared, in PostgreSQL's binary format
    and in the order of its indexes. `rounded` counts rows with more decimals than the table keeps.
    """

    file: str
    lines: Sequence[int] = field(repr=False)
    columns: tuple[str, ...]
    delimiter: str
    payload: bytes = field(repr=False)
    symbols: tuple[str, ...] = field(repr=False)
    first: int
    last: int
    timezone: str = "UTC"
    binary: bytes = field(default=b"", repr=False)
    rounded: int = 0

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.lines)

    def halves(self) -> tuple[Batch, Batch]:
        """The batch in two halves, to find the row that the server refuses; the bounds stay those of the whole."""
        middle = self.rows // 2
        parts = self.payload.splitlines(keepends=True)
        return (
            replace(self, lines=self.lines[:middle], payload=b"".join(parts[:middle])),
            replace(self, lines=self.lines[middle:], payload=b"".join(parts[middle:])),
        )


def from_candles(file: str, candles: list[Candle], lines: list[int], rounded: int = 0) -> Batch:
    """A batch of at least one candle from row-by-row reading, with the candles' line numbers."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows((candle.symbol, candle.timestamp.isoformat(), *candle[2:]) for candle in candles)
    moments = [candle.timestamp for candle in candles]
    return Batch(
        file,
        lines,
        Candle._fields,
        ",",
        text.getvalue().encode(),
        tuple({candle.symbol for candle in candles}),
        microseconds(min(moments)),
        microseconds(max(moments)),
        rounded=rounded,
    )


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970 in UTC."""
    return (moment - EPOCH) // _MICROSECOND


def moment(value: int) -> datetime:
    """The reverse of `microseconds`."""
    return EPOCH + value * _MICROSECOND
