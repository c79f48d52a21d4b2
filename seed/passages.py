"""Passages: chunks on their way into the store, with their stored properties and their embedded text."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import Any

from seed import sources
from seed.chunks import SECTION_SEPARATOR, Chunk, chunk
from seed.tokens import estimate

NAMESPACE = uuid.UUID("5e1c6f2b-8d5a-4b5c-9d57-3f0b7a6d2c41")
"""Namespace (RFC 9562, version 5) of the passages' ids."""
_HEADINGS_BOUND = 100
"""Tokens of the headings above a text that are part of its vector."""
FORMAT = 1
"""Increased when the embedded or stored form of a chunk changes, so that the next run writes every passage again."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk of the file known as `path`. `hash` shows whether a stored passage is unchanged."""

    path: str
    chunk: Chunk
    hash: str

    @property
    def id(self) -> str:
        """The same for the same place in the same file, so that a changed passage replaces the old one."""
        return str(uuid.uuid5(NAMESPACE, f"{self.path}\n{self.chunk.number}"))

    @property
    def text(self) -> str:
        """The embedded text."""
        return embedded_text(self.chunk.section, self.chunk.content)

    def properties(self, timestamp: str) -> dict[str, Any]:
        """The object's properties, as the blueprint names them. `timestamp` is the time of writing, in ISO 8601."""
        metadata = {"timestamp": timestamp, "tokens": self.chunk.tokens, "hash": self.hash}
        return {
            "content": self.chunk.content,
            "file_path": self.path,
            "section": self.chunk.section,
            "chunk_id": self.chunk.number,
            "metadata": json.dumps(metadata),
        }


def embedded_text(section: str, content: str) -> str:
    """The embedded text of a passage: the headings above a text say what it is about.

    If long headings don't fit the model's window, the outermost are left out of the vector; the section keeps them all.
    """
    titles = section.split(SECTION_SEPARATOR) if section else []
    while len(titles) > 1 and estimate(", ".join(titles)) > _HEADINGS_BOUND:
        titles.pop(0)
    return "\n".join([*([", ".join(titles)] if titles else []), content])


def passages_of(source: sources.Source, encoding: str | None = None) -> list[Passage]:
    """The passages of one file, read like `sources.read` does. Raises Unreadable."""
    return [
        Passage(source.path, piece, sources.content_hash((str(FORMAT), piece.section, piece.content)))
        for piece in chunk(sources.read(source, encoding))
    ]


def stored_hash(metadata: object) -> str:
    """The hash in an object's `metadata`; empty if another program wrote it."""
    try:
        return str(json.loads(str(metadata))["hash"])
    except (ValueError, KeyError, TypeError):
        return ""
