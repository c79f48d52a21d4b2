"""Pictures of the documents are small, have a text for those who don't see them, and are all used."""

from __future__ import annotations

import re
from pathlib import Path

from tests.pictures import MOST_BYTES, PICTURES, ROOT

_PICTURE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)\)")


def shown() -> list[tuple[Path, str]]:
    """Each picture that a document shows, and its text."""
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    return [((page.parent / place).resolve(), text) for page in pages for text, place in _PICTURE.findall(page.read_text("utf-8"))]


def test_every_picture_is_there_small_used_and_described() -> None:
    assert {path for path, _ in shown()} == set(PICTURES.glob("*"))
    assert {path.name: path.stat().st_size for path in PICTURES.glob("*") if path.stat().st_size > MOST_BYTES} == {}
    assert [path.name for path, text in shown() if len(text) < 30] == []


def test_both_languages_show_the_same() -> None:
    in_readme = [{place for _, place in _PICTURE.findall((ROOT / name).read_text("utf-8"))} for name in ("README.md", "README.ko.md")]
    assert in_readme[0] == in_readme[1] != set()
