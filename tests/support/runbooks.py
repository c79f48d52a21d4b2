"""Pages of docs/runbooks taken apart: their parts, and the commands in them."""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "docs" / "runbooks"
PARTS = ("Meaning", "Confirm", "Mend", "Over")


def page(alert: str) -> str:
    """The page of that alert."""
    return (FOLDER / f"{alert}.md").read_text("utf-8")


def parts(text: str) -> dict[str, str]:
    """A page's parts by their headings."""
    return dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))


def commands(alert: str, part: str) -> list[str]:
    """The commands of a part, each a line with four spaces before it."""
    return re.findall(r"^    (\S.*)$", parts(page(alert))[part], re.MULTILINE)
