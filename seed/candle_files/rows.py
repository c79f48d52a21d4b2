"""Lines to rows and fields. A row is a line; where a quoted field goes on, it is several."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator

from seed.candle_files.header import DATUM
from seed.candle_files.layout import Layout
from seed.candle_files.opening import Block
from seed.candle_files.verdicts import BadRow

_REPLACED = "\ufffd"
_LONGEST_ROW = 50  # lines; a quotation mark that is never closed must not swallow a file
_FORMULA = re.compile(r'="([^"]*)"')


def rows_of(block: Block, layout: Layout) -> Iterator[tuple[int, bytes]]:
    """Every row that isn't blank, with the number of its first line in the file."""
    lines = list(_lines_of(block))
    at = 0
    while at < len(lines):
        number, content = lines[at]
        height = 1
        if content.count(b'"') % 2 and _fields(content, layout) is None and (whole := _joined(lines[at : at + _LONGEST_ROW], layout)):
            content, height = whole
        yield number, content
        at += height


def _joined(lines: list[tuple[int, bytes]], layout: Layout) -> tuple[bytes, int] | None:
    """The row that begins with a quoted field that goes on in the next lines, and its number of lines; None if there is none."""
    content = b""
    for height, (_, line) in enumerate(lines, 1):
        content += b"\n" * bool(content) + line
        if content.count(b'"') % 2 == 0 and (values := _fields(content, layout)) and len(values) == layout.width:
            return content, height
    return None


def _fields(content: bytes, layout: Layout) -> list[str] | None:
    """The fields of a row; None if its quotes don't match."""
    # Unused columns may have any encoding.
    text = content.decode("utf-8", errors="surrogateescape")
    try:
        (values,) = csv.reader([text], delimiter=layout.delimiter, strict=True)
    except (csv.Error, ValueError):
        return None
    return values


def _lines_of(block: Block) -> Iterator[tuple[int, bytes]]:
    """Every non-blank line, with its number in the file."""
    # Only a newline ends a row. Python's splitlines accepts a dozen other characters.
    for number, line in enumerate(block.data.removesuffix(b"\n").split(b"\n"), block.line):
        content = line.removesuffix(b"\r")
        if content.strip():
            yield number, content


def values_of(content: bytes, layout: Layout) -> list[str]:
    """The fields of a row, as many as the header has. Raises BadRow."""
    values = _fields(content, layout)
    if values is None:
        raise BadRow("a carriage return inside of the row" if b"\r" in content else "quotes don't match")
    if len(values) != layout.width:
        raise BadRow(f"{'a field is missing' if len(values) < layout.width else 'too many fields'}: {len(values)} of {layout.width}")
    for place in (*layout.places.values(), layout.clock or 0):
        if not values[place].isascii():
            _check_text(values[place], layout.encoding)
        if text := _FORMULA.fullmatch(values[place].strip()):
            values[place] = text[1]  # ="005930" keeps a spreadsheet from taking it for a number
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
    """Whether a row repeats the header: True unchanged, False with its names in another order or others; None for any other row."""
    names, again = ([field.strip().lower() for field in row] for row in (layout.names, values))
    if names == again:
        return True
    used = {names[place] for place in layout.places.values()}
    others = len(used.intersection(again)) > 1 and not any(field and DATUM.fullmatch(field) for field in again)
    return False if others or sorted(names) == sorted(again) else None
