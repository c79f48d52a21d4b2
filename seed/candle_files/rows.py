"""Lines to fields: a line is a row, and a quoted field can't contain a newline."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from seed.candle_files.layout import Layout
from seed.candle_files.opening import Block
from seed.candle_files.verdicts import BadRow

_REPLACED = "\ufffd"


def lines_of(block: Block) -> Iterator[tuple[int, bytes]]:
    """Every non-blank line, with its number in the file."""
    # Only a newline ends a row. Python's splitlines accepts a dozen other characters.
    for number, line in enumerate(block.data.removesuffix(b"\n").split(b"\n"), block.line):
        content = line.removesuffix(b"\r")
        if content.strip():
            yield number, content


def values_of(content: bytes, layout: Layout) -> list[str]:
    """The fields of a line, as many as the header has. Raises BadRow."""
    # Unused columns may have any encoding.
    text = content.decode("utf-8", errors="surrogateescape")
    try:
        (values,) = csv.reader([text], delimiter=layout.delimiter, strict=True)
    except (csv.Error, ValueError):
        raise BadRow("quotes don't match") from None
    if len(values) != layout.width:
        raise BadRow(f"{'a field is missing' if len(values) < layout.width else 'too many fields'}: {len(values)} of {layout.width}")
    for place in (*layout.places.values(), layout.clock or 0):
        if not values[place].isascii():
            _check_text(values[place], layout.encoding)
    return values


def _check_text(text: str, encoding: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadRow("text is not UTF-8: give --encoding") from None
    if encoding != "utf-8" and _REPLACED in text:
        raise BadRow(f"text is not {encoding}: give --encoding")


def fields_of(values: list[str], layout: Layout) -> dict[str, str]:
    """The table's columns among a line's fields, and `clock` if the time of day has a separate column."""
    fields = {name: values[place] for name, place in layout.places.items()}
    if layout.symbol is not None:
        fields["symbol"] = layout.symbol
    if layout.clock is not None:
        fields["clock"] = values[layout.clock]
    return fields


def is_header_again(values: list[str], layout: Layout) -> bool | None:
    """Whether a line repeats the header: True unchanged, False with its names in another order; None for any other line."""
    names, again = ([field.strip().lower() for field in row] for row in (layout.names, values))
    if sorted(names) != sorted(again):
        return None
    return names == again
