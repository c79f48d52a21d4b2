"""Reads candle files as `seed.market` does, up to the point where a server would be needed."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from seed.candle_files.judging import judge
from seed.candle_files.layout import Reading
from seed.candle_files.moments import TimeStyle
from seed.candle_files.options import LoadOptions
from seed.candle_files.reading import inspect, read
from seed.candle_files.rejects import Reject
from seed.candle_files.seen import Seen
from seed.candles import Candle


@dataclass(frozen=True, slots=True)
class Found:
    """What came of a file: candles by symbol and time, bad rows in the file's order, and how many rows were rounded."""

    candles: list[Candle]
    rejects: list[Reject]
    rounded: int
    read_as: str

    @property
    def reasons(self) -> list[tuple[int, str]]:
        """Line and reason of each bad row."""
        return [(reject.line, reject.reason) for reject in self.rejects]


def candles_of(path: Path, **options: Any) -> Found:
    """Read a file with these `LoadOptions`. Raises PlatformError where it is refused."""
    chosen = LoadOptions(**options)
    rejects: list[Reject] = []
    candles: list[Candle] = []
    rounded, told = 0, []
    seen = Seen()
    for source in inspect(path, chosen):
        told.append(source.read_as)
        for batch in read(source, seen, rejects.append, lambda _: None):
            text = Reading(TimeStyle(timezone=batch.timezone))
            rows = csv.reader(io.StringIO(batch.payload.decode()), delimiter=batch.delimiter)
            candles += [judge(dict(zip(batch.columns, row, strict=True)), text, datetime.now(UTC)).candle for row in rows]
            rounded += batch.rounded
    return Found(sorted(candles), rejects, rounded, "; ".join(filter(None, told)))
