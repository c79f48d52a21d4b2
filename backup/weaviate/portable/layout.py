"""The files of a portable dump. `index.json` names all others; a reader needs only a JSON parser and zstd.

weaviate/portable/index.json          collections, aliases, roles, users
weaviate/portable/NAME.schema.json    a collection's definition, as the server gave it
weaviate/portable/NAME.jsonl.zst      one object per line: id, properties, vector(s), times, and the tenant if it has one

A name of more than 100 letters is cut, and followed by a hash of the whole one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict

from backup.sets.model import FileRecord, Unproven

FOLDER = "weaviate/portable"
INDEX = f"{FOLDER}/index.json"
FORMAT = 1


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DumpedCollection(_Record):
    """One collection. `rows` counts its lines; `dimensions` has the length of each vector by name ("" for the unnamed one).

    A dimension of 0 means vectors of different lengths, or several in one object.
    """

    definition: str
    objects: str
    rows: int
    dimensions: dict[str, int]
    tenants: tuple[str, ...] = ()
    tenants_left_out: tuple[str, ...] = ()


class Index(_Record):
    """The whole dump. Users are without their keys, which no server reveals."""

    format: int = FORMAT
    weaviate: str
    collections: dict[str, DumpedCollection]
    aliases: dict[str, str]
    roles: list[dict[str, Any]]
    users: list[dict[str, Any]]

    @property
    def rows(self) -> int:
        """Objects of all collections."""
        return sum(collection.rows for collection in self.collections.values())


@dataclass(frozen=True, slots=True)
class Dumped:
    """A finished dump: its files, and what it should have but lacks."""

    files: tuple[FileRecord, ...]
    unproven: tuple[Unproven, ...]


def vectors_of(line: dict[str, Any]) -> dict[str, Any]:
    """The vectors of an object by name; the unnamed one of an older schema is ""."""
    named = dict(line.get("vectors") or {})
    return named | ({"": line["vector"]} if line.get("vector") else {})


def dimension(vector: Any) -> int:
    """A vector's length; 0 for a multi-vector."""
    return 0 if vector and isinstance(vector[0], list) else len(vector)
