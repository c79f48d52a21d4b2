"""Times in files: reads one value in a given form. The form of a column is decided elsewhere."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from seed.candle_files.verdicts import BadRow


class Form(StrEnum):
    """The form of a column's times."""

    ISO = "iso"
    YMD = "ymd"  # 2024/1/2, 2020.04.03 14:00
    DMY = "dmy"
    MDY = "mdy"
    NAMED = "named"  # Jan 2, 2024 or 02-Jan-2024
    COMPACT = "compact"  # 20200403 1400, 20200403140000
    SHORT = "short"  # 2004031400, 200403140000: a year of two digits, only ever read by a pattern
    SECONDS = "s"
    MILLISECONDS = "ms"
    MICROSECONDS = "us"
    NANOSECONDS = "ns"
    PATTERN = "pattern"


EPOCHS = {Form.SECONDS: 0, Form.MILLISECONDS: 3, Form.MICROSECONDS: 6, Form.NANOSECONDS: 9}
"""Epoch units, and the powers of ten of them in a second."""
# Between these seconds since 1970 no number in one unit is plausible in another: 1973-03-03, and the year 2286.
_EARLIEST, _LATEST = 10**8, 10**10
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?", re.ASCII)
_POWER = re.compile(r"\d+(\.\d*)?[eE]\+?\d+", re.ASCII)
_ZONE_NAME = re.compile(r"(?P<rest>.*\d)\s*(?P<name>[A-Za-z][A-Za-z0-9_+/-]*)", re.ASCII)
# Python accepts any character between day and time, also a digit: 1512120960000 would be a minute of the year 1512.
_ISO = re.compile(r"(\d{4}-\d\d-\d\d|\d{8}|\d{4}-?W\d\d(-?\d)?)(?P<clock>[^\d].*)?", re.ASCII | re.DOTALL)
# A day with an offset, as XML writes it; Python would take that for a time of day.
_DAY_AND_OFFSET = re.compile(r"[+-]\d\d(:?\d\d)?", re.ASCII)
_FINE = re.compile(r"[.,](\d{6})(\d+)", re.ASCII)
_NUMERIC = re.compile(r"(\d{1,4})([-./])(\d{1,2})\2(\d{1,4})\.?", re.ASCII)
_DAY_FIRST = re.compile(r"(\d{1,2})[-. ]+([A-Za-z]{3,9})[-., ]+(\d{4})", re.ASCII)
_MONTH_FIRST = re.compile(r"([A-Za-z]{3,9})\.? +(\d{1,2}),? +(\d{4})", re.ASCII)
_COMPACT = re.compile(r"(\d{8})[T ]?(\d{4}|\d{6})", re.ASCII)
_SHORT = re.compile(r"\d{10}(\d\d)?", re.ASCII)
_CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(?: ?([AaPp])[Mm])?", re.ASCII)
_OFFSET = re.compile(r"(?:(?:GMT|UTC) ?)?(?P<sign>[+-])(?P<hours>\d{1,2})(?::?(?P<minutes>\d\d))?", re.ASCII)
_PARTED = re.compile(
    r"(?P<date>.*?\d{4}\.?|\d{1,4}[-./]\d{1,2}[-./]\d{1,4})(?:,?[ T]+(?P<clock>\d{1,2}:\d\d[^ A-Za-z+-]*(?: ?[AaPp][Mm])?) ?(?P<zone>.*))?",
    re.ASCII,
)
_SHORT_YEAR = re.compile(r"\d{1,2}[-./ ](\d{1,2}|[A-Za-z]{3,9})[-./ ]\d{2}(\D.*)?", re.ASCII)
_WINTER_NAMES = frozenset({"CET", "EET", "MET", "WET"})  # the zones of these names also have a summer time
FIRST_YEAR = 1000
"""Spreadsheets write 24 as 0024. No market has candles of the first millennium."""
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LONG_MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december")


class Moment(NamedTuple):
    """A time as written: `zone` is the zone in the text, if any; a day without time has no time of day."""

    local: datetime  # without a zone
    zone: ZoneInfo | timedelta | None
    is_day: bool


@dataclass(frozen=True, slots=True)
class TimeStyle:
    """How a column's times are read. `certain` is False if the user chose the form: then an epoch number needn't be plausible.

    `pattern` is a strptime pattern. `clock_digits` is 4 or 6 if a separate time of day is written without colons.
    `days` is `local` if a midnight stands for the day in its own zone, `utc` if a day stands for its midnight in the zone.
    """

    form: Form = Form.ISO
    timezone: str = "UTC"
    pattern: str = ""
    clock_digits: int = 0
    days: str = ""
    certain: bool = True

    def zone(self) -> ZoneInfo:
        """The zone of times without one."""
        return ZoneInfo(self.timezone)

    def parse(self, text: str, clock: str | None = None) -> datetime:
        """The moment in UTC; a day without a time of day is the exchange's day, and begins at midnight UTC. Raises BadRow."""
        moment = parts(text, self.form, self.pattern, chosen=not self.certain)
        if clock is not None and (moment.is_day or moment.local.time() == time()):
            moment = Moment(datetime.combine(moment.local, time_of_day(clock.strip(), self.clock_digits)), moment.zone, is_day=False)
        if moment.is_day and self.days != "utc":
            return moment.local.replace(tzinfo=UTC)
        if self.days == "local":
            if moment.local.time() != time():
                raise BadRow("time is not midnight, but --days local is for days")
            return moment.local.replace(tzinfo=UTC)
        return in_utc(moment, self.zone())


