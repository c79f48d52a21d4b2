"""PDF: sections and text as people read them, and a telling word for what can't be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from seed import sources
from seed.blocks import BlockKind, Unreadable
from seed.passages import passages_of
from seed.readers import pdf
from tests.unit.seed_documents.pdf_files import PARAGRAPH, encrypted, helvetica, korean, pictures, written


def _headings(data: bytes) -> list[tuple[int, str]]:
    return [(each.level, each.text) for each in pdf.read(data) if each.kind is BlockKind.HEADING]


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


def test_headers_of_pages_stand_once_and_page_numbers_nowhere() -> None:
    message = "\n".join(each.text for each in pdf.read(bytes(written(pages=4, running=True).output())))
    assert "chapter4" in message
    assert message.count("Operations manual") == 1
    assert "Page" not in message


def _pages(*pages: list[str]) -> list[str]:
    from fpdf import FPDF

    made = FPDF()
    for lines in pages:
        made.add_page()
        made.set_font("Helvetica", size=11)
        for line in lines:
            made.cell(0, 8, line, new_x="LMARGIN", new_y="NEXT")
    return [line for each in pdf.read(bytes(made.output())) for line in each.text.split("\n")]


def test_rows_that_look_alike_on_every_page_are_kept() -> None:
    """Each differs in its numbers only, at the top and at the bottom of its page."""
    pages = [[f"Order {page}01 filled {page * 7}", "in between", f"Order {page}99 filled {page * 9}"] for page in range(1, 7)]
    assert _pages(*pages) == [line for page in pages for line in page]


def test_headings_that_count_with_the_pages_are_kept() -> None:
    pages = [[f"Step {page}", f"do this {page}", f"{page} orders"] for page in range(1, 6)]
    assert _pages(*pages) == [line for page in pages for line in page]


def test_a_row_that_every_page_repeats_stands_once() -> None:
    read = _pages(*([["Date Symbol Price", f"row {page}", f"Total {page * 3}"] for page in range(1, 6)]))
    assert read.count("Date Symbol Price") == 1
    assert [line for line in read if line.startswith("Total")] == [f"Total {page * 3}" for page in range(1, 6)]


@pytest.mark.parametrize("footer", ["{}", "- {} -", "Page {}", "Page {} of 9", "{} / 9", "Seite {} von 9", "Manual, page {}"])
def test_what_counts_the_pages_is_left_out(footer: str) -> None:
    pages = [[f"text {page} begins", f"and goes on {page * 3}", footer.format(page + 2)] for page in range(1, 6)]
    assert _pages(*pages) == [line for page in pages for line in page[:2]]


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        (("at most 10", "^6", " rows"), "at most 10^6 rows"),
        (("10", "^-4", "m"), "10^-4m"),
        (("a fee of 100", "^1", " won"), "a fee of 100^1 won"),
        (("H", "_2", "O, log", "_2", "8, 101", "_2"), "H2O, log2 8, 101_2"),
        (("the 1", "^st", " of May"), "the 1st of May"),
        (("^1", "a note"), "1a note"),
    ],
)
def test_raised_numbers_are_no_further_digits(parts: tuple[str, ...], text: str) -> None:
    from fpdf import FPDF

    made = FPDF()
    made.add_page()
    for size in (11, 20):
        made.set_font("Helvetica", size=size)
        for part in parts:
            made.char_vpos = {"^": "SUP", "_": "SUB"}.get(part[0], "LINE")
            made.write(8, part.lstrip("^_"))
        made.char_vpos = "LINE"
        made.write(8, "\n")
    assert [line for each in pdf.read(bytes(made.output())) for line in each.text.split("\n")] == [text, text]


@pytest.mark.parametrize("raised", ["0 4 Td (6) Tj 3 -4 Td", "4 Ts (6) Tj 0 Ts", "q 4 Ts (6) Tj Q"])
def test_numbers_raised_in_any_way(raised: str) -> None:
    """By moving the line, as TeX and word processors do, or by a rise within it."""
    before, after = b"at most 10".hex(), b" rows".hex()
    small = raised.replace("(6)", "<36>")
    commands = f"BT /F1 11 Tf 50 700 Td <{before}> Tj /F1 7 Tf 51.5 0 Td {small} /F1 11 Tf <{after}> Tj ET"
    assert [each.text for each in pdf.read(helvetica(commands))] == ["at most 10^6 rows"]


def test_korean_text_is_read() -> None:
    blocks = pdf.read(korean([(20, "자동 매매 시스템"), (11, "캔들을 읽고 주문을 냅니다."), (11, "백업은 매일 이루어집니다.")]))
    assert [(block.kind, block.text) for block in blocks] == [
        (BlockKind.HEADING, "자동 매매 시스템"),
        (BlockKind.TEXT, "캔들을 읽고 주문을 냅니다.\n백업은 매일 이루어집니다."),
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
