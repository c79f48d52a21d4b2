"""Looks through a file before it is read, and decides from whole columns what single values can't show: the form of times and numbers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from core.errors import PlatformError
from seed.candle_files.choice import Choice, Example
from seed.candle_files.clocks import Clock
from seed.candle_files.columns import Columns
from seed.candle_files.formats import Format
from seed.candle_files.layout import Layout, Reading
from seed.candle_files.moments import EPOCHS, Form, Moment, TimeStyle, in_utc, parts, possible_epoch
from seed.candle_files.numerals import COMMA, DECIMALS, POINT, THOUSANDS, NumberStyle, bare, is_missing
from seed.candle_files.options import ORDERS, LoadOptions
from seed.candle_files.verdicts import BadRow, printable, unclear

SAMPLE = 2000
"""Rows after which a file without anything unusual counts as plain, unless its bytes show something odd."""
_REMEMBERED = 10_000  # numbers that needn't be parsed again
_NUMBERS = ("open", "high", "low", "close", "volume")
_FORMS = (Form.ISO, Form.YMD, Form.DMY, Form.MDY, Form.NAMED, Form.COMPACT, Form.SHORT, *EPOCHS)


class Survey:
    """The evidence of a file's rows about its columns, and the resulting reading."""

    def __init__(
        self, layout: Layout, series: Sequence[Columns], options: LoadOptions, format_: Format | None, where: str, now: datetime
    ) -> None:
        """`layout` is the first of the `series`' layouts; `where` names the file in messages."""
        self._layout, self._options, self._format, self._where, self._now = layout, options, format_, where, now
        self._number_places = [sery.places[name] for sery in series for name in _NUMBERS]
        self._styles = _styles(options, format_ is not None and layout.delimiter == format_.delimiter)
        self._numbers = Choice({name: _number_reading(style) for name, style in self._styles.items()}, _REMEMBERED)
        self._fixed = _fixed(options)
        forms = (self._fixed.form,) if self._fixed else _FORMS
        self._times = Choice({form: self._time_reading(form) for form in forms})
        self._clock = Clock(layout, where)
        self.rows = 0
        self._typed = False

    @property
    def settled(self) -> bool:
        """Whether later rows can't decide anything."""
        numbers = len(self._styles) == 1 or (len(self._numbers.possible) == 1)
        return numbers and self._times_are_plain and self._clock.settled

    @property
    def _times_are_plain(self) -> bool:
        # ISO 8601 can also be read as year, month, day, with the same result.
        return self._fixed is not None or set(self._times.possible) in ({Form.ISO}, {Form.ISO, Form.YMD})

    @property
    def only_numbers_open(self) -> bool:
        """Whether only numbers are unsettled: then only points and commas can decide."""
        return self._times_are_plain and self._clock.settled and len(self._numbers.possible) == len(self._styles)

    @property
    def epoch(self) -> Form | None:
        """The one remaining unit of epoch numbers, if nothing else is open."""
        open_numbers = len(self._styles) > 1 and len(self._numbers.possible) > 1
        left = self._times.possible
        return Form(left[0]) if len(left) == 1 and left[0] in EPOCHS and not open_numbers and self._clock.settled else None

    def note_types(self, typed: Collection[int]) -> None:
        """Fields in `typed` are numbers, not text: nothing is open about them, whatever options say about text."""
        self._typed = any(place in typed for place in self._number_places)
        self._number_places = [place for place in self._number_places if place not in typed]
        if not self._number_places:
            self._styles = {"": POINT}

    def add(self, line: int, values: Sequence[str]) -> None:
        """Apply a row with the right number of fields."""
        self.rows += 1
        for place in self._number_places:
            self._numbers.add(line, bare("volume", values[place])[0])
        text = values[self._layout.places["timestamp"]].strip()
        # Remaining interpretations may differ in the day, but not in the time of day.
        moment = self._times.add(line, text)
        if isinstance(moment, Moment):
            self._clock.add(line, values, moment)

    def decide(self) -> Layout:
        """The layout with its reading. Raises PlatformError if rows allow more than one."""
        times = self._decide_times()
        clock = self._clock.decide(required=bool(self._options.time_column) or "timestamp" not in self._options.mapping)
        days = self._options.days or self._decide_days(times)
        style = replace(times, days=days, clock_digits=self._clock.digits)
        return replace(self._layout, clock=clock, reading=Reading(style, self._decide_numbers(), self._options.round))

    def _time_reading(self, form: str) -> Callable[[str], Hashable | None]:
        def read(text: str) -> Hashable | None:
            if not self._fixed and form in EPOCHS:
                try:
                    return possible_epoch(text, Form(form), self._now)
                except BadRow:
                    return None
            try:
                return parts(text, Form(form), self._fixed.pattern if self._fixed else "", chosen=self._fixed is not None)
            except BadRow:
                return None

        return read

    def _decide_numbers(self) -> NumberStyle:
        style = self._style_of_text()
        if self._typed and style.decimal != ".":
            raise PlatformError(
                "some prices are numbers, others text with a decimal comma", where=self._where, next_step="write all of them as numbers"
            )
        return style

    def _style_of_text(self) -> NumberStyle:
        if len(self._styles) == 1:
            return next(iter(self._styles.values()))
        left = self._numbers.possible
        if not left:
            raise self._contradiction(self._numbers, "numbers", "say which it is: --decimal . or --decimal ,")
        if self._numbers.unclear is not None:
            values = " or ".join(f"{_value(self._styles[name], self._numbers.unclear.text)}" for name in left)
            raise unclear(
                f"a number is ambiguous: {self._numbers.unclear.text!r} may be {values}, and no other number decides",
                self._where,
                self._numbers.unclear.line,
                "give the decimal sign: --decimal . or --decimal ,",
            )
        return self._styles[left[0]]

    def _decide_times(self) -> TimeStyle:
        zone = self._zone()
        if self._fixed:
            return replace(self._fixed, timezone=zone)
        left = self._times.possible
        known = [form for form in (self._format.forms if self._format else ()) if form in left]
        if not left or left == [Form.SHORT]:
            # ISO is unambiguous: rows in other forms are bad. A year of two digits is never read unasked.
            if not left and Form.ISO not in self._times.read:
                units = [Form(form) for form in self._times.read if form in EPOCHS]
                what, help_ = (
                    ("epoch numbers", "--epoch reads all as one unit")
                    if len(units) > 1
                    else ("times", "say the form: --date-format or --epoch")
                )
                raise self._contradiction(self._times, what, help_)
            return TimeStyle(Form.ISO, zone)
        if self._times.unclear is not None and len(known) != 1:
            text = printable(self._times.unclear.text, 40)
            orders = {
                Form.DMY: "--date-format dmy",
                Form.MDY: "--date-format mdy",
                Form.COMPACT: "--date-format %Y%m%d%H%M",
                Form.SHORT: f"--date-format {'%y%m%d%H%M%S'[: len(text)]}",
            }
            ways = " or ".join(orders.get(Form(form), f"--epoch {form}" if form in EPOCHS else f"--date-format {form}") for form in left)
            raise unclear(
                f"a time is ambiguous: {text!r}, and no other row decides",
                self._where,
                self._times.unclear.line,
                f"say how it is read: {ways}",
            )
        return TimeStyle(known[0] if self._times.unclear else Form(left[0]), zone)

    def _zone(self) -> str:
        """The zone in the source's header; the user's must not differ."""
        said, chosen = self._format.timezone if self._format else "", self._options.timezone
        if said and chosen not in {"UTC", said}:
            raise PlatformError(
                f"the header says that times are {said}, --timezone says {chosen}", where=self._where, next_step="leave out --timezone"
            )
        return said or chosen

    def _decide_days(self, times: TimeStyle) -> str:
        """Refuse days that are written as midnights of a zone in which they begin on the day before in UTC."""
        if len(self._clock.distinct) < 2 or self._options.days:
            return ""
        for example, moment in (self._clock.midnights or {}).values():
            try:
                shown = in_utc(moment, times.zone())
            except BadRow:
                continue
            if shown.date() != moment.local.date():
                raise unclear(
                    f"every time is a midnight, such as {printable(example.text, 40)!r}, which is {shown:%Y-%m-%d %H:%M} in UTC: "
                    "these may be the exchange's days, or moments",
                    self._where,
                    example.line,
                    f"say which: --days local stores {moment.local:%Y-%m-%d}, --days utc the moment",
                )
        return ""

    def _contradiction(self, choice: Choice, what: str, next_step: str) -> PlatformError:
        first, second = _two(choice)
        return unclear(
            f"the file's {what} contradict each other: {printable(first.text, 40)!r} in line {first.line}, {printable(second.text, 40)!r}",
            self._where,
            second.line,
            next_step,
        )


