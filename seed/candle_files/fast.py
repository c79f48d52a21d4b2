"""Reads a whole block of rows at once, column by column, if the block is entirely plain.

It accepts only blocks that `judging` would accept and the server reads in the same way. Any other block is declined
and read row by row: so this code can be simple and needs no messages.
"""

from __future__ import annotations

import importlib
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np

from core.errors import PlatformError
from seed.candle_files import binary
from seed.candle_files.batches import Batch, microseconds
from seed.candle_files.judging import ROUNDED
from seed.candle_files.layout import Layout
from seed.candle_files.moments import EPOCHS, FIRST_YEAR, Form, TimeStyle, possible_epoch
from seed.candle_files.seen import Seen, Times
from seed.candle_files.symbols import is_plain

_NUMBERS = binary.NUMBERS
_PLACES = 4
_SMALLEST = np.iinfo(np.int64).min  # has no negative
_DAY_LENGTH = len("2024-01-02")
_REPLACED = "\ufffd".encode()


def arrow(module: str = "") -> Any:
    """Pyarrow, or one of its modules; imported late, because that takes a while.

    Raises PlatformError if it is not installed.
    """
    try:
        return importlib.import_module(f"pyarrow{module and '.' + module}")
    except ImportError as error:
        raise PlatformError(
            f"pyarrow can't be loaded: {error}", where="seed.market", next_step="install the locked dependencies again: make up"
        ) from error


def take(file: str, line: int, data: bytes, layout: Layout, seen: Seen, now: datetime) -> Batch | None:
    """The block, which begins on `line`, as a batch; its keys are noted in `seen`.

    None if it must be read row by row; then nothing is noted.
    """
    if b"\0" in data or not _is_plain(layout) or (layout.encoding != "utf-8" and _REPLACED in data):
        return None
    if b"\r" in data:
        # A lone carriage return means different things to different readers.
        if data.count(b"\r") != data.count(b"\r\n"):
            return None
        data = data.replace(b"\r\n", b"\n")
    if b'"' in data:
        if not plainly_quoted(data, layout.delimiter):
            return None
        data = data.replace(b'"', b"")
    table = _parse(data, layout, wide=frozenset()) or _parse(data, layout, wide=ROUNDED)
    # Fewer rows than lines means blank lines: then a row's number is not its line's.
    if table is None or table.num_rows != data.count(b"\n") + (not data.endswith(b"\n")):
        return None
    columns = {name: table.column(str(place)) for name, place in layout.places.items()}
    stored = _stored(columns)
    if stored is None or not _sound(stored.numbers):
        return None
    timed = _times(columns["timestamp"], layout.reading.times, now)
    if timed is None:
        return None
    times, timezone = timed
    coded = _symbols(columns.get("symbol"), layout.symbol, len(times))
    if coded is None or not _note(coded, times, seen):
        return None
    if len(columns) == layout.width and layout.symbol is None and timezone:
        order = sorted(layout.places, key=lambda name: layout.places[name])
        payload, delimiter = data, layout.delimiter
    else:
        order = [*(["symbol"] if layout.symbol is not None else []), *layout.places]
        payload, delimiter = _rewritten(columns, times if not timezone else None, layout.symbol, order), ","
    lines = range(line, line + table.num_rows)
    ready = binary.rows(*coded, times, stored.numbers)
    first, last = int(times.min()), int(times.max())
    return Batch(file, lines, tuple(order), delimiter, payload, coded.names, first, last, timezone or "UTC", ready, stored.rounded)


def _is_plain(layout: Layout) -> bool:
    """Whether the server can read the fields' text almost directly: numbers with a point, times in ISO 8601 or epoch numbers."""
    times = layout.reading.times
    return layout.clock is None and layout.reading.numbers.decimal == "." and not times.days and times.form in (Form.ISO, *EPOCHS)


