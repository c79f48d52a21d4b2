"""Cuts a document into chunks: one section each, under a token bound, with some overlap where a section needs several."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from seed.blocks import Block, Kind
from seed.tokens import estimate

TOKEN_BOUND = 320
"""Tokens in a chunk at most. The bundled model reads 512 at a time, and shorter passages are told apart better."""
OVERLAP = 40
"""Tokens of a chunk's end that the next one of the same section begins with."""
CODE_BOUND = 4000
"""A code block up to here stays whole, whatever the bound; a longer one is cut between lines (OpenAI takes 8,191 tokens)."""
SECTION_SEPARATOR = " > "

_SENTENCE_END = re.compile("(?<=[.!?\u3002\uff01\uff1f])\\s+|\\n+")


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage. `section` is the path of headings above it, `number` counts from 1 within the document."""

    number: int
    section: str
    content: str
    tokens: int


@dataclass(frozen=True, slots=True)
class _Unit:
    """What is never cut any more. `joint` is put between it and the unit before it; `header` is repeated in each chunk."""

    text: str
    kind: Kind
    joint: str
    header: str = ""


def chunk(blocks: Iterable[Block], *, bound: int = TOKEN_BOUND, overlap: int = OVERLAP) -> list[Chunk]:
    """Return the chunks of a document, in order. A section without a body of its own gives none.

    A chunk is over `bound` tokens only where a single code block or table row is.
    """
    chunks: list[Chunk] = []
    for section, body in _sections(blocks):
        units = [unit for block in body for unit in _units(block, bound)]
        for content in _pack(units, bound, overlap):
            chunks.append(Chunk(len(chunks) + 1, section, content, estimate(content)))
    return chunks


def _sections(blocks: Iterable[Block]) -> Iterator[tuple[str, list[Block]]]:
    path: list[tuple[int, str]] = []
    body: list[Block] = []
    for block in blocks:
        if block.kind is not Kind.HEADING:
            body.append(block)
            continue
        if body:
            yield SECTION_SEPARATOR.join(title for _, title in path), body
        body = []
        path = [(level, title) for level, title in path if level < block.level]
        path.append((block.level, " ".join(block.text.split())))
    if body:
        yield SECTION_SEPARATOR.join(title for _, title in path), body


def _units(block: Block, bound: int) -> Iterator[_Unit]:
    match block.kind:
        case Kind.CODE:
            for piece in _code_pieces(block):
                yield _Unit(piece, block.kind, "\n\n")
        case Kind.TABLE:
            for number, row in enumerate(line for line in block.text.split("\n") if line.strip()):
                yield _Unit(row, block.kind, "\n" if number else "\n\n", block.header)
        case Kind.LIST:
            for number, line in enumerate(line for line in block.text.split("\n") if line.strip()):
                for part, piece in enumerate(_bounded(line, bound)):
                    yield _Unit(piece, block.kind, " " if part else "\n" if number else "\n\n")
        case _:
            sentences = [sentence for sentence in _SENTENCE_END.split(block.text.strip()) if sentence.strip()]
            pieces = (piece for sentence in sentences for piece in _bounded(sentence, bound))
            for number, piece in enumerate(pieces):
                yield _Unit(piece, block.kind, " " if number else "\n\n")


def _bounded(text: str, bound: int) -> Iterator[str]:
    """The text in pieces of at most `bound` tokens, cut between words, or inside one that is longer than that by itself."""
    if estimate(text) <= bound:
        yield text
        return
    words = text.split(" ")
    if len(words) == 1:
        middle = len(text) // 2
        yield from _bounded(text[:middle], bound)
        yield from _bounded(text[middle:], bound)
        return
    middle = len(words) // 2
    yield from _bounded(" ".join(words[:middle]), bound)
    yield from _bounded(" ".join(words[middle:]), bound)


def _code_pieces(block: Block) -> Iterator[str]:
    lines: list[str] = []
    tokens = 0
    for line in block.text.split("\n"):
        cost = estimate(line)
        if lines and tokens + cost > CODE_BOUND:
            yield _fenced(block, lines)
            lines, tokens = [], 0
        lines.append(line)
        tokens += cost
    if any(line.strip() for line in lines):
        yield _fenced(block, lines)


def _fenced(block: Block, lines: Sequence[str]) -> str:
    return "\n".join(part for part in (block.header, *lines, block.footer) if part or part in lines)


def _pack(units: Sequence[_Unit], bound: int, overlap: int) -> Iterator[str]:
    """Fill chunks with as many units as fit."""
    current: list[_Unit] = []
    fresh = 0  # how many units of `current` are not overlap
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
    """The last sentences worth at most `overlap` tokens: never a piece of code or of a table."""
    tail: list[_Unit] = []
    for unit in reversed(units):
        if unit.kind not in (Kind.TEXT, Kind.LIST) or estimate(_join([unit, *tail])) > overlap:
            break
        tail.insert(0, unit)
    return tail


def _join(units: Sequence[_Unit]) -> str:
    text = ""
    header = ""
    for unit in units:
        begins_table = unit.kind is Kind.TABLE and (unit.header != header or unit.joint == "\n\n" or not text)
        joint = "\n\n" if begins_table else unit.joint
        if text:
            text += joint
        if begins_table and unit.header:
            text += unit.header + "\n"
        text += unit.text
        header = unit.header if unit.kind is Kind.TABLE else ""
    return text.strip("\n")
