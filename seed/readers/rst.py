"""reStructuredText: titles by their underlines, literal and code blocks, lists, tables; other directives keep their content."""

from __future__ import annotations

import re

from seed.blocks import Block, BlockKind
from seed.readers.marks import lowered, raised

_UNDERLINE = re.compile(r"^([!-/:-@\[-`{-~])\1{1,}\s*$")
_DIRECTIVE = re.compile(r"^\.\.\s+(?:\|[^|]+\|\s+)?([\w+.:-]*[\w+.-])::(?:\s+(.*))?$")
_NOTE = re.compile(r"^\.\.\s+(\[[^]\s]+\])\s*(.*)$")
_OPTION = re.compile(r"^\s*:([\w-]+):(?:\s+(.*))?$")
_SHOWN_OPTIONS = frozenset(("alt", "caption", "header", "title", "subtitle"))
_WITHOUT_TEXT = {"image", "figure", "include", "toctree", "literalinclude", "contents", "raw", "highlight", "only", "ifconfig"}
"""Directives whose argument names a file, a language or the like."""
_SINCE = {
    "versionadded": "New in version",
    "versionchanged": "Changed in version",
    "versionremoved": "Removed in version",
    "deprecated": "Deprecated since version",
}
"""Directives of which only a number would be left."""
_COMMENT = re.compile(r"^\.\.(\s|$)")
_CODE = {"code", "code-block", "sourcecode", "literalinclude", "parsed-literal", "math", "highlight"}
_ITEM = re.compile(r"^\s*([-*+•]|#\.|\d+[.)]|\([0-9a-zA-Z]\))\s+")
_RULE = re.compile(r"^[=\s]{3,}$")
_GRID = re.compile(r"^\+([-=]+\+)+\s*$")
_ROLE = re.compile(r"(?:\\ )?:([\w:+.-]+):`([^`]+)`(\\ (?=\d))?(?:\\ )?")
"""A role with its text; what joins it to the words beside it is not shown, but for the blank between the digits of two numbers."""
_TARGET = re.compile(r"(?<=\S)\s*<[^<]*>$")
_LITERAL = frozenset(("code", "literal", "math", "samp", "kbd", "file", "command", "eq", "regexp", "guilabel"))
"""Roles without a target: angle brackets are a part of what they show."""
_LINK = re.compile(r"`([^`<]+?)\s*<[^`]*>`__?")


def read(text: str) -> list[Block]:
    """Return the document's blocks. Heading levels follow the first occurrence of each adornment, as the format defines."""
    return _Reader(text.expandtabs(8).replace("\r\n", "\n").replace("\r", "\n").split("\n")).blocks()


