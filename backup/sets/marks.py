"""Marks of sets: when they were verified and drilled. Kept beside the sets, since a manifest never changes."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from core.disk import write_whole

_FILE = "marks.json"


class Marks(BaseModel):
    """When a set was last verified as good, and last passed a drill."""

    model_config = ConfigDict(frozen=True)

    verified: datetime | None = None
    drilled: datetime | None = None


def read(folder: Path) -> dict[str, Marks]:
    """The marks of all sets; none if the file is missing or unreadable, since they can be made again."""
    try:
        raw = json.loads((folder / _FILE).read_bytes())
        return {set_id: Marks.model_validate(value) for set_id, value in raw.items()}
    except (OSError, ValueError, ValidationError, AttributeError):
        return {}


def mark(folder: Path, set_id: str, *, verified: datetime | None = None, drilled: datetime | None = None) -> None:
    """Mark a set, keeping its other mark; drop the marks of removed sets."""
    every = read(folder)
    before = every.get(set_id, Marks())
    every[set_id] = Marks(verified=verified or before.verified, drilled=drilled or before.drilled)
    marks_by_set = {name: value.model_dump(mode="json") for name, value in every.items() if (folder / name).is_dir()}
    write_whole(folder / _FILE, json.dumps(marks_by_set, indent=2).encode() + b"\n")
