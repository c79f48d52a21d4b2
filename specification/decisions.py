"""The index of decisions: docs/adr/README.md, from the files beside it."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from specification.statements import ROOT

FOLDER = ROOT / "docs" / "adr"
FILE = FOLDER / "README.md"
_PARTS = {
    "00": "The platform",
    "01": "Machines without download sites",
    "04": "Backups and restores",
    "05": "Market data, schema and sealed fields",
    "06": "Documents, caches and what applications meet",
    "07": "The schedule",
}


def render_decisions(folder: Path = FOLDER) -> str:
    """The index as Markdown. Raises KeyError for a number that belongs to no part, ValueError for a file without title or status."""
    lines = [
        "# Decisions",
        "",
        "<!-- Written by `python -m specification` from the files in this folder: change those, not this file. -->",
        "",
        "What was decided, why, and what follows. A new one begins with [the template](0000-template.md).",
        "",
    ]
    files = sorted(path for path in folder.glob("[0-9]*.md") if not path.name.startswith("0000"))
    for part, own in groupby(files, lambda path: path.name[:2]):
        lines += [f"## {_PARTS[part]}", ""]
        lines += [f"- [{path.name[:4]}]({path.name}) {_title(path)}{_status(path)}" for path in own]
        lines.append("")
    return "\n".join(lines)


def _title(path: Path) -> str:
    first = path.read_text("utf-8").splitlines()[0]
    number, _, title = first.removeprefix("# ").partition(": ")
    if number != path.name[:4] or not title:
        raise ValueError(f"{path.name} begins with {first!r}, not with its number and title")
    return title


def _status(path: Path) -> str:
    """Nothing for what holds; what became of the others."""
    status = next((line for line in path.read_text("utf-8").splitlines() if line.startswith("**Status:**")), "")
    if not status:
        raise ValueError(f"{path.name} has no status")
    words = status.removeprefix("**Status:**").strip()
    return "" if words == "accepted" else f" ({words})"
