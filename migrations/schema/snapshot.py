"""The schema as text for reviews: every object with its definition, in one file, and the parser of that file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import PlatformError
from migrations.edition import Edition, form
from migrations.queries import current_revision
from migrations.schema.inventory import FOLDER, ORDER, Inventory, read_objects

if TYPE_CHECKING:
    import psycopg

_HEAD = re.compile(r"^-- (\w+): (.+)$")


def file_of(edition: Edition) -> Path:
    """The path of the reviewed snapshot for that edition."""
    return FOLDER.parent / ("schema.sql" if edition is Edition.APACHE else f"schema.{edition}.sql")


def read_live(connection: psycopg.Connection) -> Inventory:
    """Every object of the project's schema."""
    # Names are printed with their schema unless it is on the search path: set it, whatever the session's settings.
    with connection.transaction():
        connection.execute("set local search_path = public")
        return read_objects(connection)


READ_BACK = "-- `invoke migrate.snapshot` writes this file; the tests compare it with what the migrations make."


def render(inventory: Inventory, revision: str, edition: Edition, origin: str = READ_BACK) -> str:
    """The snapshot's text: by table, and within it by kind, so that a change has a small diff."""
    lines = [
        f"-- The schema at revision {revision}, {edition} edition{', read back from a server' if origin == READ_BACK else ''}.",
        origin,
        "",
    ]
    for kind, name in sorted(inventory, key=_place):
        lines += [f"-- {kind}: {name}", inventory[kind, name], ""]
    return "\n".join(lines)


def parse(text: str) -> Inventory:
    """The inventory in a snapshot's text."""
    inventory: dict[tuple[str, str], str] = {}
    key: tuple[str, str] | None = None
    body: list[str] = []
    for line in [*text.splitlines(), "-- end: -"]:
        match = _HEAD.match(line)
        if match and match[1] in {*ORDER, "end"}:
            if key is not None:
                inventory[key] = "\n".join(body).strip()
            key, body = (match[1], match[2]), []
        else:
            body.append(line)
    return inventory


def reviewed(edition: Edition) -> Inventory | None:
    """The reviewed inventory of that edition; None if there is none yet."""
    path = file_of(edition)
    return parse(path.read_text("utf-8")) if path.is_file() else None


def write(connection: psycopg.Connection) -> Path:
    """Write the snapshot of the connection's schema; returns the file's path.

    Raises PlatformError if nothing was migrated yet.
    """
    revision, edition = current_revision(connection), form(connection)
    if revision is None or edition is None:
        raise PlatformError("there is no schema to take a snapshot of", where="the database", next_step="invoke migrate")
    path = file_of(edition)
    path.write_text(render(read_live(connection), revision, edition), "utf-8")
    return path


def _place(key: tuple[str, str]) -> tuple[str, int, str]:
    kind, name = key
    # Types and functions come first: columns and triggers use them.
    return ("" if kind in {"domain", "function", "aggregate", "operator"} else re.split(r"[.(]", name)[0], ORDER.index(kind), name)
