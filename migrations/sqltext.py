"""A minimal SQL reader for the project's rules: statements, the parts of a table's definition, indexed columns.

Not a grammar: it knows comments, quotes, dollar quotes and parentheses, and the plain forms of this project's migrations.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_PIECE = re.compile(r"--[^\n]*|/\*.*?\*/|(?P<dollar>\$\w*\$).*?(?P=dollar)|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|.", re.DOTALL)
_CREATE_TABLE = re.compile(r"create\s+(?:unlogged\s+)?table\s+(?:if\s+not\s+exists\s+)?(?:public\.)?(\w+)\s*\(", re.IGNORECASE)
_CREATE_INDEX = re.compile(
    r"create\s+(?:unique\s+)?index\s+(?P<online>concurrently\s+)?(?:if\s+not\s+exists\s+)?(?P<name>\w+)"
    r"\s+on\s+(?:only\s+)?(?:public\.)?(?P<table>\w+)\s*(?:using\s+\w+\s*)?\(",
    re.IGNORECASE,
)
_COMMENT = re.compile(r"comment\s+on\s+(table|column|view|materialized\s+view|function|procedure)\s+(?:public\.)?([\w.]+)", re.IGNORECASE)
_KEY = re.compile(r"\b(primary\s+key|unique|foreign\s+key|references|check|exclude)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement without comments and semicolon, and the line where it begins."""

    text: str
    line: int


@dataclass(frozen=True, slots=True)
class NewTable:
    """A `create table`: its columns, and each key or constraint with whether it has a name."""

    name: str
    line: int
    columns: tuple[str, ...]
    rules: tuple[tuple[str, bool], ...]


@dataclass(frozen=True, slots=True)
class NewIndex:
    """A `create index`; `online` if it doesn't block writers (concurrently, or one transaction per chunk)."""

    name: str
    table: str
    line: int
    columns: tuple[str, ...]
    online: bool
    partial: bool


def statements(text: str) -> Iterator[Statement]:
    """The statements of a file, in order."""
    parts: list[str] = []
    line = 1
    begun = 1
    for match in _PIECE.finditer(text):
        piece = match.group()
        if piece == ";":
            if "".join(parts).strip():
                yield Statement("".join(parts).strip(), begun)
            parts = []
        elif not piece.startswith(("--", "/*")):
            if not "".join(parts[-1:]).strip() and not any(part.strip() for part in parts) and piece.strip():
                begun = line
            parts.append(piece)
        line += piece.count("\n")
    if "".join(parts).strip():
        yield Statement("".join(parts).strip(), begun)


def items(text: str) -> list[str]:
    """The parts of `text` between commas outside quotes and parentheses."""
    parts, depth, current = [], 0, ""
    for match in _PIECE.finditer(text):
        piece = match.group()
        depth += (piece == "(") - (piece == ")")
        if piece == "," and depth == 0:
            parts.append(current.strip())
            current = ""
        else:
            current += piece
    return [*parts, current.strip()] if current.strip() else parts


def new_table(statement: Statement) -> NewTable | None:
    """The table that a statement creates column by column; None for any other statement."""
    match = _CREATE_TABLE.match(statement.text)
    if match is None:
        return None
    inside = statement.text[match.end() : _closing(statement.text, match.end() - 1)]
    columns, rules = [], []
    for item in items(inside):
        named = item.lower().startswith("constraint ")
        if named or _KEY.match(item):
            rules.append((item, named))
            continue
        columns.append(item.split()[0])
        if _KEY.search(_without_quotes(item)):
            rules.append((item, bool(re.search(r"\bconstraint\s+\w+", item, re.IGNORECASE))))
    return NewTable(match.group(1).lower(), statement.line, tuple(columns), tuple(rules))


def new_index(statement: Statement) -> NewIndex | None:
    """The index that a statement creates; None for any other statement."""
    match = _CREATE_INDEX.match(statement.text)
    if match is None:
        return None
    end = _closing(statement.text, match.end() - 1)
    rest = statement.text[end + 1 :].lower()
    columns = tuple(column.split()[0].lower() for column in items(statement.text[match.end() : end]))
    online = bool(match["online"]) or "transaction_per_chunk" in rest
    return NewIndex(match["name"].lower(), match["table"].lower(), statement.line, columns, online, " where " in f" {rest.strip()} ")


def foreign_keys(table: NewTable) -> list[tuple[str, ...]]:
    """The columns of each foreign key of a table."""
    keys = []
    for rule, _ in table.rules:
        match = re.search(r"foreign\s+key\s*\(([^)]*)\)", rule, re.IGNORECASE)
        if match:
            keys.append(tuple(items(match.group(1))))
        elif re.search(r"\breferences\b", rule, re.IGNORECASE):
            keys.append((rule.split()[0],))
    return keys


def key_prefixes(table: NewTable) -> list[tuple[str, ...]]:
    """The indexed columns of each primary or unique key of a table."""
    keys = []
    for rule, _ in table.rules:
        match = re.search(r"\b(?:primary\s+key|unique)\s*\(([^)]*)\)", rule, re.IGNORECASE)
        if match:
            keys.append(tuple(items(match.group(1))))
        elif re.search(r"\b(?:primary\s+key|unique)\b", rule, re.IGNORECASE):
            keys.append((rule.split()[0],))
    return keys


def commented(statement: Statement) -> str | None:
    """The target of a comment statement, for instance `users` or `users.id`; None for any other statement."""
    match = _COMMENT.match(statement.text)
    return match.group(2).lower() if match else None


def _closing(text: str, opening: int) -> int:
    depth = 0
    for match in _PIECE.finditer(text, opening):
        depth += (match.group() == "(") - (match.group() == ")")
        if depth == 0:
            return match.start()
    return len(text)


def _without_quotes(text: str) -> str:
    return re.sub(r"'(?:[^']|'')*'", "''", text)
