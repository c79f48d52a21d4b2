"""HTML: headings, paragraphs, lists, tables and preformatted text; navigation, scripts and styles are left out."""

from __future__ import annotations

from html.parser import HTMLParser

from seed.blocks import Block, Kind

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_LEFT_OUT = {"script", "style", "nav", "template", "noscript", "svg", "head", "button", "select"}
_PARAGRAPHS = {
    "p",
    "div",
    "section",
    "article",
    "main",
    "header",
    "footer",
    "aside",
    "blockquote",
    "figure",
    "figcaption",
    "dl",
    "dt",
    "dd",
    "body",
}
_LISTS = {"ul", "ol"}
_VOID = {"br", "hr", "img", "input", "meta", "link", "wbr", "col", "area", "base", "source", "track", "embed"}


def read(text: str) -> list[Block]:
    """Return the page's blocks. Broken markup is read as far as it makes sense, as browsers do."""
    parser = _Reader()
    parser.feed(text)
    parser.close()
    parser.flush(Kind.TEXT)
    return parser.blocks


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[Block] = []
        self._text: list[str] = []
        self._left_out = 0
        self._preformatted = 0
        self._items: list[str] = []
        self._lists = 0
        self._rows: list[list[str]] | None = None
        self._in_cell = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        if tag in _LEFT_OUT:
            self._left_out += 1
        if self._left_out:
            return
        if tag == "br":
            self._text.append("\n" if self._preformatted else " ")
        elif tag == "pre":
            self.flush(Kind.TEXT)
            self._preformatted += 1
        elif tag == "table" and self._rows is None:
            self.flush(Kind.TEXT)
            self._rows = []
        elif tag in ("tr", "td", "th") and self._rows is not None:
            self._cell()
            if tag == "tr":
                self._rows.append([])
            self._in_cell = tag != "tr"
        elif tag in _LISTS:
            self._item()
            if not self._lists:
                self.flush(Kind.TEXT)
            self._lists += 1
        elif tag == "li":
            self._item()
        elif (tag in _HEADINGS or tag in _PARAGRAPHS) and not self._lists and self._rows is None:
            self.flush(Kind.TEXT)

    def handle_endtag(self, tag: str) -> None:
        if tag in _LEFT_OUT and self._left_out:
            self._left_out -= 1
            return
        if self._left_out or tag in _VOID:
            return
        if tag in _HEADINGS and not self._lists and self._rows is None:
            self.flush(Kind.HEADING, _HEADINGS[tag])
        elif tag == "pre" and self._preformatted:
            self.flush(Kind.CODE)
            self._preformatted -= 1
        elif tag in ("td", "th", "tr") and self._rows is not None:
            self._cell()
        elif tag == "table" and self._rows is not None:
            self._cell()
            self._table(self._rows)
            self._rows = None
        elif tag == "li":
            self._item()
        elif tag in _LISTS and self._lists:
            self._item()
            self._lists -= 1
            if not self._lists and self._items:
                self.blocks.append(Block(Kind.LIST, "\n".join(self._items)))
                self._items = []
        elif tag in _PARAGRAPHS and not self._lists and self._rows is None:
            self.flush(Kind.TEXT)

    def handle_data(self, data: str) -> None:
        if not self._left_out:
            self._text.append(data)

    def flush(self, kind: Kind, level: int = 0) -> None:
        """End the block that is being read."""
        if kind is Kind.CODE or self._preformatted:
            code = "".join(self._text).strip("\n")
            self._text.clear()
            if code.strip():
                self.blocks.append(Block(Kind.CODE, code, header="```", footer="```"))
            return
        text = self._take()
        if text:
            self.blocks.append(Block(kind, text, level=level))

    def _take(self) -> str:
        text = " ".join("".join(self._text).split())
        self._text.clear()
        return text

    def _item(self) -> None:
        if self._lists and (text := self._take()):
            self._items.append("  " * (self._lists - 1) + "- " + text)

    def _cell(self) -> None:
        text = self._take().replace("|", "/")
        if self._in_cell and self._rows:
            self._rows[-1].append(text)
        self._in_cell = False

    def _table(self, rows: list[list[str]]) -> None:
        filled = [row for row in rows if row]
        if not filled:
            return
        header = f"| {' | '.join(filled[0])} |\n|{' --- |' * len(filled[0])}"
        self.blocks.append(Block(Kind.TABLE, "\n".join(f"| {' | '.join(row)} |" for row in filled[1:]) or "| |", header=header))
