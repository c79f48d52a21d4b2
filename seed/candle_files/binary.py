"""Writes candles in PostgreSQL's binary COPY format, a whole block at once, which saves the server the parsing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]

# Columns in the order in which `rows` writes them.
NUMBERS = ("open", "high", "low", "close", "volume")
SCALE = 10_000  # numeric(19, 4), and a digit of numeric is four decimal digits
_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
_EPOCH_MICROSECONDS = 946_684_800_000_000  # 2000-01-01
_NEGATIVE = 0x4000


def rows(names: Sequence[str], codes: NDArray[np.signedinteger], times: Integers, numbers: Mapping[str, Integers]) -> bytes:
    """Rows for `copy … (symbol, timestamp, open, high, low, close, volume) … (format binary)`, with header and trailer.

    `names[codes]` are the symbols, `times` microseconds since 1970 in UTC, `numbers` the columns' values times 10,000; all of one
    length. Rows are sorted by symbol and time: neighbours in the server's file and in its indexes.
    The format is in PostgreSQL's documentation of COPY; a numeric's digits are those of `numeric_recv`.
    """
    encoded = [name.encode() for name in names]
    # Group symbols by length: their rows have the same size.
    ranked = sorted(range(len(names)), key=lambda code: (len(encoded[code]), encoded[code]))
    rank = np.empty(len(names), dtype=np.int64)
    rank[ranked] = np.arange(len(names))
    ranks = rank[codes]
    order = np.lexsort((times, ranks))
    ranks, times = ranks[order], times[order]
    parts = [_HEADER]
    lengths = np.array([len(encoded[code]) for code in ranked])
    for length in np.unique(lengths):
        first, last = np.searchsorted(lengths, [length, length + 1])
        start, end = np.searchsorted(ranks, [first, last])
        chosen = order[start:end]
        text = np.array([encoded[code] for code in ranked[first:last]], dtype=f"S{length}")
        values = {name: numbers[name][chosen] for name in NUMBERS}
        parts.append(_rows_of_one_size(text[ranks[start:end] - first], times[start:end], values))
    return b"".join([*parts, _TRAILER])


def _rows_of_one_size(symbols: NDArray[np.bytes_], times: Integers, numbers: Mapping[str, Integers]) -> bytes:
    digits = {name: _digits(values) for name, values in numbers.items()}
    fields: list[tuple[str, str] | tuple[str, str, tuple[int]]] = [
        ("fields", ">i2"),
        ("symbol_size", ">i4"),
        ("symbol", symbols.dtype.str),
        ("timestamp_size", ">i4"),
        ("timestamp", ">i8"),
    ]
    for name, count in digits.items():
        # Size, then count of digits, weight of the first, sign, decimals.
        fields += [(f"{name}_size", ">i4"), (f"{name}_head", ">u2", (4,)), (f"{name}_digits", ">i2", (count,))]
    records = np.empty(len(times), dtype=fields)
    records["fields"] = 2 + len(numbers)
    records["symbol_size"] = symbols.dtype.itemsize
    records["symbol"] = symbols
    records["timestamp_size"] = 8
    records["timestamp"] = times - _EPOCH_MICROSECONDS
    for name, count in digits.items():
        values = numbers[name]
        records[f"{name}_size"] = 8 + 2 * count
        head = records[f"{name}_head"]
        head[:, 0], head[:, 1], head[:, 3] = count, count - 2, 4
        head[:, 2] = np.where(values < 0, _NEGATIVE, 0)
        rest = np.abs(values)
        target = records[f"{name}_digits"]
        for place in range(count - 1, 0, -1):
            # NumPy divides by a constant with multiplications, but not for a remainder.
            higher = rest // SCALE
            target[:, place] = rest - higher * SCALE
            rest = higher
        target[:, 0] = rest
    return records.tobytes()


def _digits(values: Integers) -> int:
    """The number of base 10,000 digits that hold every value, with the four decimals; the server drops leading zeros."""
    largest = int(np.abs(values).max())
    count = 2
    while largest >= SCALE**count:
        count += 1
    return count
