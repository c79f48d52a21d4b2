"""The room's SQL: one statement a file, with its reason at its top."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import LiteralString


@functools.cache
def query(name: str) -> LiteralString:
    """The statement in `sql/NAME.sql`."""
    # The files are part of the program, so their text is as trusted as a literal.
    text: LiteralString = (Path(__file__).parent / "sql" / f"{name}.sql").read_text(encoding="utf-8")
    return text
