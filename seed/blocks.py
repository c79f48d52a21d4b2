"""The output of every reader: a flat list of blocks, each with a kind that says where it may be split."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Unreadable(Exception):  # noqa: N818 - a fact about one file, collected instead of propagated
    """A file can't be used; the message says why in a few words."""


class BlockKind(StrEnum):
    """Kinds of block, by where a chunk may end inside one."""

    HEADING = "heading"  # begins a section
    TEXT = "text"  # between sentences
    LIST = "list"  # between lines
    TABLE = "table"  # between rows; the header is repeated
    CODE = "code"  # nowhere


@dataclass(frozen=True, slots=True)
class Block:
    """One block. `level` is a heading's, from 1. `header` has a table's header lines, `text` its rows, one per line.

    A code block's `header` and `footer` are its fences, so that each piece of a split one is still a code block.
    """

    kind: BlockKind
    text: str
    level: int = 0
    header: str = ""
    footer: str = ""
