"""Where documents are cut, and where never."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seed.blocks import Block, Kind
from seed.chunks import CODE_BOUND, OVERLAP, TOKEN_BOUND, chunk
from seed.readers import markdown
from seed.tokens import estimate


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
    chunks = chunk([Block(Kind.TEXT, " ".join(sentences))])
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
    chunks = chunk([Block(Kind.TEXT, text)])
    assert len(chunks) > 2
    assert all(each.content.endswith(".") and each.tokens <= TOKEN_BOUND for each in chunks)


def test_a_code_block_is_never_cut() -> None:
    code = "\n".join(f"value_{number} = compute({number})" for number in range(200))
    chunks = chunk(markdown.read(f"# T\n\nBefore.\n\n```python\n{code}\n```\n\nAfter.\n"))
    (holder,) = [each for each in chunks if "value_0 " in each.content]
    assert f"```python\n{code}\n```" in holder.content


def test_an_enormous_code_block_is_cut_between_lines_and_stays_code() -> None:
    lines = [f"value_{number} = compute({number})" for number in range(3000)]
    chunks = chunk([Block(Kind.CODE, "\n".join(lines), header="```python", footer="```")])
    assert len(chunks) > 1
    for each in chunks:
        inside = each.content.split("\n")
        assert (inside[0], inside[-1]) == ("```python", "```")
        assert set(inside[1:-1]) <= set(lines)
        assert each.tokens < 2 * CODE_BOUND
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


_BLOCKS = st.lists(
    st.builds(
        Block,
        kind=st.sampled_from(Kind),
        text=st.text(alphabet="가나다abc .\n|-#", max_size=2000),
        level=st.integers(1, 6),
        header=st.just(""),
        footer=st.just(""),
    ),
    max_size=8,
)


@given(_BLOCKS)
@settings(max_examples=60)
def test_no_word_is_lost_and_nothing_is_over_the_bound(blocks: list[Block]) -> None:
    chunks = chunk(blocks)
    text = "".join("".join(each.content.split()) for each in chunks)
    for block in blocks:
        if block.kind is not Kind.HEADING:
            for word in block.text.split():
                assert estimate(word) > TOKEN_BOUND or word in text
    assert [each.number for each in chunks] == list(range(1, len(chunks) + 1))
    assert all(each.content.strip() for each in chunks)
    splittable = not any(block.kind in (Kind.CODE, Kind.TABLE) for block in blocks)
    assert not splittable or all(each.tokens <= TOKEN_BOUND for each in chunks)


@given(_BLOCKS)
@settings(max_examples=30)
def test_cutting_is_deterministic(blocks: list[Block]) -> None:
    assert chunk(blocks) == chunk(blocks)
