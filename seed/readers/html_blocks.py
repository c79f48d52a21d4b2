"""Builds blocks from the elements and texts of a page, in their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from seed.blocks import Block, BlockKind
from seed.readers import marks
from seed.readers.html_tables import Table
from seed.readers.marks import Numbers

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BLOCKS = frozenset((
    "address", "article", "aside", "blockquote", "body", "center", "dd", "details", "dialog", "dir", "div", "dl", "dt",
    "fieldset", "figcaption", "figure", "footer", "form", "frameset", "head", "header", "hgroup", "hr", "html", "legend", "li",
    "main", "menu", "noscript", "ol", "optgroup", "option", "p", "search", "section", "summary", "ul",
))  # fmt: skip
_LISTS = frozenset(("ul", "ol", "menu", "dir"))
_PREFORMATTED = frozenset(("pre", "xmp", "listing", "plaintext"))
_PARTED = frozenset((
    "button", "input", "img", "label", "text", "foreignobject", "textarea", "progress", "meter", "canvas", "object", "video", "audio",
    "svg", "desc", "marquee",
))  # fmt: skip
"""Elements that are separate from the words beside them."""
_DEEPEST = 8
"""Levels of nested lists that are shown by indentation."""


@dataclass(slots=True)
class _Flow:
    """The present context: the page, or one cell of a table."""

    blocks: list[Block] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    items: list[str] = field(default_factory=list)
    lists: list[Numbers | None] = field(default_factory=list)
    """The lists that are open; those whose items have no numbers as None."""
    bullet: str = "-"
    begins_item: bool = True
    scripts: list[int] = field(default_factory=list)
    """Where in `parts` the raised and lowered texts begin that are still open."""
    after_script: bool = False
    struck: list[int] = field(default_factory=list)
    """The same of texts that are struck out."""
    preformatted: int = 0
    heading: int = 0


class BlockBuilder:
    """Receives `open`, `text` and `close` in a page's order; `end` returns its blocks."""

    def __init__(self) -> None:
        self._flow = _Flow()
        self._outer: list[tuple[_Flow, Table, Mapping[str, str | None]]] = []
        self._tables: list[Table] = []

    def text(self, text: str) -> None:
        """Add a text of the page."""
        flow = self._flow
        if flow.after_script and text[:1].isdigit() and "".join(flow.parts[-1:])[-1:].isdigit():
            flow.parts.append(" ")  # the digits of two numbers
        flow.after_script = False
        flow.parts.append(text)

    def append(self, blocks: Sequence[Block]) -> None:
        """Add blocks from another reader."""
        if blocks:
            self._finish_list()
            self._flow.blocks.extend(blocks)

    def begin_struck(self) -> None:
        """From here on the text is struck out, until `end_struck`."""
        self._flow.struck.append(len(self._flow.parts))

    def end_struck(self) -> None:
        """The end of a struck text."""
        flow = self._flow
        begin = flow.struck.pop()
        if not flow.struck:
            marks.strike(flow.parts, begin)

    def open(self, tag: str, attributes: Mapping[str, str | None]) -> None:
        """Begin an element."""
        flow = self._flow
        if tag == "br":
            flow.parts.append("\n" if flow.preformatted else " ")
        elif tag in _PREFORMATTED:
            self._finish_list()
            flow.preformatted += 1
        elif tag == "table":
            self._finish_list()
            self._tables.append(Table())
        elif tag == "tr" and self._tables:
            self._tables[-1].rows.append([])
        elif tag in ("td", "th", "caption") and self._tables:
            self._outer.append((flow, self._tables[-1], attributes))
            self._flow = _Flow(struck=[0] * bool(flow.struck))
        elif tag in _HEADINGS and not flow.preformatted:
            self._finish_list()
            flow.heading = _HEADINGS[tag]
        elif tag in _BLOCKS:
            self._flush()
            if tag in _LISTS:
                flow.lists.append(Numbers.of(attributes) if tag == "ol" else None)
                flow.bullet = "-"
            elif tag == "li":
                flow.bullet = numbers.take(attributes.get("value")) if flow.lists and (numbers := flow.lists[-1]) else "-"
            flow.begins_item |= tag == "li" or tag in _LISTS
        elif tag in marks.SCRIPTS:
            flow.scripts.append(len(flow.parts))
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
            self._flow, table, attributes = self._outer.pop()
            if tag == "caption":
                table.caption += flow.blocks
            else:
                table.add(flow.blocks, attributes)
        elif tag == "table" and self._tables:
            self._flow.blocks.extend(self._tables.pop().blocks())
        elif tag in _HEADINGS:
            self._flush()
            flow.heading = 0
        elif tag in _BLOCKS:
            self._flush()
            if tag in _LISTS:
                flow.lists.pop()
                flow.begins_item, flow.bullet = True, "-"
                if not flow.lists:
                    self._finish_list()
        elif tag in marks.SCRIPTS:
            marks.settle(tag, flow.scripts.pop(), flow.parts)
            flow.after_script = True
        elif tag in _PARTED and not flow.preformatted:
            flow.parts.append(" ")

    def end(self) -> list[Block]:
        """The blocks of everything read."""
        self._finish_list()
        return self._flow.blocks

    def _flush(self) -> None:
        """End the present text; the open elements decide its kind."""
        flow = self._flow
        if flow.struck:
            marks.strike(flow.parts, flow.struck[0])
        flow.struck, flow.scripts = [0] * len(flow.struck), [0] * len(flow.scripts)
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
                flow.items.append("  " * min(len(flow.lists) - 1, _DEEPEST) + f"{flow.bullet} {text}")
                flow.bullet = "-"
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