def in_utc(moment: Moment, zone: ZoneInfo) -> datetime:
    """The moment in UTC, local to `zone` if it has none. Raises BadRow unless that is exactly one moment."""
    if isinstance(moment.zone, timedelta):
        if abs(moment.zone) > timedelta(hours=15, minutes=59):
            raise BadRow("time zone is invalid: offset beyond 16 hours")
        try:
            return (moment.local - moment.zone).replace(tzinfo=UTC)
        except OverflowError:
            raise BadRow("time is out of range") from None
    if moment.zone and moment.zone.key in _WINTER_NAMES and moment.local.replace(tzinfo=moment.zone).dst():
        raise BadRow(f"{moment.zone.key} beside a time in summer is ambiguous: give an offset")
    return _local(moment.local, moment.zone or zone)


def parts(text: str, form: Form, pattern: str = "", *, chosen: bool = False) -> Moment:
    """The time in `text`, read in one form. Raises BadRow."""
    moment = _parts(text.strip(), form, pattern, chosen=chosen)
    if moment.local.year < FIRST_YEAR:
        raise BadRow(f"the year {moment.local.year} may be one of two digits, or damaged: {text.strip()[:40]!r}")
    return moment


def _parts(text: str, form: Form, pattern: str, *, chosen: bool) -> Moment:
    if form in EPOCHS:
        return _epoch(text, form, chosen=chosen)
    if form is Form.PATTERN:
        return _by_pattern(text, pattern)
    if form is Form.ISO:
        return _iso(text)
    if form is Form.COMPACT:
        match = _COMPACT.fullmatch(text)
        if not match or not "1900" <= match[1] < "2100":
            raise BadRow(_not_understood(text))
        day = _date(match[1][:4], match[1][4:6], match[1][6:], text)
        return Moment(datetime.combine(day, time_of_day(match[2], len(match[2]))), None, is_day=False)
    if form is Form.SHORT:
        if not _SHORT.fullmatch(text):
            raise BadRow(_not_understood(text))
        return _by_pattern(text, "%y%m%d%H%M%S"[: len(text)])
    return _written(text, form)


def possible_epoch(text: str, form: Form, now: datetime) -> datetime | None:
    """The meaning of a number in one unit if plausible: from March 1973 to now. No number is plausible in two units."""
    if not _NUMBER.fullmatch(text):
        return None
    seconds = Decimal(text).scaleb(-EPOCHS[form])
    if not _EARLIEST <= seconds < _LATEST:
        return None
    moment = _since_1970(seconds, text)
    return moment if moment <= (now + timedelta(days=1)).replace(tzinfo=None) else None


def _epoch(text: str, form: Form, *, chosen: bool) -> Moment:
    if _POWER.fullmatch(text):
        raise BadRow(f"epoch number may have lost digits: {text[:40]!r}")
    if not _NUMBER.fullmatch(text):
        raise BadRow(f"time is not an epoch number like the others in its column: {text[:40]!r}")
    seconds = Decimal(text).scaleb(-EPOCHS[form])
    if not chosen and not seconds:
        raise BadRow(f"epoch number 0 is uncertain: --epoch {form} reads it as 1970-01-01")
    return Moment(_since_1970(seconds, text), timedelta(0), is_day=False)


def _since_1970(seconds: Decimal, text: str) -> datetime:
    microseconds = seconds.scaleb(6)
    if microseconds != int(microseconds):
        raise BadRow(f"epoch number is finer than a microsecond: {text[:40]!r}")
    try:
        return datetime(1970, 1, 1) + timedelta(microseconds=int(microseconds))  # noqa: DTZ001 - its zone is kept beside it
    except OverflowError:
        raise BadRow(f"epoch number is out of range: {text[:40]!r}") from None


def _iso(text: str) -> Moment:
    zone: ZoneInfo | None = None
    named = None if _POWER.fullmatch(text) else _ZONE_NAME.fullmatch(text)
    if named and named["name"].upper() not in {"Z", "T"} and not re.fullmatch(r"[TW]\d.*", named["name"], re.IGNORECASE):
        text, zone = named["rest"], _zone(named["name"])
    shape = _ISO.fullmatch(text)
    if shape is None:
        raise BadRow(_not_understood(text))
    if shape["clock"] and _DAY_AND_OFFSET.fullmatch(shape["clock"]):
        raise BadRow(f"after the day stands an offset or a time of day: {text[:40]!r}: write T between day and time")
    fine = _FINE.search(text)
    if fine and fine[2].strip("0"):
        raise BadRow(f"time is finer than a microsecond: {text[:40]!r}")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadRow(_not_understood(text)) from None
    return Moment(moment.replace(tzinfo=None), zone if moment.tzinfo is None else moment.utcoffset(), shape["clock"] is None)


