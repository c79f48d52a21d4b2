"""Markdown, as CommonMark with tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

from seed.blocks import Block, Kind


def read(text: str) -> list[Block]:
    """Return the document's blocks; a leading block of front matter between `---` lines is left out."""
    lines = _without_front_matter(text).split("\n")
    tokens = MarkdownIt("commonmark").enable("table").parse("\n".join(lines))
    return list(_blocks(tokens, lines))


def _without_front_matter(text: str) -> str:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if lines[0].strip() == "---":
        for number, line in enumerate(lines[1:], 1):
            if line.strip() in ("---", "..."):
                return "\n".join(lines[number + 1 :])
    return "\n".join(lines)


def _blocks(tokens: Sequence[Token], lines: Sequence[str]) -> Iterator[Block]:
    for number, token in enumerate(tokens):
        if token.level != 0 or token.map is None or token.nesting < 0:
            continue
        source = "\n".join(lines[token.map[0] : token.map[1]]).strip("\n")
        match token.type:
            case "heading_open":
                yield Block(Kind.HEADING, _plain(tokens[number + 1]), level=int(token.tag[1:]))
            case "fence":
                fence = token.markup
                yield Block(Kind.CODE, token.content.rstrip("\n"), header=fence + token.info, footer=fence)
            case "code_block":
                yield Block(Kind.CODE, source)
            case "table_open":
                header, _, rows = _table(source)
                yield Block(Kind.TABLE, rows, header=header)
            case "bullet_list_open" | "ordered_list_open":
                yield from _list(source)
            case "html_block" if source.lstrip().startswith("<!--"):
                continue
            case "hr":
                continue
            case _:
                if source.strip():
                    yield Block(Kind.TEXT, source)


def _plain(inline: Token) -> str:
    """A heading's text without its markup."""
    return "".join(child.content for child in inline.children or () if child.type in ("text", "code_inline", "softbreak"))


def _table(source: str) -> tuple[str, str, str]:
    lines = source.split("\n")
    return "\n".join(lines[:2]), "", "\n".join(lines[2:])


def _list(source: str) -> Iterator[Block]:
    """A list with fenced code in it is code to the cutter, since no cut may fall inside the fence."""
    if "```" in source or "~~~" in source:
        yield Block(Kind.CODE, source)
        return
    items: list[str] = []
    for line in source.split("\n"):
        continues = line.startswith((" ", "\t")) and not line.lstrip().startswith(("-", "*", "+")) and not line.lstrip()[:1].isdigit()
        if items and continues:
            items[-1] += " " + line.strip()
        elif line.strip():
            items.append(line)
    yield Block(Kind.LIST, "\n".join(items))
