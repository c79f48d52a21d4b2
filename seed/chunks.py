"""Splits a document into chunks: one section each, within a token bound, with some overlap if a section needs several."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from seed.blocks import Block, BlockKind
from seed.tokens import estimate

TOKEN_BOUND = 320
"""The most tokens in a chunk. The bundled model reads 512 at a time, and distinguishes shorter passages better."""
OVERLAP = 40
"""Tokens at a chunk's end that the next one of the same section repeats."""
CODE_BOUND = 380
"""A code block up to this size stays whole; a longer one is split between lines: beyond its window the model averages, and finds badly."""
HEADING_BOUND = 60
"""A longer heading is a paragraph: its beginning names the section, and it is the section's first text."""
SECTION_SEPARATOR = " > "

_SENTENCE_END = re.compile("((?<=[.!?])\\s+|(?<=[\u3002\uff01\uff1f])\\s*|\\n+)")
_JOINED = re.compile("[\u0300-\u036f\u1160-\u11ff\u200d\ufe00-\ufe0f\U0001f3fb-\U0001f3ff]")
"""Characters that belong to the one before them: accents, later letters of a Hangul syllable, parts of an emoji."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage. `section` is the path of headings above it, `number` counts from 1 within the document."""

    number: int
    section: str
    content: str
    tokens: int


@dataclass(frozen=True, slots=True)
class _Unit:
    """A part that is never split. `joint` joins it to the unit before it; `header` is repeated in each chunk."""

    text: str
    kind: BlockKind
    joint: str
    header: str = ""


def chunk(blocks: Iterable[Block], *, bound: int = TOKEN_BOUND, overlap: int = OVERLAP) -> list[Chunk]:
    """Return the chunks of a document, in order; none if it has only headings.

    A heading with nothing below it is a separate chunk. A chunk exceeds `bound` tokens only for a code block of up
    to CODE_BOUND; anything else that is longer (a row, a word) is split.
    """
    filled = [block for block in blocks if block.text.strip() or (block.kind is BlockKind.TABLE and block.header.strip())]
    if all(block.kind is BlockKind.HEADING for block in filled):
        return []
    chunks: list[Chunk] = []
    for section, body in _sections(filled):
        units = [unit for block in body for unit in _units(block, bound)]
        for content in _pack(units, bound, overlap):
            chunks.append(Chunk(len(chunks) + 1, section, content, estimate(content)))
    return chunks


def _sections(blocks: Iterable[Block]) -> Iterator[tuple[str, list[Block]]]:
    path: list[tuple[int, str]] = []
    body: list[Block] = []
    for block in blocks:
        if block.kind is not BlockKind.HEADING:
            body.append(block)
            continue
        if body or (path and block.level <= path[-1][0]):
            yield _section(path, body)
        title = " ".join(block.text.split())
        long = estimate(title) > HEADING_BOUND
        body = [Block(BlockKind.TEXT, title)] if long else []
        path = [(level, above) for level, above in path if level < block.level]
        path.append((block.level, next(_bounded(title, HEADING_BOUND))[0] + " …" if long else title))
    if body or path:
        yield _section(path, body)


def _section(path: Sequence[tuple[int, str]], body: list[Block]) -> tuple[str, list[Block]]:
    """A section's name and content: its own title if nothing is below it."""
    return SECTION_SEPARATOR.join(title for _, title in path), body or [Block(BlockKind.TEXT, path[-1][1])]


def _units(block: Block, bound: int) -> Iterator[_Unit]:
    match block.kind:
        case BlockKind.CODE:
            for piece in _code_pieces(block, bound):
                yield _Unit(piece, block.kind, "\n\n")
        case BlockKind.TABLE:
            yield from _table_units(block, bound)
        case BlockKind.LIST:
            for number, line in enumerate(line for line in block.text.split("\n") if line.strip()):
                for part, (piece, joint) in enumerate(_bounded(line, bound)):
                    yield _Unit(piece, block.kind, joint if part else "\n" if number else "\n\n")
        case _:
            first, between = True, " "
            # Every second part is the separator between two sentences.
            for number, text in enumerate(_SENTENCE_END.split(block.text.strip())):
                if number % 2:
                    between = " " if text else ""
                elif text.strip():
                    for part, (piece, joint) in enumerate(_bounded(text, bound)):
                        yield _Unit(piece, block.kind, joint if part else "\n\n" if first else between)
                        first = False


