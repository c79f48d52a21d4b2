"""Text for a terminal: lines that fit its width, colours where they are wanted, and nothing in them that moves the cursor.

Standard library only: what a machine lacks is told by a bare Python.
"""

from __future__ import annotations

import os
import re
import shutil
import unicodedata
from collections.abc import Sequence
from typing import TextIO

WIDE = 100
"""Columns from which on lists are shown side by side; below, each entry has lines of its own."""

_NARROWEST = 20
_COLOURS = {"red": "1;31", "green": "32", "yellow": "33", "magenta": "35", "cyan": "36", "blue": "34", "bold": "1", "dim": "2"}
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_HOME_AND_CLEAR = "\x1b[H\x1b[J"


def columns() -> int:
    """How many columns the terminal has: COLUMNS where it is set, else what the terminal says, else 80."""
    return max(_NARROWEST, shutil.get_terminal_size((80, 24)).columns)


def has_colours(stream: TextIO) -> bool:
    """Whether colours are wanted there: it is a terminal that knows them, and NO_COLOR (https://no-color.org) is not set."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "") != "dumb"


def paint(text: str, colour: str, *, colours: bool) -> str:
    """The text in a colour of `_COLOURS`; as it is without `colours`, or for an empty colour."""
    return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if colours and colour else text


def plain(text: str) -> str:
    """The text with control characters written out: what a server or a client says must not steer the terminal."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def cells(text: str) -> int:
    """How many columns a text takes: those of East Asia take two, and what is put on top of a letter none."""
    return sum(0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text)


def pad(text: str, width: int) -> str:
    """The text with spaces up to that many columns."""
    return text + " " * max(0, width - cells(text))


def fold(text: str, width: int) -> list[str]:
    """The text in lines of at most `width` columns, cut between words, and inside one only where it is longer than a line."""
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
    """An entry of a list: heads, each with its columns and its colour, and paragraphs of text beside them, or below where it is narrow."""
    if width < WIDE:
        # The last head has nothing beside it.
        sizes = [*(size for _, size, _ in heads[:-1]), 0]
        short = "  ".join(paint(pad(name, size), colour, colours=colours) for (name, _, colour), size in zip(heads, sizes, strict=True))
        return [short, *(f"  {line}" for each in text for line in fold(each, width - 2))]
    head = "  ".join(paint(pad(name, size), colour, colours=colours) for name, size, colour in heads)
    taken = sum(size for _, size, _ in heads) + 2 * len(heads)
    lines = [line for each in text for line in fold(each, width - taken)] or [""]
    return [f"{head}  {lines[0]}".rstrip(), *(" " * taken + line for line in lines[1:])]


def redraw(stream: TextIO, text: str) -> None:
    """Show a text in place of the last one, from the terminal's upper left corner; what doesn't fit its height is cut off below."""
    height = shutil.get_terminal_size((80, 24)).lines
    lines = text.splitlines()
    if len(lines) >= height:
        lines = [*lines[: height - 2], f"… {len(lines) - height + 2} more lines"]
    stream.write(_HOME_AND_CLEAR + "\n".join(lines) + "\n")
    stream.flush()
