"""Reads a file into batches of good rows, and puts bad ones aside."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from core.errors import PlatformError
from seed.candle_files import parquet
from seed.candle_files.batches import Batch, from_candles, microseconds
from seed.candle_files.encodings import as_utf8, encoding_of, ends_with_cr
from seed.candle_files.fast import epochs_within, plainly_quoted, take
from seed.candle_files.header import Header, find_header, match
from seed.candle_files.judging import judge
from seed.candle_files.layout import Layout
from seed.candle_files.moments import EPOCHS, Form
from seed.candle_files.opening import Block, FileKind, Part, blocks, opened, parts_of, refuse_others
from seed.candle_files.options import LoadOptions
from seed.candle_files.rejects import Reject
from seed.candle_files.rows import fields_of, is_header_again, rows_of, values_of
from seed.candle_files.seen import Seen
from seed.candle_files.survey import SAMPLE, Survey
from seed.candle_files.verdicts import BadRow, printable
from seed.candles import Candle

Refuse = Callable[[Reject], None]
Position = Callable[[int], None]
_BEGINNING = 1 << 16
_FORMS = {
    Form.YMD: "year, month, day",
    Form.DMY: "day, month, year",
    Form.MDY: "month, day, year",
    Form.NAMED: "months by name",
    Form.COMPACT: "digits of day and time",
    **{form: f"epoch {form}" for form in EPOCHS},
}


@dataclass(frozen=True, slots=True)
class Source:
    """One series of a file that can be read: its rows begin after `header_lines` lines.

    `may_be_cut_off`: nothing ends the last line, so its last number, which is read, may go on in the whole file.
    """

    part: Part
    layout: Layout
    header_lines: int = 1
    only_cr: bool = False
    format: str = ""
    may_be_cut_off: bool = False

    @property
    def name(self) -> str:
        """Its name in messages."""
        return self.part.name

    @property
    def size(self) -> int:
        """Its bytes, for progress."""
        return self.part.size

    @property
    def read_as(self) -> str:
        """The decisions about the file, in words; empty if all is plain."""
        layout, times = self.layout, self.layout.reading.times
        decisions = [
            f"format {self.format}" if self.format else "",
            f"encoding {layout.encoding}" if layout.encoding != "utf-8" else "",
            f"times as {_FORMS.get(times.form, times.pattern)}" if times.form is not Form.ISO else "",
            f"time of day from {printable(layout.names[layout.clock], 40)!r}" if layout.clock is not None else "",
            f"midnights as {'days' if times.days == 'local' else 'moments'}" if times.days else "",
            "decimal comma" if layout.reading.numbers.decimal == "," else "",
            "no line end after the last row: if the file was cut off there, so is that row's last number" if self.may_be_cut_off else "",
        ]
        return f"{self.name}: {', '.join(filter(None, decisions))}" if any(decisions) else ""


def inspect(path: Path, options: LoadOptions) -> list[Source]:
    """Look at a file, or at each file of an archive: find its header, and decide how to read its columns.

    Raises PlatformError if the file is missing, empty or damaged, lacks a column, or is ambiguous.
    """
    now = datetime.now(UTC)
    series_list: list[Source] = []
    for part in parts_of(path):
        series_list += [parquet_source(part, options, now)] if part.kind is FileKind.PARQUET else _text_sources(part, options, now)
    if not series_list:
        raise PlatformError("the files of the archive are empty", where=str(path), next_step="fetch it again")
    return series_list


def parquet_source(part: Part, options: LoadOptions, now: datetime) -> Source:
    """A Parquet file with its reading."""
    names = parquet.header(part.path)
    columns, format_ = match(names, options, part.name)
    layout = Layout(columns.places, len(names), ",", columns.symbol, clock=columns.clock, names=tuple(names))
    survey = Survey(layout, [columns], options, format_, part.name, now)
    parquet.look_through(part.path, layout, survey)
    return Source(part, survey.decide(), format=format_.name if format_ else "")


def _text_sources(part: Part, options: LoadOptions, now: datetime) -> list[Source]:
    with opened(part) as (stream, _):
        start = stream.read(_BEGINNING)
    refuse_others(start, part.name)
    encoding = encoding_of(start, options.encoding)
    only_cr = ends_with_cr(start, encoding)
    text = start.decode(encoding, errors="replace").removeprefix("\ufeff")
    try:
        header = find_header(text.replace("\r", "\n") if only_cr else text, options, part.name)
    except PlatformError as error:
        if "\ufffd" in text.rstrip("\ufffd") and options.encoding is None:
            raise PlatformError(
                f"the text is not {encoding.upper()}, and its header is unknown",
                where=part.name,
                next_step="say what it is: --encoding cp949, cp1252, …",
            ) from error
        raise
    layouts = [
        Layout(sery.places, len(header.names), header.delimiter, sery.symbol, clock=sery.clock, names=header.names, encoding=encoding)
        for sery in header.series
    ]
    source = Source(part, layouts[0], header.lines, only_cr, header.format.name if header.format else "")
    reading, ended = _surveyed(source, header, options, now)
    return [
        replace(
            source,
            layout=replace(layout, reading=reading.reading, clock=reading.clock),
            may_be_cut_off=not ended and layout.width - 1 in layout.places.values(),
        )
        for layout in layouts
    ]


def _surveyed(source: Source, header: Header, options: LoadOptions, now: datetime) -> tuple[Layout, bool]:
    """How to read the columns, and whether a line end is the last character."""
    survey = Survey(source.layout, header.series, options, header.format, source.name, now)
    ended = True
    try:
        with _data(source) as (data, _):
            for block in data:
                ended = block.data.endswith(b"\n")
                if survey.rows >= SAMPLE and not _has_more_to_say(survey, block.data, source.layout, now):
                    continue
                for number, content in rows_of(block, source.layout):
                    try:
                        survey.add(number, values_of(content, source.layout))
                    except BadRow:
                        continue
                    if survey.rows == SAMPLE and not _has_more_to_say(survey, block.data, source.layout, now):
                        break
    except PlatformError:
        # Damaged: reading gets there again, and reports it after the rows before it are loaded.
        pass
    return survey.decide(), ended


def _has_more_to_say(survey: Survey, data: bytes, layout: Layout, now: datetime) -> bool:
    """Whether a block may have anything that the survey has not settled yet, or that contradicts it."""
    delimiter_is_comma = layout.delimiter == ","
    if survey.epoch is not None:
        return not epochs_within(data, layout, survey.epoch, now) or _has_odd_numbers(data, layout.delimiter)
    if survey.only_numbers_open and b"." not in data and b'"' not in data and (delimiter_is_comma or b"," not in data):
        return False
    return not survey.settled or _has_odd_numbers(data, layout.delimiter)


def _has_odd_numbers(data: bytes, delimiter: str) -> bool:
    """Whether a block may have numbers with a decimal comma or with groups: a quick test of its bytes."""
    if b'"' in data and not plainly_quoted(data, delimiter):
        return True
    if delimiter != "," and b"," in data:
        return True
    # 1.234.567: two points with three digits between them.
    characters = np.frombuffer(data, dtype=np.uint8)
    points = np.flatnonzero(characters == ord("."))
    close = points[:-1][np.diff(points) == 4]
    between = characters[close[:, None] + np.arange(1, 4)]
    return bool(((between >= ord("0")) & (between <= ord("9"))).all(axis=1).any())


@contextmanager
def _data(source: Source) -> Iterator[tuple[Iterator[Block], Callable[[], int]]]:
    """The blocks after the header, and a function that returns how far the file was read."""
    with opened(source.part) as (stream, raw):
        text = as_utf8(stream, source.layout.encoding, only_cr=source.only_cr)
        yield _behind(blocks(text), source.header_lines), raw.tell


def _behind(every: Iterator[Block], lines: int) -> Iterator[Block]:
    for block in every:
        data, line = block.data, block.line
        while lines and data:
            end = data.find(b"\n") + 1
            data, line, lines = data[end:] if end else b"", line + 1, lines - 1
        if data:
            yield Block(line, data)


def read(source: Source, seen: Seen, refuse: Refuse, position: Position) -> Iterator[Batch]:
    """Every good row of a file, in batches and in the file's order. `seen` has the keys read earlier from the same archive.

    `refuse` gets each bad row, `position` the number of bytes read. Raises PlatformError if the file is damaged.
    """
    now = datetime.now(UTC)
    if source.part.kind is FileKind.PARQUET:
        yield from parquet.read(source.part.path, source.layout, now, seen, refuse, position)
        return
    with _data(source) as (data, bytes_read):
        for block in data:
            batch = take(source.name, block.line, block.data, source.layout, seen, now)
            if batch is None:
                batch = _row_by_row(source, block, now, seen, refuse)
            position(bytes_read())
            if batch is not None:
                yield batch


def _row_by_row(source: Source, block: Block, now: datetime, seen: Seen, refuse: Refuse) -> Batch | None:
    layout = source.layout
    candles: list[Candle] = []
    numbers: list[int] = []
    rounded = 0
    for number, content in rows_of(block, layout):
        values: list[str] = []
        try:
            values = values_of(content, layout)
            judged = judge(fields_of(values, layout), layout.reading, now)
            if not seen.add(judged.candle.symbol, microseconds(judged.candle.timestamp)):
                raise BadRow("duplicate of an earlier row")
        except BadRow as reason:
            again = is_header_again(values, layout)
            if again is False:
                raise PlatformError(
                    "a second header, with other columns, or in another order",
                    where=f"{source.name}, line {number}",
                    next_step="split the file there, and load both parts; rows before it are loaded unless the load is strict",
                ) from None
            said = "the header again" if again else str(reason)
            refuse(Reject(source.name, number, said, content[:2000].decode("utf-8", errors="replace")))
        else:
            candles.append(judged.candle)
            numbers.append(number)
            rounded += judged.rounded
    return from_candles(source.name, candles, numbers, rounded) if candles else None
