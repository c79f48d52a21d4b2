"""Where documents are cut, and where never."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import strategies as st

from infra.connections import ROOT
from seed.blocks import Block, BlockKind
from seed.chunks import CODE_BOUND, HEADING_BOUND, OVERLAP, TOKEN_BOUND, chunk
from seed.passages import embedded_text
from seed.readers import html, markdown
from seed.tokens import estimate
from tests.support.cases import holds_for


def test_every_section_is_a_chunk_of_its_own_with_the_headings_above_it() -> None:
    chunks = chunk(markdown.read("# Guide\n\nIntro.\n\n## One\n\nFirst.\n\n### Deep\n\nBelow.\n\n## Two\n\nSecond.\n"))
    assert [(each.number, each.section, each.content) for each in chunks] == [
        (1, "Guide", "Intro."),
        (2, "Guide > One", "First."),
        (3, "Guide > One > Deep", "Below."),
        (4, "Guide > Two", "Second."),
    ]


def test_a_section_without_a_body_gives_no_chunk() -> None:
    assert [each.section for each in chunk(markdown.read("# A\n\n## B\n\ntext\n"))] == ["A > B"]


def test_a_long_section_is_cut_between_sentences_with_overlap() -> None:
    sentences = [f"Sentence number {number} says something about trading." for number in range(120)]
    chunks = chunk([Block(BlockKind.TEXT, " ".join(sentences))])
    assert len(chunks) > 3
    for before, after in itertools.pairwise(chunks):
        assert before.tokens <= TOKEN_BOUND
        shared = [sentence for sentence in sentences if sentence in before.content and sentence in after.content]
        assert shared
        assert after.content.startswith(shared[0])
        assert estimate(" ".join(shared)) <= OVERLAP
    assert all(any(sentence in each.content for each in chunks) for sentence in sentences)


def test_korean_is_cut_between_sentences_too() -> None:
    text = " ".join(f"{number}번째 문장은 자동 매매 시스템을 설명합니다." for number in range(100))
    chunks = chunk([Block(BlockKind.TEXT, text)])
    assert len(chunks) > 2
    assert all(each.content.endswith(".") and each.tokens <= TOKEN_BOUND for each in chunks)


def test_a_code_block_that_the_model_can_read_is_never_cut() -> None:
    code = "\n".join(f"value_{number} = compute({number})" for number in range(30))
    assert TOKEN_BOUND * 0.8 < estimate(code) < CODE_BOUND
    chunks = chunk(markdown.read(f"# T\n\n{'Before. ' * 60}\n\n```python\n{code}\n```\n\nAfter.\n"))
    (holder,) = [each for each in chunks if "value_0 " in each.content]
    assert f"```python\n{code}\n```" in holder.content


def test_a_longer_code_block_is_cut_between_lines_and_stays_code() -> None:
    lines = [f"value_{number} = compute({number})" for number in range(3000)]
    chunks = chunk([Block(BlockKind.CODE, "\n".join(lines), header="```python", footer="```")])
    assert len(chunks) > 1
    for each in chunks:
        inside = each.content.split("\n")
        assert (inside[0], inside[-1]) == ("```python", "```")
        assert set(inside[1:-1]) <= set(lines)
        assert each.tokens <= TOKEN_BOUND
    assert [line for each in chunks for line in each.content.split("\n")[1:-1]] == lines


def test_a_table_is_cut_between_rows_and_repeats_its_header() -> None:
    rows = [f"| {number} | row number {number} of the table |" for number in range(100)]
    chunks = chunk(markdown.read("# T\n\n| n | text |\n| --- | --- |\n" + "\n".join(rows) + "\n"))
    assert len(chunks) > 2
    for each in chunks:
        lines = each.content.split("\n")
        assert lines[:2] == ["| n | text |", "| --- | --- |"]
        assert set(lines[2:]) <= set(rows)
    assert [line for each in chunks for line in each.content.split("\n")[2:]] == rows


def test_a_hash_sign_in_code_is_no_heading() -> None:
    chunks = chunk(markdown.read("# T\n\n```sh\n# not a heading\nls\n```\n"))
    assert [each.section for each in chunks] == ["T"]


def test_front_matter_and_comments_are_left_out() -> None:
    chunks = chunk(markdown.read("---\ntitle: x\n---\n# T\n\n<!-- note -->\n\nText.\n"))
    assert [(each.section, each.content) for each in chunks] == [("T", "Text.")]


@pytest.mark.parametrize("text", ["", "\n\n", "# Only a heading\n", "<!-- x -->"])
def test_a_document_without_text_gives_no_chunks(text: str) -> None:
    assert chunk(markdown.read(text)) == []


def test_a_heading_with_nothing_below_it_is_a_chunk_of_its_own() -> None:
    chunks = chunk(markdown.read("# A\n\n## Desk: +82 2 1234\n\n## B\n\ntext\n\n# End\n"))
    assert [(each.section, each.content) for each in chunks] == [
        ("A > Desk: +82 2 1234", "Desk: +82 2 1234"),
        ("A > B", "text"),
        ("End", "End"),
    ]


def test_a_heading_as_long_as_a_paragraph_is_one() -> None:
    words = " ".join(f"word{number}" for number in range(300))
    chunks = chunk(markdown.read(f"# {words}\n\ntext\n"))
    assert all(each.section.startswith("word0 word1") and each.section.endswith(" …") for each in chunks)
    assert all(estimate(each.section) <= HEADING_BOUND + 2 for each in chunks)
    assert set(words.split()) <= set(" ".join(each.content for each in chunks).split())


def test_sentences_without_blanks_between_them_are_cut_where_they_end() -> None:
    sentences = [f"これは{number}番目の文章です。" for number in range(100)]
    chunks = chunk([Block(BlockKind.TEXT, "".join(sentences))])
    assert len(chunks) > 2
    assert all(each.content.endswith("。") and " " not in each.content for each in chunks)
    assert all(any(sentence in each.content for each in chunks) for sentence in sentences)


@pytest.mark.parametrize(
    "text",
    [
        "가" * 5000,
        "漢" * 5000,
        "x" * 20_000,
        "é" * 3000,
        "e\u0301" * 3000,
        "👩\u200d👩\u200d👧" * 1000,
        "\u1112\u1161\u11ab" * 2000,
        "=" * 5000,
    ],
    ids=["hangul", "han", "latin", "accents", "combined", "emoji", "jamo", "signs"],
)
@pytest.mark.parametrize("kind", [each for each in BlockKind if each is not BlockKind.HEADING])
def test_one_very_long_word_is_cut_and_nothing_of_it_lost(kind: BlockKind, text: str) -> None:
    chunks = chunk([Block(kind, text, header="```" if kind is BlockKind.CODE else "")], overlap=0)
    pieces = [each.content.removeprefix("```\n") for each in chunks]
    assert len(chunks) > 1
    assert all(estimate(each.content) <= CODE_BOUND for each in chunks)
    assert "".join(pieces) == text
    assert not any(piece[0] in "\u0301\u200d\u1161\u11ab" for piece in pieces)


@pytest.mark.parametrize("header", ["| a | b |\n| --- | --- |", f"| {'name ' * 300}|\n| --- |", ""])
def test_a_row_beyond_the_bound_is_cut_under_its_header(header: str) -> None:
    words = [f"word{number}" for number in range(900)]
    chunks = chunk([Block(BlockKind.TABLE, f"| x | {' '.join(words)} |\n| y | z |", header=header)])
    assert all(each.tokens <= TOKEN_BOUND for each in chunks)
    if len(header) in range(1, 100):
        assert all(each.content.startswith(header) for each in chunks)
    assert [word for each in chunks for word in each.content.split() if word.startswith("word")] == words


def test_a_table_without_rows_keeps_its_header() -> None:
    (only,) = chunk([Block(BlockKind.TABLE, "", header="| a | b |\n| --- | --- |")])
    assert only.content == "| a | b |\n| --- | --- |"


def test_pages_laid_out_by_a_table_and_lists_with_code_are_cut_like_any_other() -> None:
    folder = ROOT / "tests" / "data" / "documents"
    page = chunk(html.read((folder / "layout-table.html").read_text()))
    assert max(each.tokens for each in page) <= TOKEN_BOUND
    sections = [each.section for each in page if "begins with the bassoon" in each.content]
    assert sections == ["Handbook > Procedure 12", "Handbook > Procedure 24"]
    steps = chunk(markdown.read((folder / "long-list.md").read_text()))
    assert max(step.tokens for step in steps) <= TOKEN_BOUND
    assert "31. Step 31: polish the brass ocelot" in steps[-1].content
    assert all(step.content.count("```console") * 2 == step.content.count("```") for step in steps)


def test_headings_never_push_a_passage_out_of_the_models_window() -> None:
    titles = [" ".join(f"title{level}x{number}" for number in range(9)) for level in range(1, 7)]
    text = "\n\n".join(f"{'#' * level} {title}" for level, title in enumerate(titles, 1)) + "\n\n" + "word " * 2000
    passages = list(chunk(markdown.read(text)))
    assert len(passages) > 1
    for passage in passages:
        embedded = embedded_text(passage.section, passage.content)
        assert estimate(embedded) <= TOKEN_BOUND + 110
        assert titles[-1] in embedded
        assert passage.section.count(" > ") == 5


_BLOCKS = st.lists(
    st.builds(
        Block,
        kind=st.sampled_from(BlockKind),
        text=st.text(alphabet="가나다abc .\n|-#", max_size=2000),
        level=st.integers(1, 6),
        header=st.just(""),
        footer=st.just(""),
    ),
    max_size=8,
)


@holds_for(25, 200, _BLOCKS)
def test_no_word_is_lost_and_nothing_is_over_the_bound(blocks: list[Block]) -> None:
    chunks = chunk(blocks)
    text = "".join("".join(each.content.split()) for each in chunks)
    for block in blocks:
        if block.kind is not BlockKind.HEADING:
            for word in block.text.split():
                assert word in text
    assert [each.number for each in chunks] == list(range(1, len(chunks) + 1))
    assert all(each.content.strip() for each in chunks)
    assert all(each.tokens <= CODE_BOUND for each in chunks)


@holds_for(10, 60, _BLOCKS)
def test_cutting_is_deterministic(blocks: list[Block]) -> None:
    assert chunk(blocks) == chunk(blocks)
