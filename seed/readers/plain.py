"""Plain text: paragraphs between blank lines."""

from __future__ import annotations

import re

from seed.blocks import Block, BlockKind


def read(text: str) -> list[Block]:
    """Return the paragraphs; plain text has no headings."""
    paragraphs = re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n").replace("\r", "\n"))
    return [Block(BlockKind.TEXT, paragraph.strip("\n")) for paragraph in paragraphs if paragraph.strip()]