def _not_understood(text: str) -> str:
    said = f"time can't be read: {text[:40]!r}"
    if _NUMBER.fullmatch(text) or _POWER.fullmatch(text):
        return f"{said}, an epoch number, a day's number, or a year of two digits: give --epoch s, ms, us or ns, or --date-format"
    if _SHORT_YEAR.fullmatch(text):
        return f"{said}, a year of two digits: give its form, such as --date-format %d/%m/%y"
    return f"{said}: give --date-format dmy, mdy or a pattern" if re.match(r"\d{1,2}[-./ ]", text) else said


def _written(text: str, form: Form) -> Moment:
    match = _PARTED.fullmatch(text)
    if not match:
        raise BadRow(_not_understood(text))
    date, clock, zone = match["date"], match["clock"], (match["zone"] or "").strip()
    if form is Form.NAMED:
        first, second = _DAY_FIRST.fullmatch(date), _MONTH_FIRST.fullmatch(date)
        day, name, year = (first[1], first[2], first[3]) if first else (second[2], second[1], second[3]) if second else ("", "", "")
        lowered = name.lower()
        if lowered not in _LONG_MONTHS and lowered not in (*_MONTHS, "sept"):
            raise BadRow(_not_understood(text))
        moment = _date(year, str(_MONTHS.index(lowered[:3]) + 1), day, text)
    else:
        numeric = _NUMERIC.fullmatch(date)
        order = {Form.YMD: (1, 3, 4), Form.DMY: (4, 3, 1), Form.MDY: (4, 1, 3)}[form]
        # A two-digit year may be of two centuries: only a pattern can allow it.
        if not numeric or len(numeric[order[0]]) != 4 or any(len(numeric[position]) > 2 for position in order[1:]):
            raise BadRow(_not_understood(text))
        moment = _date(numeric[order[0]], numeric[order[1]], numeric[order[2]], text)
    if clock is None:
        return Moment(moment, None, is_day=True)
    return Moment(datetime.combine(moment, time_of_day(clock, 0)), _zone_of(zone), is_day=False)


def _date(year: str, month: str, day: str, text: str) -> datetime:
    try:
        return datetime(int(year), int(month), int(day))  # noqa: DTZ001 - its zone is kept beside it
    except ValueError:
        raise BadRow(_not_understood(text)) from None


def time_of_day(text: str, digits: int) -> time:
    """A time of day with colons or, if `digits` is 4 or 6, without. Raises BadRow."""
    match = _CLOCK.fullmatch(text)
    if digits and text.isascii() and text.isdigit():
        # A spreadsheet drops the leading zeros of 093000.
        match = re.fullmatch(r"(\d\d)(\d\d)(\d\d)?()()", text.zfill(digits))
    if not match:
        raise BadRow(f"time of day can't be read: {text[:40]!r}")
    hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
    fraction, half = (match[4] or "").ljust(6, "0"), match[5] or ""
    if half:
        if not 1 <= hour <= 12:
            raise BadRow(f"time of day can't be read: {text[:40]!r}")
        hour = hour % 12 + 12 * (half in "pP")
    if hour > 23 or minute > 59 or second > 59:
        raise BadRow(f"time of day can't be read: {text[:40]!r}")
    if fraction[6:].strip("0"):
        raise BadRow(f"time is finer than a microsecond: {text[:40]!r}")
    return time(hour, minute, second, int(fraction[:6]))


def _by_pattern(text: str, pattern: str) -> Moment:
    try:
        moment = datetime.strptime(text, pattern)  # noqa: DTZ007 - a zone is the pattern's choice
    except ValueError:
        raise BadRow(f"time is not {pattern}: {text[:40]!r}") from None
    if "%y" in pattern and moment.replace(tzinfo=None) > datetime.now(UTC).replace(tzinfo=None):
        moment = moment.replace(year=moment.year - 100)
    is_day = not re.search(r"%[HIMSfpcXsT]", pattern)
    return Moment(moment.replace(tzinfo=None), moment.utcoffset(), is_day)


def _zone_of(text: str) -> ZoneInfo | timedelta | None:
    if not text:
        return None
    if text == "Z":
        return timedelta(0)
    offset = _OFFSET.fullmatch(text)
    if not offset:
        return _zone(text)
    value = timedelta(hours=int(offset["hours"]), minutes=int(offset["minutes"] or 0))
    return -value if offset["sign"] == "-" else value


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadRow(f"time zone is unknown: {name[:40]!r}") from None


def _local(moment: datetime, zone: ZoneInfo) -> datetime:
    earlier, later = (moment.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    try:
        if earlier.utcoffset() != later.utcoffset():
            # In spring one hour of the clock doesn't exist, in autumn one exists twice.
            exists = earlier.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == moment
            raise BadRow(f"local time {'is ambiguous' if exists else 'does not exist'} in {zone.key}: give an offset")
        return earlier.astimezone(UTC)
    except OverflowError:
        raise BadRow("time is out of range") from None
