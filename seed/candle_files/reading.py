"""Reads a file into batches of good rows, and puts the bad ones aside."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from airgap.errors import PlatformError
from seed.candle_files import parquet
from seed.candle_files.batches import Batch, from_candles, microseconds
from seed.candle_files.fast import Layout, take
from seed.candle_files.judging import BadRow, judge
from seed.candle_files.opening import Block, Kind, blocks, first_line, kind_of, opened
from seed.candle_files.options import LoadOptions, match_header
from seed.candle_files.rejects import Reject
from seed.candle_files.seen import Seen
from seed.candles import Candle

Refuse = Callable[[Reject], None]
Position = Callable[[int], None]
_DELIMITERS = ",;\t"


@dataclass(frozen=True, slots=True)
class Source:
    """A file that was found fit to be read."""

    path: Path
    kind: Kind
    size: int
    layout: Layout


def inspect(path: Path, options: LoadOptions) -> Source:
    """Look at a file's beginning, and match its header with the table's columns.

    Raises PlatformError where the file is missing, empty or damaged, or lacks a column.
    """
    kind = kind_of(path)
    if kind is Kind.PARQUET:
        header, delimiter = parquet.header(path), ","
    else:
        with opened(path, kind) as (stream, _):
            text, _ = first_line(stream)
        delimiter = max(_DELIMITERS, key=text.count)
        header = next(csv.reader([text], delimiter=delimiter), [])
    if not any(name.strip() for name in header):
        raise PlatformError("the file has no header line", where=str(path), next_step="its first line has to name the columns")
    places = match_header(header, options, str(path))
    return Source(path, kind, path.stat().st_size, Layout(places, len(header), delimiter, options.symbol, options.timezone))


def read(source: Source, options: LoadOptions, refuse: Refuse, position: Position) -> Iterator[Batch]:
    """Every good row of a file, in batches and in the file's order.

    `refuse` hears of each bad row, `position` how many bytes of the file were read. Raises PlatformError where the file is damaged.
    """
    now = datetime.now(UTC)
    seen = Seen()
    if source.kind is Kind.PARQUET:
        yield from parquet.read(source.path, source.layout, options, now, seen, refuse, position)
        return
    with opened(source.path, source.kind) as (stream, raw):
        for number, block in enumerate(blocks(stream)):
            data, line = block.data, block.line
            if number == 0:
                end = data.find(b"\n") + 1
                data, line = (data[end:] if end else b""), line + 1
            batch = take(str(source.path), line, data, source.layout, seen, now) if data else None
            if batch is None and data:
                batch = _row_by_row(source, Block(line, data), options, now, seen, refuse)
            position(raw.tell())
            if batch is not None:
                yield batch


def _row_by_row(source: Source, block: Block, options: LoadOptions, now: datetime, seen: Seen, refuse: Refuse) -> Batch | None:
    zone = options.zone()
    candles: list[Candle] = []
    numbers: list[int] = []
    # Only a newline ends a row. Python's splitlines would end one at any of a dozen characters.
    lines = block.data.removesuffix(b"\n").split(b"\n")
    for number, line in enumerate(lines, block.line):
        content = line.removesuffix(b"\r")
        if not content.strip():
            continue
        try:
            candle = judge(_fields(content, source.layout), zone, now)
            if not seen.add(candle.symbol, microseconds(candle.timestamp)):
                raise BadRow("duplicate of an earlier row")
        except BadRow as reason:
            refuse(Reject(str(source.path), number, str(reason), content[:2000].decode("utf-8", errors="replace")))
        else:
            candles.append(candle)
            numbers.append(number)
    return from_candles(str(source.path), candles, numbers) if candles else None


def _fields(raw: bytes, layout: Layout) -> dict[str, str]:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadRow("text is not UTF-8") from error
    try:
        (values,) = csv.reader([text], delimiter=layout.delimiter, strict=True)
    except (csv.Error, ValueError):
        raise BadRow("quotes don't match") from None
    if len(values) != layout.width:
        raise BadRow(f"{'a field is missing' if len(values) < layout.width else 'too many fields'}: {len(values)} of {layout.width}")
    fields = {name: values[place] for name, place in layout.places.items()}
    return fields if layout.symbol is None else {**fields, "symbol": layout.symbol}
