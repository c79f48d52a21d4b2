"""Takes a whole block of rows at once where nothing about it is odd, by columns instead of row by row.

What it accepts is exactly what `judging` would accept and the server reads alike. Anything it isn't sure of it declines, and the
block is then read row by row: so it may be simple, and needn't explain.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np

from airgap.errors import PlatformError
from seed.candle_files import binary
from seed.candle_files.batches import Batch, microseconds
from seed.candle_files.seen import Seen, Times

# Doubles tell two prices of four decimals apart up to here.
_LARGEST = 1e11
_NUMBERS = binary.NUMBERS


def arrow(module: str = "") -> Any:
    """Pyarrow, or one of its modules; loaded late, because it takes a while.

    Raises PlatformError where it is not installed.
    """
    try:
        return importlib.import_module(f"pyarrow{module and '.' + module}")
    except ImportError as error:
        raise PlatformError(
            f"pyarrow can't be loaded: {error}", where="seed.market", next_step="install the locked dependencies again: make up"
        ) from error


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a file's fields are: `places` maps the table's columns to them, of `width` fields parted by `delimiter`."""

    places: dict[str, int]
    width: int
    delimiter: str
    symbol: str | None
    timezone: str


def take(file: str, line: int, data: bytes, layout: Layout, seen: Seen, now: datetime) -> Batch | None:
    """The block, which begins on `line`, as a batch, its keys noted in `seen`.

    None where it has to be read row by row, and then nothing is noted.
    """
    if b"\0" in data:
        return None
    if b"\r" in data:
        # Alone, a carriage return means different things to different readers.
        if data.count(b"\r") != data.count(b"\r\n"):
            return None
        data = data.replace(b"\r\n", b"\n")
    if b'"' in data:
        if not _plainly_quoted(data, layout.delimiter):
            return None
        data = data.replace(b'"', b"")
    table = _parse(data, layout, exact=True) or _parse(data, layout, exact=False)
    # Fewer rows than lines means blank lines: then a row's number would not be its line's.
    if table is None or table.num_rows != data.count(b"\n") + (not data.endswith(b"\n")):
        return None
    columns = {name: table.column(str(place)) for name, place in layout.places.items()}
    numbers, exact = _numbers(columns)
    if numbers is None or not _sound(numbers, _LARGEST * binary.SCALE if exact else _LARGEST):
        return None
    times = _times(columns["timestamp"], layout.timezone, now)
    if times is None:
        return None
    coded = _symbols(columns.get("symbol"), layout.symbol, len(times))
    if coded is None or not _note(coded, times, seen):
        return None
    if len(columns) == layout.width and layout.symbol is None:
        order = sorted(layout.places, key=lambda name: layout.places[name])
        payload, delimiter = data, layout.delimiter
    else:
        order = [*(["symbol"] if layout.symbol is not None else []), *layout.places]
        payload, delimiter = _rewritten(columns, layout.symbol, order), ","
    lines = range(line, line + table.num_rows)
    ready = binary.rows(*coded, times, numbers) if exact else b""
    first, last = int(times.min()), int(times.max())
    return Batch(file, lines, tuple(order), delimiter, payload, coded.names, first, last, layout.timezone, ready)


def _plainly_quoted(data: bytes, delimiter: str) -> bool:
    """Whether every quote opens or closes a whole field that holds neither quotes nor delimiters: then all of them may be left out."""
    characters = np.frombuffer(b"\n" + data + b"\n", dtype=np.uint8)
    quotes = np.flatnonzero(characters == ord('"'))
    if quotes.size % 2:
        return False
    ends = (characters == ord(delimiter)) | (characters == ord("\n"))
    opening, closing = quotes[::2], quotes[1::2]
    passed = np.cumsum(ends, dtype=np.int32)
    return bool(ends[opening - 1].all() and ends[closing + 1].all() and (passed[opening] == passed[closing]).all())


def _parse(data: bytes, layout: Layout, *, exact: bool) -> Any | None:
    """Every wanted field, as text or, with `exact`, numbers as decimals of four places.

    None where a row has too few or too many fields, the text is not UTF-8, or a number is none or has more places.
    """
    reader, pa = arrow("csv"), arrow()
    names = [str(place) for place in range(layout.width)]
    types = {str(place): pa.decimal128(19, 4) if exact and name in _NUMBERS else pa.string() for name, place in layout.places.items()}
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


