"""PDF: sections and text as people read them, and a telling word for what can't be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from seed import sources
from seed.blocks import Kind, Unreadable
from seed.passages import passages_of
from seed.readers import pdf
from tests.unit.seed_documents.pdf_files import PARAGRAPH, encrypted, korean, pictures, written


def _headings(data: bytes) -> list[tuple[int, str]]:
    return [(each.level, each.text) for each in pdf.read(data) if each.kind is Kind.HEADING]


@pytest.mark.parametrize("outline", [False, True], ids=["by size", "by outline"])
def test_headings_are_found(outline: bool) -> None:
    data = bytes(written(outline=outline, pages=2).output())
    assert _headings(data) == [(1, "Chapter 1"), (2, "Part 1"), (1, "Chapter 2"), (2, "Part 2")]


def test_text_flows_over_lines_and_keeps_its_sections(tmp_path: Path) -> None:
    file = tmp_path / "manual.PDF"
    file.write_bytes(bytes(written(pages=2).output()))
    found = passages_of(sources.Source(file, "manual.PDF"))
    assert [each.chunk.section for each in found] == ["Chapter 1", "Chapter 1 > Part 1", "Chapter 2", "Chapter 2 > Part 2"]
    assert " ".join(found[1].chunk.content.split()) == ("part1. " + PARAGRAPH * 3).strip()


def test_headers_and_footers_of_pages_are_left_out() -> None:
    told = "\n".join(each.text for each in pdf.read(bytes(written(pages=4, running=True).output())))
    assert "chapter4" in told
    assert "Operations manual" not in told
    assert "Page" not in told


def test_korean_text_is_read() -> None:
    blocks = pdf.read(korean([(20, "자동 매매 시스템"), (11, "캔들을 읽고 주문을 냅니다."), (11, "백업은 매일 이루어집니다.")]))
    assert [(each.kind, each.text) for each in blocks] == [
        (Kind.HEADING, "자동 매매 시스템"),
        (Kind.TEXT, "캔들을 읽고 주문을 냅니다.\n백업은 매일 이루어집니다."),
    ]


def test_one_that_only_its_changes_are_locked_of_is_read() -> None:
    assert _headings(encrypted(None)) == [(1, "Chapter 1"), (2, "Part 1")]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (encrypted("secret"), "encrypted: it opens with a password only"),
        (bytes(written().output())[:700], "damaged: "),
        (b"%PDF-1.7\n", "damaged: "),
        (b"no PDF at all", "damaged: "),
        (pictures(), "no text: its pages are pictures"),
        (b"", "empty"),
    ],
    ids=["encrypted", "cut off", "header alone", "something else", "pictures", "empty"],
)
def test_what_can_not_be_read_says_why(tmp_path: Path, data: bytes, why: str) -> None:
    file = tmp_path / "x.pdf"
    file.write_bytes(data)
    with pytest.raises(Unreadable, match=why):
        sources.read(sources.Source(file, "x.pdf"))


def test_one_without_anything_on_its_page_is_empty(tmp_path: Path) -> None:
    from fpdf import FPDF

    made = FPDF()
    made.add_page()
    file = tmp_path / "blank.pdf"
    file.write_bytes(bytes(made.output()))
    with pytest.raises(Unreadable, match="empty"):
        sources.read(sources.Source(file, "blank.pdf"))


@pytest.mark.parametrize(("bound", "told"), [("MOST_PAGES", "3 pages, more than the 1"), ("MOST_CHARACTERS", "more than the 1 characters")])
def test_endless_ones_are_refused(monkeypatch: pytest.MonkeyPatch, bound: str, told: str) -> None:
    monkeypatch.setattr(pdf, bound, 1)
    with pytest.raises(Unreadable, match=told):
        pdf.read(bytes(written(pages=3).output()))
