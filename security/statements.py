"""Finds this room's SQL by name."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import LiteralString

_FOLDER = Path(__file__).resolve().parent / "sql"


@functools.cache
def statement(name: str) -> LiteralString:
    """The statement in `sql/NAME.sql`."""
    # The files are part of the program, so their text is as trusted as a literal.
    text: LiteralString = (_FOLDER / f"{name}.sql").read_text("utf-8")
    return text