def _numbers(columns: dict[str, Any]) -> tuple[dict[str, Any] | None, bool]:
    """The numbers, and whether they are exact: integers, 10,000 times the values. Else doubles; None where a field is no number."""
    pa, compute = arrow(), arrow("compute")
    if pa.types.is_decimal(columns["open"].type):
        # 128 bits each, the lower half first; what needs the upper half is far too large and shows in the sign.
        halves = {name: np.frombuffer(columns[name].combine_chunks().buffers()[1], "<i8").reshape(-1, 2) for name in _NUMBERS}
        fits = all(bool((each[:, 1] == each[:, 0] >> 63).all()) for each in halves.values())
        return ({name: each[:, 0] for name, each in halves.items()} if fits else None), True
    try:
        return {name: compute.cast(columns[name], pa.float64()).to_numpy() for name in _NUMBERS}, False
    except pa.ArrowInvalid:
        return None, False


def _sound(numbers: dict[str, Any], limit: float) -> bool:
    low, high = numbers["low"], numbers["high"]
    # NaN fails every comparison, so none of these lets one through.
    return bool(
        all((np.abs(values) < limit).all() for values in numbers.values())
        and (low <= high).all()
        and all(((low <= numbers[name]) & (numbers[name] <= high)).all() for name in ("open", "close"))
        and (numbers["volume"] >= 0).all()
    )


def _times(column: Any, timezone: str, now: datetime) -> Times | None:
    """Microseconds since 1970 in UTC; None where a time is odd, in the future, or a local time that isn't exactly one moment."""
    pa, compute = arrow(), arrow("compute")
    sample = column[0].as_py()
    # An offset follows the time of day; a day alone has hyphens, too.
    has_offset = sample.endswith("Z") or "+" in sample or sample.count("-") > 2
    try:
        if has_offset:
            times = compute.cast(column, pa.timestamp("us", tz="UTC"))
        else:
            local = compute.cast(column, pa.timestamp("us"))
            times = compute.assume_timezone(local, timezone, ambiguous="raise", nonexistent="raise")
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None
    values: Times = compute.cast(times, pa.int64()).to_numpy()
    within = microseconds(datetime(1, 1, 2, tzinfo=UTC)) <= int(values.min()) and int(values.max()) <= microseconds(now)
    return values if within else None


class _Coded(NamedTuple):
    """The symbols of a block: each row's is `names[codes]`."""

    names: tuple[str, ...]
    codes: Any


def _symbols(column: Any | None, symbol: str | None, count: int) -> _Coded | None:
    """The block's symbols; None where one is odd."""
    if column is None:
        return _Coded((symbol or "",), np.zeros(count, dtype=np.int64))
    encoded = column.combine_chunks().dictionary_encode()
    names: list[str] = encoded.dictionary.to_pylist()
    if not all(0 < len(name) <= 20 and name == name.strip() for name in names):
        return None
    return _Coded(tuple(names), encoded.indices.to_numpy())


def _note(coded: _Coded, times: Times, seen: Seen) -> bool:
    """Note every key of the block; False, and nothing noted, where one is a repetition."""
    order = np.argsort(coded.codes, kind="stable")
    edges = np.searchsorted(coded.codes[order], np.arange(len(coded.names) + 1))
    return seen.add_together({name: times[order[edges[code] : edges[code + 1]]] for code, name in enumerate(coded.names)})


def _rewritten(columns: dict[str, Any], symbol: str | None, order: list[str]) -> bytes:
    """The wanted columns alone. No field holds a quote, so none needs any, but the delimiter may have been another."""
    writer, pa = arrow("csv"), arrow()
    length = len(columns["timestamp"])
    arrays = [pa.array([symbol] * length) if name not in columns else columns[name] for name in order]
    sink = pa.BufferOutputStream()
    writer.write_csv(pa.table(arrays, names=order), sink, writer.WriteOptions(include_header=False, quoting_style="needed"))
    return bytes(sink.getvalue())