def _table_units(block: Block, bound: int) -> Iterator[_Unit]:
    """Rows, each with the table's header; a header that is too long to repeat becomes text, once."""
    rows = [line for line in block.text.split("\n") if line.strip()]
    header = block.header
    if not rows or estimate(header) > bound // 2:
        for part, (piece, joint) in enumerate(_bounded(header, bound)):
            yield _Unit(piece, BlockKind.TEXT, joint if part else "\n\n")
        header = ""
    left = bound - estimate(header) if header else bound
    for number, row in enumerate(rows):
        for part, (piece, _) in enumerate(_bounded(row, left)):
            yield _Unit(piece, block.kind, "\n" if number or part else "\n\n", header)


def _bounded(text: str, bound: int) -> Iterator[tuple[str, str]]:
    """The text in pieces of at most `bound` tokens, split between words, or inside a longer word.

    Each comes with the separator before it.
    """
    left = [(text, "")]
    while left:
        piece, joint = left.pop()
        words = piece.split(" ")
        if estimate(piece) <= bound or len(piece) < 2:
            yield piece, joint
        elif len(words) > 1:
            middle = len(words) // 2
            left += [(" ".join(words[middle:]), " "), (" ".join(words[:middle]), joint)]
        else:
            at = _middle(piece)
            left += [(piece[at:], ""), (piece[:at], joint)]


def _middle(text: str) -> int:
    """Where to split a word: near its middle, never between a character and what belongs to it."""
    middle = len(text) // 2
    for at in range(middle, len(text)):
        if not _JOINED.match(text[at]) and text[at - 1] != "\u200d":
            return at
    return middle


def _code_pieces(block: Block, bound: int) -> Iterator[str]:
    whole = _fenced(block, block.text.split("\n"))
    if estimate(whole) <= max(bound, CODE_BOUND):
        yield whole
        return
    room = max(bound - estimate(f"{block.header}\n{block.footer}"), bound // 2)
    lines: list[str] = []
    for line in (piece for long in block.text.split("\n") for piece, _ in _bounded(long, room)):
        if lines and estimate("\n".join([*lines, line])) > room:
            yield _fenced(block, lines)
            lines = []
        lines.append(line)
    if any(line.strip() for line in lines):
        yield _fenced(block, lines)


def _fenced(block: Block, lines: Sequence[str]) -> str:
    return "\n".join(part for part in (block.header, *lines, block.footer) if part or part in lines)


def _pack(units: Sequence[_Unit], bound: int, overlap: int) -> Iterator[str]:
    """Fill chunks with as many units as fit."""
    current: list[_Unit] = []
    fresh = 0  # the units of `current` that are not overlap
    for unit in units:
        if fresh and estimate(_join([*current, unit])) > bound:
            yield _join(current)
            tail = _tail(current, overlap)
            current = tail if estimate(_join([*tail, unit])) <= bound else []
            fresh = 0
        current.append(unit)
        fresh += 1
    if fresh:
        yield _join(current)


def _tail(units: Sequence[_Unit], overlap: int) -> list[_Unit]:
    """The last sentences, of at most `overlap` tokens: never a part of code or of a table."""
    tail: list[_Unit] = []
    for unit in reversed(units):
        if unit.kind not in (BlockKind.TEXT, BlockKind.LIST) or estimate(_join([unit, *tail])) > overlap:
            break
        tail.insert(0, unit)
    return tail


def _join(units: Sequence[_Unit]) -> str:
    text = ""
    header = ""
    for unit in units:
        begins_table = unit.kind is BlockKind.TABLE and (unit.header != header or unit.joint == "\n\n" or not text)
        joint = "\n\n" if begins_table else unit.joint
        if text:
            text += joint
        if begins_table and unit.header:
            text += unit.header + "\n"
        text += unit.text
        header = unit.header if unit.kind is BlockKind.TABLE else ""
    return text.strip("\n")