def _two(choice: Choice) -> tuple[Example, Example]:
    """Two values that no interpretation reads both, in the order of their lines."""
    last = max(choice.against.values(), key=lambda example: example.line)
    first = min((example for example in choice.read.values() if example != last), key=lambda example: example.line)
    return first, last


def _styles(options: LoadOptions, by_format: bool) -> dict[str, NumberStyle]:
    """The possible styles of numbers: one if the user or the known form chose it."""
    if options.thousands:
        parting = THOUSANDS[options.thousands]
        signs = [DECIMALS[options.decimal]] if options.decimal else [sign for sign in ".," if sign not in parting]
        return {sign: NumberStyle(sign, parting) for sign in signs}
    if options.decimal:
        return {"": POINT if DECIMALS[options.decimal] == "." else COMMA}
    return {"": POINT} if by_format else {".": POINT, ",": COMMA}


def _fixed(options: LoadOptions) -> TimeStyle | None:
    """The form of times that the user chose."""
    if options.epoch:
        return TimeStyle(Form(options.epoch), certain=False)
    if options.date_format in ORDERS:
        return TimeStyle(ORDERS[options.date_format], certain=False)
    return TimeStyle(Form.PATTERN, pattern=options.date_format, certain=False) if options.date_format else None


def _number_reading(style: NumberStyle) -> Callable[[str], Hashable | None]:
    return lambda text: _value(style, text)


def _value(style: NumberStyle, text: str) -> Decimal | None:
    plain = None if is_missing(text) else style.plain(text)
    return None if plain is None else Decimal(plain)
