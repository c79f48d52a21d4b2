"""Builds blocks from the elements and texts of a page, in their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from seed.blocks import Block, BlockKind

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BLOCKS = frozenset((
    "address", "article", "aside", "blockquote", "body", "center", "dd", "details", "dialog", "dir", "div", "dl", "dt",
    "fieldset", "figcaption", "figure", "footer", "form", "frameset", "head", "header", "hgroup", "hr", "html", "legend", "li",
    "main", "menu", "noscript", "ol", "optgroup", "option", "p", "search", "section", "summary", "ul",
))  # fmt: skip
_LISTS = frozenset(("ul", "ol", "menu", "dir"))
_PREFORMATTED = frozenset(("pre", "xmp", "listing", "plaintext"))
_PARTED = frozenset(("button", "input", "img", "label", "text", "foreignobject", "textarea"))
"""Elements that are separate from the words beside them."""
_DEEPEST = 8
"""Levels of nested lists that are shown by indentation."""
_LONGEST_CELL = 1000
"""Characters. A table with longer cells is used for page layout."""


@dataclass(slots=True)
class _Flow:
    """The present context: the page, or one cell of a table."""

    blocks: list[Block] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    items: list[str] = field(default_factory=list)
    lists: int = 0
    begins_item: bool = True
    preformatted: int = 0
    heading: int = 0


@dataclass(slots=True)
class _Table:
    caption: list[Block] = field(default_factory=list)
    rows: list[list[list[Block]]] = field(default_factory=list)


class BlockBuilder:
    """Receives `open`, `text` and `close` in a page's order; `end` returns its blocks."""

    def __init__(self) -> None:
        self._flow = _Flow()
        self._outer: list[tuple[_Flow, _Table]] = []
        self._tables: list[_Table] = []

    def text(self, text: str) -> None:
        """Add a text of the page."""
        self._flow.parts.append(text)

    def append(self, blocks: Sequence[Block]) -> None:
        """Add blocks from another reader."""
        if blocks:
            self._finish_list()
            self._flow.blocks.extend(blocks)

    def open(self, tag: str) -> None:
        """Begin an element."""
        flow = self._flow
        if tag == "br":
            flow.parts.append("\n" if flow.preformatted else " ")
        elif tag in _PREFORMATTED:
            self._finish_list()
            flow.preformatted += 1
        elif tag == "table":
            self._finish_list()
            self._tables.append(_Table())
        elif tag == "tr" and self._tables:
            self._tables[-1].rows.append([])
        elif tag in ("td", "th", "caption") and self._tables:
            self._outer.append((flow, self._tables[-1]))
            self._flow = _Flow()
        elif tag in _HEADINGS and not flow.preformatted:
            self._finish_list()
            flow.heading = _HEADINGS[tag]
        elif tag in _BLOCKS:
            self._flush()
            flow.lists += tag in _LISTS
            flow.begins_item |= tag == "li" or tag in _LISTS
        elif tag in _PARTED and not flow.preformatted:
            flow.parts.append(" ")

    def close(self, tag: str) -> None:
        """End an element."""
        flow = self._flow
        if tag in _PREFORMATTED:
            self._flush()
            flow.preformatted -= 1
        elif tag in ("td", "th", "caption") and self._outer:
            self._finish_list()
            self._flow, table = self._outer.pop()
            if tag == "caption":
                table.caption += flow.blocks
            else:
                table.rows = table.rows or [[]]
                table.rows[-1].append(flow.blocks)
        elif tag == "table" and self._tables:
            self._flow.blocks.extend(_table(self._tables.pop()))
        elif tag in _HEADINGS:
            self._flush()
            flow.heading = 0
        elif tag in _BLOCKS:
            self._flush()
            flow.lists -= tag in _LISTS
            flow.begins_item |= tag in _LISTS
            if tag in _LISTS and not flow.lists:
                self._finish_list()
        elif tag in _PARTED and not flow.preformatted:
            flow.parts.append(" ")

    def end(self) -> list[Block]:
        """The blocks of everything read."""
        self._finish_list()
        return self._flow.blocks

    def _flush(self) -> None:
        """End the present text; the open elements decide its kind."""
        flow = self._flow
        text = "".join(flow.parts).replace("\xad", "")
        if flow.preformatted:
            flow.parts.clear()
            if text.strip():
                flow.blocks.append(Block(BlockKind.CODE, text.strip("\n"), header="```", footer="```"))
            return
        text = " ".join(text.split())
        flow.parts.clear()
        if not text:
            return
        if flow.heading:
            # A paragraph inside a heading (one that was left open) is not a heading.
            flow.blocks.append(Block(BlockKind.HEADING, text, level=flow.heading))
            flow.heading = 0
        elif flow.lists:
            if flow.begins_item or not flow.items:
                flow.items.append("  " * min(flow.lists - 1, _DEEPEST) + "- " + text)
            else:
                flow.items[-1] += " " + text
            flow.begins_item = False
        else:
            flow.blocks.append(Block(BlockKind.TEXT, text))

    def _finish_list(self) -> None:
        self._flush()
        if self._flow.items:
            self._flow.blocks.append(Block(BlockKind.LIST, "\n".join(self._flow.items)))
            self._flow.items.clear()


def _table(table: _Table) -> list[Block]:
    """A data table is one block; a layout table gives the blocks of its cells, in their order."""
    cells = [cell for row in table.rows for cell in row]
    if any(_lays_out(cell) for cell in cells):
        return [*table.caption, *(block for cell in cells for block in cell)]
    rows = [_row(row) for row in table.rows if any(row)]
    if not rows:
        return table.caption
    columns = max(1, len(next(row for row in table.rows if any(row))))
    return [*table.caption, Block(BlockKind.TABLE, "\n".join(rows[1:]), header=f"{rows[0]}\n|{' --- |' * columns}")]


def _lays_out(cell: Sequence[Block]) -> bool:
    return (
        any(block.kind not in (BlockKind.TEXT, BlockKind.LIST) for block in cell) or sum(len(block.text) for block in cell) > _LONGEST_CELL
    )


def _row(row: Sequence[Sequence[Block]]) -> str:
    cells = [" ".join(" ".join(block.text for block in cell).split()).replace("|", "/") for cell in row]
    return f"| {' | '.join(cells)} |"
