"""PDF: text in reading order, headings from the outline or, without one, from the font size."""

from __future__ import annotations

import io
import logging
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from seed.blocks import Block, BlockKind, Unreadable
from seed.readers.pdf_lines import Line, lines_of

if TYPE_CHECKING:
    from pypdf import PdfReader

MOST_PAGES = 5000
MOST_CHARACTERS = 20_000_000
"""Of all pages together. A PDF of a few kilobytes can have far more, and its chunks would crowd out everything else."""
_BIGGER = 1.15
"""How much bigger than the text's font a heading's must be."""
_LONGEST_HEADING = 120
_RUNNING_FROM = 3
"""Pages from which on a line at the beginning or end of most of them is their header or footer."""
_PAGE_NUMBER = re.compile(
    r"(?P<before>(?:.{0,80}(?:\bpage|\bp\.|\bpg\.|\bseite|\bs\.|쪽|페이지)\s*|[-\u2013\u2014]?\s*))(?P<number>\d{1,4})"
    r"(?P<after>\s*(?:(?:/|of|von|중|쪽|페이지|[-\u2013\u2014]).{0,80})?)",
    re.IGNORECASE,
)


def read(data: bytes) -> list[Block]:
    """Return the document's blocks.

    Raises Unreadable if it is encrypted, damaged, too long, or has pictures of text instead of text.
    """
    # pypdf logs recoverable problems.
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    import pypdf
    from pypdf.errors import FileNotDecryptedError, WrongPasswordError

    try:
        reader = pypdf.PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise Unreadable("encrypted: it opens with a password only")
        if len(reader.pages) > MOST_PAGES:
            raise Unreadable(f"{len(reader.pages)} pages, more than the {MOST_PAGES} that a document may have")
        pages = list(_pages(reader))
        if not any(line.text for page in pages for line in page) and _has_pictures(reader):
            raise Unreadable("no text: its pages are pictures and need text recognition first")
        return list(_blocks(_without_running(pages), _outline(reader)))
    except Unreadable:
        raise
    except (FileNotDecryptedError, WrongPasswordError) as error:
        raise Unreadable("encrypted: it opens with a password only") from error
    except Exception as error:  # damage can raise anything in the parser
        raise Unreadable(f"damaged: {' '.join(str(error).split())[:120] or type(error).__name__}") from error


def _pages(reader: PdfReader) -> Iterator[list[Line]]:
    characters = 0
    for page in reader.pages:
        lines = lines_of(page)
        characters += sum(len(line.text) for line in lines)
        if characters > MOST_CHARACTERS:
            raise Unreadable(f"more than the {MOST_CHARACTERS} characters that a document may have")
        yield lines


def _without_running(pages: list[list[Line]]) -> list[Line]:
    """All lines, without page headers and footers, as far as they are certain.

    A line that most pages repeat word for word is kept once, on its first page: so a repeated table row is not lost.
    A line that differs in numbers is dropped only if it is a page number and says so; rows and headings have numbers too.
    """
    filled = [(number, page) for number, page in enumerate(pages, 1) if page]
    if len(filled) < _RUNNING_FROM:
        return [line for _, page in filled for line in page]
    repeated: set[str] = set()
    counting: set[str] = set()
    for at in (0, -1):
        ends = [(number, page[at].text) for number, page in filled]
        repeated |= {text for text, count in Counter(text for _, text in ends).items() if count > len(filled) / 2}
        kinds = Counter(_kind_of_page_number(number, text) for number, text in ends)
        counting |= {kind for kind, count in kinds.items() if kind and count > len(filled) / 2}
    lines: list[Line] = []
    seen: set[str] = set()
    for number, page in filled:
        last = len(page) - 1
        for at, line in enumerate(page):
            if at in (0, last):
                if line.text in seen or _kind_of_page_number(number, line.text) in counting:
                    continue
                seen |= {line.text} & repeated
            lines.append(line)
    return lines


def _kind_of_page_number(number: int, text: str) -> str:
    """The constant part of a page number line, the same on each page; empty for any other line.

    The number must be the page's, apart from pages before the first counted one, and must be alone or beside
    a word for a page.
    """
    match = _PAGE_NUMBER.fullmatch(text)
    return f"{int(match['number']) - number}: {match['before']}#{match['after']}" if match else ""


def _outline(reader: PdfReader) -> dict[str, int]:
    """Title to level of the document's outline; empty without one."""
    levels: dict[str, int] = {}

    def walk(entries: Iterable[Any], level: int) -> None:
        for entry in entries:
            if isinstance(entry, list):
                walk(entry, level + 1)
            elif title := _key(str(entry.title or "")):
                levels.setdefault(title, level)

    walk(reader.outline, 1)
    return levels


def _key(text: str) -> str:
    """A heading without blanks, numbering and marks of raised text, which may differ between outline and page."""
    return re.sub(r"[\s^_]+", "", re.sub(r"^[\d.]+\s+", "", text.strip())).casefold()


def _blocks(lines: list[Line], outline: dict[str, int]) -> Iterator[Block]:
    levels = {} if outline else _levels(lines)
    body: list[str] = []
    for line in lines:
        level = outline.get(_key(line.text)) if outline else levels.get(line.size)
        if level is None or len(line.text) > _LONGEST_HEADING:
            if body and re.search(r"[A-Za-z]-$", body[-1]) and line.text[:1].islower():
                body[-1] = body[-1][:-1] + line.text  # a word that was hyphenated at the line's end
            else:
                body.append(line.text)
            continue
        if body:
            yield Block(BlockKind.TEXT, "\n".join(body))
            body = []
        yield Block(BlockKind.HEADING, line.text, level=level)
    if body:
        yield Block(BlockKind.TEXT, "\n".join(body))


def _levels(lines: list[Line]) -> dict[float, int]:
    """Font sizes of headings, and their levels; the biggest is the first."""
    weights = Counter[float]()
    for line in lines:
        weights[line.size] += len(line.text)
    if not weights:
        return {}
    text = weights.most_common(1)[0][0]
    bigger = sorted((size for size in weights if text > 0 and size >= text * _BIGGER), reverse=True)
    return {size: min(6, level) for level, size in enumerate(bigger, 1)}


def _has_pictures(reader: PdfReader) -> bool:
    return any(page.images for page in reader.pages)
