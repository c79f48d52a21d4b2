"""SQL by name: the files in a room's folder `sql`, one statement or step per file."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import LiteralString


class Statements:
    """The SQL of a room. `here` is the calling module (`__file__`); the folder `sql` is beside it."""

    def __init__(self, here: str) -> None:
        self.folder = Path(here).resolve().parent / "sql"
        self._read = functools.cache(self._text)

    def __call__(self, name: str) -> LiteralString:
        """The text of `sql/NAME.sql`. Raises FileNotFoundError if there is none."""
        return self._read(name)

    def _text(self, name: str) -> LiteralString:
        # The files are part of the program, so their text is as trusted as a literal.
        text: LiteralString = (self.folder / f"{name}.sql").read_text(encoding="utf-8")
        return text
