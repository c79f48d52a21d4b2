"""Lines of a PDF's page, from the pieces that its commands show; a raised or lowered number stays apart from the digits beside it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seed.readers import marks

if TYPE_CHECKING:
    from pypdf import PageObject

_SMALLER = 0.85
_RAISED, _LOWERED = 0.15, -0.05
"""A number is raised if it is that much smaller than the text, and its line so much higher, as parts of the text's size."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line, and the size of most of its characters."""

    text: str
    size: float


@dataclass(frozen=True, slots=True)
class Piece:
    """A text of one font, with its size and the height of its line on the page, in points."""

    text: str
    size: float
    height: float = 0.0


@dataclass(slots=True)
class _Rise:
    """How much text is raised within its line: a state of the page's commands, and its value at the last shown text."""

    present: float = 0.0
    shown: float = 0.0
    saved: list[float] = field(default_factory=list)

    def follow(self, command: bytes, operands: Sequence[Any]) -> None:
        if command == b"Ts" and operands:
            self.present = float(operands[0])
        elif command == b"q":
            self.saved.append(self.present)
        elif command == b"Q" and self.saved:
            self.present = self.saved.pop()
        elif command in (b"Tj", b"TJ", b"'", b'"'):
            self.shown = self.present


def lines_of(page: PageObject) -> list[Line]:
    """The page's lines in reading order."""
    pieces: list[Piece] = []
    rise = _Rise()

    def take(text: str, cm: list[float], tm: list[float], _font: Any, size: float) -> None:
        scale = cm[3] or cm[1] or 1
        height = cm[5] + cm[3] * (tm[5] + rise.shown) + cm[1] * tm[4]
        pieces.append(Piece(text, abs(size * (tm[3] or tm[1] or 1) * scale), height))

    def follow(command: bytes, operands: Sequence[Any], _cm: Any, _tm: Any) -> None:
        rise.follow(command, operands)

    page.extract_text(visitor_text=take, visitor_operand_before=follow)
    return list(join(pieces))


def join(pieces: Iterable[Piece]) -> Iterator[Line]:
    """Pieces joined to lines."""
    text, sizes = "", Counter[float]()
    base: Piece | None = None
    after_script = False
    for piece in [*pieces, Piece("\n", 0.0)]:
        for part in re.split(r"(\n)", piece.text):
            if part == "\n":
                if text.strip():
                    yield Line(" ".join(text.split()), sizes.most_common(1)[0][0] if sizes else 0.0)
                text, sizes, base, after_script = "", Counter(), None, False
            elif part.strip():
                shown = _script(text, part, piece, base) if base else None
                if shown is None:
                    base = piece
                    text += f" {part}" if after_script and text[-1:].isdigit() and part[:1].isdigit() else part
                else:
                    text += shown
                after_script = shown is not None
                sizes[round(piece.size, 1)] += len(part.strip())
            else:
                text += part


def _script(before: str, part: str, piece: Piece, base: Piece) -> str | None:
    """How a raised or lowered text is written; None for one that is neither."""
    if not 0 < piece.size < base.size * _SMALLER:
        return None
    apart = (piece.height - base.height) / base.size
    if apart > _RAISED:
        return marks.raised(before, part)
    return marks.lowered(before, part) if apart < _LOWERED else None
