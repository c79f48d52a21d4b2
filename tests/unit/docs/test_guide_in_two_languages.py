"""The guide says the same in either language: the same sections in the same order, and in each the same names, commands and options."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

GUIDE = Path(__file__).parents[3] / "docs" / "guide"
FILES = sorted(path.name for path in (GUIDE / "en").glob("*.md"))
_PLACE_TO_FILL = re.compile(r"[가-힣]|(?<![A-Za-z_])[A-Z]{4,}(?![A-Za-z_])")
"""A word that the reader replaces: in Korean, or in capitals."""


def names(section: str) -> set[str]:
    """What stands as code, word by word."""
    return {word.strip('"…') for code in re.findall(r"`([^`]+)`", section) for word in code.split() if not _PLACE_TO_FILL.search(word)}


def sections(language: str, name: str) -> list[tuple[str, str]]:
    found = re.split(r"^##? ", (GUIDE / language / name).read_text("utf-8"), flags=re.MULTILINE)[1:]
    return [(text.partition("\n")[0], text) for text in found]


def differing(pairs: Iterator[tuple[tuple[str, str], tuple[str, str]]]) -> dict[str, set[str]]:
    return {title: names(one) ^ names(other) for (title, one), (_, other) in pairs if names(one) != names(other)}


def test_there_are_the_same_pages() -> None:
    assert len(FILES) == 4
    assert sorted(path.name for path in (GUIDE / "ko").glob("*.md")) == FILES


@pytest.mark.parametrize("name", FILES)
def test_the_sections_name_the_same_things(name: str) -> None:
    assert differing(zip(sections("en", name), sections("ko", name), strict=True)) == {}


def test_what_one_language_lacks_is_found() -> None:
    english = [("Backups", "`invoke backup --full` makes one, `invoke backup.remove NAME` removes it, see `docs/backup.md`")]
    korean = [("백업", "`invoke backup`, `invoke backup.remove 이름`, `docs/backup.md`")]
    assert differing(zip(english, korean, strict=True)) == {"Backups": {"--full"}}
    assert differing(zip(english, english, strict=True)) == {}
