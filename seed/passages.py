"""Passages: chunks on their way into the store, and what of them is stored and embedded."""

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
"""Tokens of the headings above a text that go into its vector."""
FORMAT = 1
"""Raised when what is embedded or stored of a chunk changes, so that the next run writes every passage anew."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk of the file known as `path`. `hash` tells whether a stored passage is still the same."""

    path: str
    chunk: Chunk
    hash: str

    @property
    def id(self) -> str:
        """The same for the same place in the same file, so that a changed passage replaces its predecessor."""
        return str(uuid.uuid5(NAMESPACE, f"{self.path}\n{self.chunk.number}"))

    @property
    def text(self) -> str:
        """What its vector is made of."""
        return embedded_text(self.chunk.section, self.chunk.content)

    def properties(self, timestamp: str) -> dict[str, Any]:
        """The object's properties, as the blueprint names them. `timestamp` is when it is written, in ISO 8601."""
        metadata = {"timestamp": timestamp, "tokens": self.chunk.tokens, "hash": self.hash}
        return {
            "content": self.chunk.content,
            "file_path": self.path,
            "section": self.chunk.section,
            "chunk_id": self.chunk.number,
            "metadata": json.dumps(metadata),
        }


def embedded_text(section: str, content: str) -> str:
    """What a passage's vector is made of: the headings above a text say what it is about.

    Where many long headings would not fit the model's window, the outermost are left out of the vector; the section has them all.
    """
    titles = section.split(SECTION_SEPARATOR) if section else []
    while len(titles) > 1 and estimate(", ".join(titles)) > _HEADINGS_BOUND:
        titles.pop(0)
    return "\n".join([*([", ".join(titles)] if titles else []), content])


def passages_of(source: sources.Source, encoding: str | None = None) -> list[Passage]:
    """The passages of one file, read as `sources.read` does. Raises Unreadable."""
    return [
        Passage(source.path, each, sources.content_hash((str(FORMAT), each.section, each.content)))
        for each in chunk(sources.read(source, encoding))
    ]


def stored_hash(metadata: object) -> str:
    """The hash in an object's `metadata`; empty where somebody else wrote it."""
    try:
        return str(json.loads(str(metadata))["hash"])
    except (ValueError, KeyError, TypeError):
        return ""
