"""Finds the SQL of the seed room by name."""

from __future__ import annotations

from functools import cache
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "sql"


@cache
def load(name: str) -> bytes:
    """The SQL of that name, as the driver takes it; FileNotFoundError where there is none."""
    return (FOLDER / f"{name}.sql").read_bytes()
