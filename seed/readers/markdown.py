"""Markdown: CommonMark with tables; HTML in it is read as HTML, and text that would not be shown is reported or kept."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

from seed.blocks import Block, BlockKind, Unreadable
from seed.readers import html, marks

_KEY = re.compile(r"[\w.-]+:(?:\s|$)")
_TAG = re.compile(r"<(/?)(br|sup|sub|del|s|strike)\b", re.IGNORECASE)
_FENCE = re.compile(r"\s*(?:[-*+>]\s+|\d+[.)]\s+)*(```+(?!.*`)|~~~+)")


def read(text: str) -> list[Block]:
    """Return the document's blocks; a leading block of front matter, YAML between `---` or TOML between `+++`, is left out.

    Raises Unreadable if HTML in it leaves something open that hides the rest.
    """
    lines = _without_front_matter(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    environment: dict[str, Any] = {}
    tokens = MarkdownIt("commonmark").enable("table").parse("\n".join(lines), environment)
    blocks = [*_blocks(tokens, lines), *_unseen_definitions(tokens, lines, environment)]
    return [block for _, block in sorted(blocks, key=lambda item: item[0])]


def _without_front_matter(lines: list[str]) -> list[str]:
    """The lines below the front matter. A rule looks like its beginning, so everything between must be settings."""
    mark = lines[0].rstrip()
    ends = {"---": ("---", "..."), "+++": ("+++",)}.get(mark, ())
    end = next((number for number, line in enumerate(lines[1:], 1) if line.rstrip() in ends), 0)
    settings = lines[1:end]
    settled = end and (_is_yaml(settings) if mark == "---" else _is_toml(settings))
    # Replace it by blank lines, so that later lines keep their numbers.
    return [*[""] * (end + 1), *lines[end + 1 :]] if settled else lines


def _is_yaml(lines: Sequence[str]) -> bool:
    """Whether the lines are a YAML mapping with one-word keys, beginning with a key: a heading is a comment in YAML, and text a value."""
    if not lines or not _KEY.match(lines[0]):
        return False
    try:
        root = yaml.compose("\n".join(lines), Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError):
        return False
    return isinstance(root, yaml.MappingNode) and all(_KEY.fullmatch(f"{key.value}:") for key, _ in root.value)


def _is_toml(lines: Sequence[str]) -> bool:
    try:
        return bool(tomllib.loads("\n".join(lines)))
    except (tomllib.TOMLDecodeError, RecursionError):
        return False


def _blocks(tokens: Sequence[Token], lines: Sequence[str]) -> Iterator[tuple[int, Block]]:
    """Each block with the line it begins on."""
    done = 0
    for number, token in enumerate(tokens):
        if token.level != 0 or token.map is None or token.nesting < 0 or token.map[0] < done:
            continue
        done = _end_of_comment(tokens, lines, token) if token.type == "html_block" else token.map[1]
        source = "\n".join(lines[token.map[0] : done]).strip("\n")
        match token.type:
            case "heading_open":
                block_list = [Block(BlockKind.HEADING, _plain(tokens[number + 1]), level=int(token.tag[1:]))]
            case "fence":
                fence = token.markup
                block_list = [Block(BlockKind.CODE, token.content.rstrip("\n"), header=fence + token.info, footer=fence)]
            case "code_block":
                block_list = [Block(BlockKind.CODE, source)]
            case "table_open":
                header, _, rows = _table(source)
                block_list = [Block(BlockKind.TABLE, rows, header=header)]
            case "bullet_list_open" | "ordered_list_open":
                block_list = list(_list(source))
            case "html_block":
                block_list = _html(source, token.map[0])
            case "hr":
                block_list = []
            case _:
                block_list = [Block(BlockKind.TEXT, source)] if source.strip() else []
        yield from ((token.map[0], block) for block in block_list)


def _end_of_comment(tokens: Sequence[Token], lines: Sequence[str], token: Token) -> int:
    """The end of a block of HTML: a blank line ends it, but not a comment that it began."""
    begun, end = token.map or (0, 0)
    source = "\n".join(lines[begun:end])
    if source.rfind("<!--") <= source.rfind("-->"):
        return end
    closing = next((number for number in range(end, len(lines)) if "-->" in lines[number]), None)
    blocks = [candidate.map for candidate in tokens if candidate.level == 0 and candidate.map]
    return max((last for first, last in blocks if closing is not None and first <= closing < last), default=end)


def _html(source: str, line: int) -> list[Block]:
    try:
        return html.read_part(source)
    except Unreadable as problem:
        raise Unreadable(f"in the HTML that begins in line {line + 1}, {problem}") from problem


def _unseen_definitions(tokens: Sequence[Token], lines: Sequence[str], environment: Mapping[str, Any]) -> Iterator[tuple[int, Block]]:
    """Lines that no block covers. They define links; one that no link uses is a footnote or a note to the reader, so keep it."""
    covered = {line for token in tokens if token.level == 0 and token.map for line in range(*token.map)}
    used = {child.attrs.get("href") or child.attrs.get("src") for token in tokens for child in token.children or ()}
    left_out: set[int] = set()
    first = environment.get("references", {})
    for label, definition in [*first.items(), *((definition["label"], definition) for definition in environment.get("duplicate_refs", []))]:
        if not label.startswith("^") and (first[label]["href"] in used or definition["href"] == "#"):
            left_out.update(range(*definition["map"]))
    for number, line in enumerate(lines):
        if line.strip() and number not in covered and number not in left_out:
            yield number, Block(BlockKind.TEXT, line)


def _plain(inline: Token) -> str:
    """A heading's text without markup; a picture by its alternative text, and HTML in it as in a page."""
    parts: list[str] = []
    opened: list[tuple[str, int]] = []
    for child in inline.children or ():
        if child.type in ("text", "code_inline", "image"):
            parts.append(child.content)
        elif child.type.endswith("break") or ((tag := _TAG.match(child.content)) and tag[2].lower() == "br"):
            parts.append(" ")
        elif tag and not tag[1]:
            opened.append((tag[2].lower(), len(parts)))
        elif tag and opened and opened[-1][0] == tag[2].lower():
            marks.settle(*opened.pop(), parts)
    while opened:  # left open: it is shown so up to the end
        marks.settle(*opened.pop(), parts)
    return "".join(parts)


def _table(source: str) -> tuple[str, str, str]:
    lines = source.split("\n")
    return "\n".join(lines[:2]), "", "\n".join(lines[2:])


def _list(source: str) -> Iterator[Block]:
    """The items of a list; fenced code in it is a separate block, since a fence must not be split."""
    items: list[str] = []
    code: list[str] = []
    fence = ""
    for line in source.split("\n"):
        if fence:
            code.append(line)
            if line.strip().startswith(fence) and not line.strip().strip(fence[0]):
                yield Block(BlockKind.CODE, "\n".join(code[1:-1]), header=code[0], footer=code[-1])
                code, fence = [], ""
        elif opened := _FENCE.match(line):
            if items:
                yield Block(BlockKind.LIST, "\n".join(items))
                items = []
            code, fence = [line], opened[1]
        elif items and _continues(line):
            items[-1] += " " + line.strip()
        elif line.strip():
            items.append(line)
    if items:
        yield Block(BlockKind.LIST, "\n".join(items))
    if code:
        yield Block(BlockKind.CODE, "\n".join(code[1:]), header=code[0])


def _continues(line: str) -> bool:
    return line.startswith((" ", "\t")) and not line.lstrip().startswith(("-", "*", "+")) and not line.lstrip()[:1].isdigit()
