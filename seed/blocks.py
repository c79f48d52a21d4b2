"""What every reader turns a document into: a flat run of blocks, each of a kind that tells where it may be cut."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Unreadable(Exception):  # noqa: N818 - a fact about one file, collected rather than propagated
    """One file can't be used; the message says why in a few words."""


class Kind(StrEnum):
    """Kinds of block, by where a chunk may end inside one."""

    HEADING = "heading"  # begins a section
    TEXT = "text"  # between sentences
    LIST = "list"  # between lines
    TABLE = "table"  # between rows; the header is repeated
    CODE = "code"  # nowhere


@dataclass(frozen=True, slots=True)
class Block:
    """One block. `level` is a heading's, from 1. `header` holds a table's header lines, `text` its rows, one a line.

    A code block's `header` and `footer` are its fences, so that what had to be cut after all is still a code block.
    """

    kind: Kind
    text: str
    level: int = 0
    header: str = ""
    footer: str = ""