class _Reader:
    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._at = 0
        self._styles: list[str] = []
        self._blocks: list[Block] = []

    def blocks(self) -> list[Block]:
        while self._at < len(self._lines):
            line = self._lines[self._at]
            if not line.strip():
                self._at += 1
            elif not (self._title() or self._directive() or self._table()):
                self._paragraph()
        return self._blocks

    def _peek(self, ahead: int) -> str:
        return self._lines[self._at + ahead] if self._at + ahead < len(self._lines) else ""

    def _title(self) -> bool:
        over = _UNDERLINE.match(self._peek(0))
        if over and self._peek(1).strip() and self._peek(2).strip() == self._peek(0).strip():
            self._heading(self._peek(1), over[1] * 2, 3)
            return True
        under = _UNDERLINE.match(self._peek(1))
        title = self._peek(0).rstrip()
        if under and title and not title[0].isspace() and not over and len(self._peek(1).rstrip()) >= min(len(title), 4):
            self._heading(title, under[1], 2)
            return True
        if over and not self._peek(1).strip():  # a transition
            self._at += 1
            return True
        return False

    def _heading(self, title: str, style: str, lines: int) -> None:
        if style not in self._styles:
            self._styles.append(style)
        self._blocks.append(Block(BlockKind.HEADING, _inline(title.strip()), level=self._styles.index(style) + 1))
        self._at += lines

    def _directive(self) -> bool:
        line = self._peek(0)
        if note := _NOTE.match(line):
            self._at += 1
            self._blocks += _Reader([f"{note[1]} {note[2]}".strip(), *self._indented()]).blocks()
            return True
        match = _DIRECTIVE.match(line)
        if not match and not _COMMENT.match(line):
            return False
        self._at += 1
        if line.strip() == ".." and not self._peek(0).strip():
            return True  # an empty comment ends what is above it; what is indented below is a quotation, and shown
        body = self._indented()
        if not match:
            return True
        shown = []
        while body and ((option := _OPTION.match(body[0])) or (body[0].strip() and match[1] == "toctree")):
            shown += [option[2]] if option and option[2] and option[1] in _SHOWN_OPTIONS else []
            body = body[1:]
        argument = [match[2]] if match[2] and match[1] not in _WITHOUT_TEXT else []
        if match[1] in _SINCE:
            argument = [" ".join([_SINCE[match[1]], *argument])]
        if match[1] in _CODE:
            self._blocks += _Reader(shown).blocks()
            self._code([*argument, *body] if match[1] in ("math", "parsed-literal") else body)
        elif match[1] != "toctree":
            self._blocks += _Reader([*argument, "", *shown, *([] if match[1] == "csv-table" else [""]), *body]).blocks()
        return True

    def _indented(self) -> list[str]:
        """The indented lines below, without their common indent."""
        start = self._at
        while self._at < len(self._lines) and (not self._peek(0).strip() or self._peek(0)[0] == " "):
            self._at += 1
        body = self._lines[start : self._at]
        indent = min((len(line) - len(line.lstrip()) for line in body if line.strip()), default=0)
        return [line[indent:] for line in body]

    def _code(self, body: list[str]) -> None:
        text = "\n".join(body).strip("\n")
        if text.strip():
            self._blocks.append(Block(BlockKind.CODE, text, header="```", footer="```"))

    def _table(self) -> bool:
        line = self._peek(0)
        if _GRID.match(line):
            start = self._at
            while self._peek(0).startswith(("+", "|")):
                self._at += 1
            rows = self._lines[start : self._at]
            content = [row for row in rows if not _GRID.match(row)]
            self._blocks.append(Block(BlockKind.TABLE, "\n".join(content[1:]) or "|", header=content[0] if content else ""))
            return True
        if _RULE.match(line) and "=" in line and " " in line.strip():
            rows = []
            rules = 0
            while self._at < len(self._lines) and (rules < 3 and self._peek(0).strip()):
                rules += bool(_RULE.match(self._peek(0)))
                rows.append(self._peek(0))
                self._at += 1
                if rules == 2 and not self._peek(0).strip():
                    break
            content = [row for row in rows if not _RULE.match(row)]
            self._blocks.append(Block(BlockKind.TABLE, "\n".join(content[1:]) or " ", header=content[0] if content else ""))
            return True
        return False

    def _paragraph(self) -> None:
        start = self._at
        while self._at < len(self._lines) and self._peek(0).strip():
            self._at += 1
        lines = self._lines[start : self._at]
        literal = lines[-1].rstrip().endswith("::")
        if literal:
            lines[-1] = re.sub(r"\s*::\s*$", "" if lines[-1].strip() == "::" else ":", lines[-1])
        if _ITEM.match(lines[0]):
            items: list[str] = []
            for line in lines:
                if _ITEM.match(line) or not items:
                    items.append(_inline(line))
                else:
                    items[-1] += " " + _inline(line.strip())
            self._blocks.append(Block(BlockKind.LIST, "\n".join(items)))
        elif text := _inline("\n".join(line.strip() for line in lines)).strip():
            self._blocks.append(Block(BlockKind.TEXT, text))
        if literal:
            self._code(self._indented())


def _inline(text: str) -> str:
    """Roles and links by their visible text."""
    return _LINK.sub(r"\1", _ROLE.sub(_shown, text)).replace("``", "`")


def _shown(role: re.Match[str]) -> str:
    name, text, apart = role.groups()
    before = role.string[: role.start()]
    if name in ("sup", "superscript"):
        text = raised(before, text)
    elif name in ("sub", "subscript"):
        text = lowered(before, text)
    elif name not in _LITERAL:
        text = _TARGET.sub("", text)
    return f"{text} " if apart and text[-1:].isdigit() else text