def plainly_quoted(data: bytes, delimiter: str) -> bool:
    """Whether every quote encloses a whole field without quotes or delimiters in it: then all quotes can be dropped."""
    characters = np.frombuffer(b"\n" + data + b"\n", dtype=np.uint8)
    quotes = np.flatnonzero(characters == ord('"'))
    if quotes.size % 2:
        return False
    ends = (characters == ord(delimiter)) | (characters == ord("\n"))
    opening, closing = quotes[::2], quotes[1::2]
    passed = np.cumsum(ends, dtype=np.int32)
    return bool(ends[opening - 1].all() and ends[closing + 1].all() and (passed[opening] == passed[closing]).all())


def _parse(data: bytes, layout: Layout, *, wide: frozenset[str]) -> Any | None:
    """Every needed field as text, numbers as decimals: of four places, or of sixteen for columns in `wide`.

    None if a row has too few or too many fields, the text is not UTF-8, or a number is invalid or has more places.
    """
    reader, pa = arrow("csv"), arrow()
    names = [str(place) for place in range(layout.width)]
    types = {
        str(place): pa.string() if name not in _NUMBERS else pa.decimal128(38, 16) if name in wide else pa.decimal128(19, 4)
        for name, place in layout.places.items()
    }
    try:
        table = reader.read_csv(
            pa.BufferReader(data),
            read_options=reader.ReadOptions(column_names=names, use_threads=False, block_size=len(data) + 1),
            parse_options=reader.ParseOptions(delimiter=layout.delimiter, quote_char=False),
            convert_options=reader.ConvertOptions(
                column_types=types, include_columns=list(types), null_values=[], strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid:
        return None
    return table if table.num_rows else None


class _Kept(NamedTuple):
    """Integers, 10,000 times the stored value, and the number of rows where rounding changed it."""

    numbers: dict[str, Any]
    rounded: int


def _stored(columns: dict[str, Any]) -> _Kept | None:
    """The numbers as the table stores them; None if one is too large."""
    pa, compute = arrow(), arrow("compute")
    numbers, rounded = {}, None
    for name in _NUMBERS:
        column = columns[name]
        if column.type.scale > _PLACES:
            try:
                rounded_column = compute.cast(compute.round(column, _PLACES, "half_towards_infinity"), pa.decimal128(19, _PLACES))
                differs = compute.not_equal(compute.cast(rounded_column, column.type), column)
            except pa.ArrowInvalid:
                return None
            rounded = differs if rounded is None else compute.or_(rounded, differs)
            column = rounded_column
        # 128 bits each, the lower half first; a value that needs the upper half is far too large and shows in the sign.
        halves = np.frombuffer(column.combine_chunks().buffers()[1], "<i8").reshape(-1, 2)
        if not bool((halves[:, 1] == halves[:, 0] >> 63).all()):
            return None
        numbers[name] = halves[:, 0]
    return _Kept(numbers, 0 if rounded is None else compute.sum(rounded).as_py() or 0)


def _sound(numbers: dict[str, Any]) -> bool:
    low, high = numbers["low"], numbers["high"]
    return bool(
        all((values > _SMALLEST).all() for values in numbers.values())
        and (low <= high).all()
        and all(((low <= numbers[name]) & (numbers[name] <= high)).all() for name in ("open", "close"))
        and (numbers["volume"] >= 0).all()
    )


def _times(column: Any, style: TimeStyle, now: datetime) -> tuple[Times, str] | None:
    """Microseconds since 1970 in UTC, and the zone in which the server reads the text the same way, empty if there is none.

    None if a time is odd, in the future, or a local time that is not exactly one moment.
    """
    pa, compute = arrow(), arrow("compute")
    sample, zone = column[0].as_py(), style.timezone
    # An offset follows the time of day; a day without time has hyphens too.
    has_offset = sample.endswith("Z") or "+" in sample or sample.count("-") > 2
    try:
        if style.form in EPOCHS:
            values, zone = _since_1970(compute.cast(column, pa.int64()).to_numpy(), style), ""
        elif has_offset:
            values = compute.cast(compute.cast(column, pa.timestamp("us", tz="UTC")), pa.int64()).to_numpy()
        else:
            if zone != "UTC":
                lengths = compute.min_max(compute.utf8_length(column)).as_py()
                if lengths["min"] <= _DAY_LENGTH < lengths["max"]:
                    return None
                # A day without time is the exchange's day in any zone.
                zone = "UTC" if lengths["max"] <= _DAY_LENGTH else zone
            local = compute.cast(column, pa.timestamp("us"))
            values = compute.cast(compute.assume_timezone(local, zone, ambiguous="raise", nonexistent="raise"), pa.int64()).to_numpy()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None
    if values is None:
        return None
    within = microseconds(datetime(FIRST_YEAR, 1, 2, tzinfo=UTC)) <= int(values.min()) and int(values.max()) <= microseconds(now)
    return (values, zone) if within else None


def _since_1970(numbers: Any, style: TimeStyle) -> Times | None:
    power = 6 - EPOCHS[style.form]
    # Outside this range, and at 0, row-by-row reading has a message.
    if (np.abs(numbers) >= 10**18).any() or (power > 0 and (np.abs(numbers) >= 10 ** (17 - power)).any()) or (numbers == 0).any():
        return None
    if power >= 0:
        times: Times = numbers * 10**power
        return times
    return None if (numbers % 1000).any() else numbers // 1000


def epochs_within(data: bytes, layout: Layout, form: Form, now: datetime) -> bool:
    """Whether every time of a block is a plausible epoch number in this unit."""
    pa, compute, reader = arrow(), arrow("compute"), arrow("csv")
    place = str(layout.places["timestamp"])
    if b'"' in data or b"\r" in data.replace(b"\r\n", b""):
        return False
    try:
        table = reader.read_csv(
            pa.BufferReader(data),
            read_options=reader.ReadOptions(
                column_names=[str(place) for place in range(layout.width)], use_threads=False, block_size=len(data) + 1
            ),
            parse_options=reader.ParseOptions(delimiter=layout.delimiter, quote_char=False),
            convert_options=reader.ConvertOptions(column_types={place: pa.int64()}, include_columns=[place], null_values=[]),
        )
    except pa.ArrowInvalid:
        return False
    ends = compute.min_max(table.column(place)).as_py()
    return all(possible_epoch(str(end), form, now) is not None for end in ends.values() if end is not None)


class _Coded(NamedTuple):
    """The symbols of a block: each row's is `names[codes]`."""

    names: tuple[str, ...]
    codes: Any


def _symbols(column: Any | None, symbol: str | None, count: int) -> _Coded | None:
    """The block's symbols; None if one is odd."""
    if column is None:
        return _Coded((symbol,), np.zeros(count, dtype=np.int64)) if symbol and is_plain(symbol) else None
    encoded = column.combine_chunks().dictionary_encode()
    names: list[str] = encoded.dictionary.to_pylist()
    if not all(is_plain(name) for name in names):
        return None
    return _Coded(tuple(names), encoded.indices.to_numpy())


def _note(coded: _Coded, times: Times, seen: Seen) -> bool:
    """Note every key of the block; False, with nothing noted, if one is a repetition."""
    order = np.argsort(coded.codes, kind="stable")
    edges = np.searchsorted(coded.codes[order], np.arange(len(coded.names) + 1))
    return seen.add_together({name: times[order[edges[code] : edges[code + 1]]] for code, name in enumerate(coded.names)})


def _rewritten(columns: dict[str, Any], times: Times | None, symbol: str | None, order: list[str]) -> bytes:
    """The needed columns, with times from `times` if given. No field has a quote, but the delimiter may have been another one."""
    writer, pa = arrow("csv"), arrow()
    length = len(columns["timestamp"])
    chosen = dict(columns) if symbol is None else {**columns, "symbol": pa.array([symbol] * length)}
    if times is not None:
        chosen["timestamp"] = pa.array(times, pa.timestamp("us", tz="UTC"))
    sink = pa.BufferOutputStream()
    writer.write_csv(
        pa.table([chosen[name] for name in order], names=order), sink, writer.WriteOptions(include_header=False, quoting_style="needed")
    )
    return bytes(sink.getvalue())
