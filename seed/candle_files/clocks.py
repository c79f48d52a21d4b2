"""Times of day: in the timestamp, in a separate column, or in a column that nobody named. And days written as midnights."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, time

from seed.candle_files.choice import Example
from seed.candle_files.layout import Layout
from seed.candle_files.moments import Moment, time_of_day
from seed.candle_files.verdicts import BadRow, printable, unclear

_WITH_COLONS = re.compile(r"\d{1,2}:\d\d(:\d\d([.,]\d+)?)?( ?[AaPp][Mm])?", re.ASCII)
_DIGITS = re.compile(r"\d{1,6}", re.ASCII)
_SOUNDS_LIKE_IT = re.compile(r"time|hour|uhr|heure|hora|시간|시각|時", re.IGNORECASE)
_MIDNIGHT = time()
_KEPT = 60  # examples of midnights: an offset's in each month


class Clock:
    """What a file's rows show about times of day."""

    def __init__(self, layout: Layout, where: str) -> None:
        self._layout, self._where = layout, where
        self.digits = 0
        """The number of digits of a time of day in a separate column; 0 with colons."""
        self.midnights: dict[object, tuple[Example, Moment]] | None = {}
        """Examples of midnights, as long as every row has one; None after the first other time."""
        self.distinct: set[datetime] = set()
        self._lengths: set[int] = set()
        self._good = self._both = 0
        self._bad: Example | None = None
        self._days: set[tuple[str, datetime]] = set()
        self._again: Example | None = None
        used = {*layout.places.values(), layout.clock}
        self._others = {place for place in range(layout.width) if place not in used}

    @property
    def settled(self) -> bool:
        """Whether more rows can't change the result."""
        return (self._layout.clock is None or (self._good > 0 and not self._lengths)) and not self.midnights

    def add(self, line: int, values: Sequence[str], moment: Moment) -> None:
        """Apply one row's time and its other fields."""
        text = values[self._layout.places["timestamp"]]
        of_day = None if moment.is_day else moment.local.time()
        if self._layout.clock is not None:
            beside = self._beside(line, values[self._layout.clock].strip())
            if of_day not in {None, _MIDNIGHT}:
                self._both += beside != of_day
            elif beside is not None:
                of_day = beside
        if moment.is_day and len(self._days) < _KEPT * 100:
            self._note_day(line, text, values, moment)
        if of_day is None or self.midnights is None:
            return
        if of_day != _MIDNIGHT:
            self.midnights = None
            return
        if len(self.distinct) < 2:
            self.distinct.add(moment.local)
        if len(self.midnights) < _KEPT:
            self.midnights.setdefault((moment.zone, moment.local.month), (Example(line, text), moment))

    def decide(self, *, required: bool) -> int | None:
        """The place of the column with the time of day, if one counts. Raises PlatformError if that is uncertain."""
        place = self._layout.clock
        if place is None:
            if self._again and self._others:
                names = ", ".join(self._layout.names[other] or f"column {other + 1}" for other in sorted(self._others))
                raise unclear(
                    f"the time column holds days only, and {printable(self._again.text, 40)!r} occurs again; "
                    f"a time of day may stand in: {printable(names, 80)}",
                    self._where,
                    self._again.line,
                    "name its column: --time-column HEADER",
                )
            return None
        name = printable(self._layout.names[place], 40)
        if self._both:
            raise unclear(
                f"the time and column {name!r} both have a time of day, and they differ",
                self._where,
                1,
                "--map timestamp=… names one with both",
            )
        if not self._good:
            if self._bad and (required or self._again):
                raise unclear(
                    f"column {name!r} is not a time of day: {printable(self._bad.text, 40)!r}",
                    self._where,
                    self._bad.line,
                    "name another: --time-column",
                )
            return None
        if self._lengths and max(self._lengths) < 5 and self._lengths != {4}:
            raise unclear(
                f"times of day without colons may be hours and minutes, or minutes and seconds: column {name!r}",
                self._where,
                self._bad.line if self._bad else 1,
                "write them with colons, or with all their zeros",
            )
        self.digits = 0 if not self._lengths else 4 if self._lengths == {4} else 6
        return place

    def _beside(self, line: int, text: str) -> time | None:
        if not text:
            return None
        if _DIGITS.fullmatch(text):
            self._lengths.add(len(text))
            self._good += 1
            return _MIDNIGHT if int(text) == 0 else time(microsecond=1)
        try:
            parsed = time_of_day(text, 0)
        except BadRow:
            self._bad = self._bad or Example(line, text)
            return None
        self._good += 1
        return parsed

    def _note_day(self, line: int, text: str, values: Sequence[str], moment: Moment) -> None:
        self._others = {place for place in self._others if self._may_be_a_clock(place, values[place].strip())}
        symbol = values[self._layout.places["symbol"]] if "symbol" in self._layout.places else ""
        if (symbol, moment.local) in self._days:
            self._again = self._again or Example(line, text.strip())
        self._days.add((symbol, moment.local))

    def _may_be_a_clock(self, place: int, text: str) -> bool:
        named = bool(self._layout.names) and _SOUNDS_LIKE_IT.search(self._layout.names[place]) is not None
        return bool(_WITH_COLONS.fullmatch(text) or (named and _DIGITS.fullmatch(text)))
