"""Text for a terminal: lines that fit its width, optional colours, escaped control characters, JSON.

Standard library only: the doctor runs without installed packages.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import unicodedata
from collections.abc import Sequence
from typing import TextIO

WIDE = 100
"""Minimum columns for the wide layout; below it the text of an entry is under its head."""

_NARROWEST = 20
_COLOURS = {"red": "1;31", "green": "32", "yellow": "33", "magenta": "35", "cyan": "36", "blue": "34", "bold": "1", "dim": "2"}
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_HOME_AND_CLEAR = "\x1b[H\x1b[J"


def columns() -> int:
    """The terminal's columns: COLUMNS if set, else the terminal's size, else 80."""
    return max(_NARROWEST, shutil.get_terminal_size((80, 24)).columns)


def has_colours(stream: TextIO) -> bool:
    """Whether to use colours: a terminal other than `dumb`, without NO_COLOR (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "") != "dumb"


def paint(text: str, colour: str, *, colours: bool) -> str:
    """The text in a colour of `_COLOURS`; unchanged without `colours` or for an empty colour."""
    return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if colours and colour else text


def plain(text: str) -> str:
    """The text with escaped control characters: output of servers must not control the terminal."""
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", text)


def cells(text: str) -> int:
    """The columns of a text: East Asian wide characters take two, combining ones none."""
    return sum(0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def pad(text: str, width: int) -> str:
    """The text padded with spaces to that many columns."""
    return text + " " * max(0, width - cells(text))


def fold(text: str, width: int) -> list[str]:
    """The text in lines of at most `width` columns, broken between words, inside a word only if it is longer than a line."""
    width = max(1, width)
    lines, line, used = [], "", 0
    for word in plain(text).split():
        for piece in _pieces(word, width):
            size = cells(piece)
            if line and used + 1 + size > width:
                lines.append(line)
                line, used = "", 0
            line, used = (f"{line} {piece}", used + 1 + size) if line else (piece, size)
    return [*lines, line] if line or not lines else lines


def _pieces(word: str, width: int) -> list[str]:
    if cells(word) <= width:
        return [word]
    pieces, piece = [], ""
    for letter in word:
        if piece and cells(piece + letter) > width:
            pieces.append(piece)
            piece = ""
        piece += letter
    return [*pieces, piece]


def entry(heads: Sequence[tuple[str, int, str]], text: Sequence[str], width: int, *, colours: bool) -> list[str]:
    """A list entry: heads (text, columns, colour), and paragraphs beside them, or below them on a narrow terminal."""
    if width < WIDE:
        # Nothing follows the last head.
        sizes = [*(size for _, size, _ in heads[:-1]), 0]
        short = "  ".join(paint(pad(name, size), colour, colours=colours) for (name, _, colour), size in zip(heads, sizes, strict=True))
        return [short, *(f"  {line}" for paragraph in text for line in fold(paragraph, width - 2))]
    head = "  ".join(paint(pad(name, size), colour, colours=colours) for name, size, colour in heads)
    taken = sum(size for _, size, _ in heads) + 2 * len(heads)
    lines = [line for paragraph in text for line in fold(paragraph, width - taken)] or [""]
    return [f"{head}  {lines[0]}".rstrip(), *(" " * taken + line for line in lines[1:])]


def json_text(content: object) -> str:
    """What `--json` prints: in lines, with letters as they are; a record is an object of its fields."""
    return json.dumps(content, indent=2, ensure_ascii=False, default=_written)


def _written(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return str(value)


def redraw(stream: TextIO, text: str) -> None:
    """Replace the screen by a text; lines beyond the terminal's height are left out."""
    height = shutil.get_terminal_size((80, 24)).lines
    lines = text.splitlines()
    if len(lines) >= height:
        lines = [*lines[: height - 2], f"… {len(lines) - height + 2} more lines"]
    stream.write(_HOME_AND_CLEAR + "\n".join(lines) + "\n")
    stream.flush()
