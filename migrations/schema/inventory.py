"""Every object of a schema with its definition, as the server prints it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psycopg

FOLDER = Path(__file__).resolve().parent
ORDER = ("domain", "function", "aggregate", "operator", "table", "view", "owner", "constraint", "hypertable", "index", "trigger", "comment")
INNER = "christmas_reading"
"""The schema for trying definitions; no other transaction ever sees it."""

Inventory = Mapping[tuple[str, str], str]
"""(kind, name) to the definition, as SQL."""


def read_objects(connection: psycopg.Connection, schema: str = "public") -> Inventory:
    """The objects of `public`, or of the inner schema, which must come first in the search path."""
    text = (FOLDER / "inventory.sql").read_text("utf-8").replace("'public'", f"'{schema}'")
    rows = connection.execute(text.encode()).fetchall()
    return {(kind, name): definition.strip() for kind, name, definition in rows}
