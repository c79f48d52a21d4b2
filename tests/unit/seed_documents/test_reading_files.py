"""Formats, encodings and paths of documents; files that can't be used."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from infra.connections import ROOT
from seed import encodings, sources
from seed.blocks import BlockKind, Unreadable
from seed.passages import passages_of
from seed.readers import html, rst

KOREAN = "# 제목\n\n자동 매매 시스템은 캔들을 읽고 주문을 냅니다. 백업은 매일 이루어집니다.\n"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (KOREAN.encode(), KOREAN),
        (KOREAN.encode("utf-8-sig"), KOREAN),
        (KOREAN.encode("utf-16"), KOREAN),
        (KOREAN.encode("utf-32"), KOREAN),
        (KOREAN.encode("cp949"), KOREAN),
        (KOREAN.encode("euc-kr"), KOREAN),
        (
            "Größe und Übung: Zürich, Köln, Düsseldorf, schöne Straße.".encode("cp1252"),
            "Größe und Übung: Zürich, Köln, Düsseldorf, schöne Straße.",
        ),
        (b"plain ASCII", "plain ASCII"),
    ],
    ids=["utf-8", "utf-8 with mark", "utf-16", "utf-32", "cp949", "euc-kr", "cp1252", "ascii"],
)
def test_encodings(data: bytes, text: str) -> None:
    assert encodings.decode(data) == text


@pytest.mark.parametrize("data", [b"\x00\x01\x02\x03", b"text\0text", b"\xff\xfe\x00", b"\x89PNG\r\n\x1a\n\x00\x00\x00"])
def test_what_is_no_text_is_unreadable(data: bytes) -> None:
    with pytest.raises(Unreadable):
        encodings.decode(data)


def test_html_keeps_what_people_read() -> None:
    page = """<html><head><title>x</title><style>p{}</style></head><body><nav>menu</nav><h1>제목 <b>하나</b></h1>
    <p>First &amp; <a href=x>linked</a> text.<p>Second.<ul><li>a<li>b<ol><li>c</ol></ul>
    <pre><code>def f():\n    pass\n</code></pre><table><tr><th>n<th>v</tr><tr><td>1</td><td>2|3</td></tr></table>tail
    <script>no()</script>"""
    assert [(each.kind, each.header, each.text) for each in html.read(page)] == [
        (BlockKind.HEADING, "", "제목 하나"),
        (BlockKind.TEXT, "", "First & linked text."),
        (BlockKind.TEXT, "", "Second."),
        (BlockKind.LIST, "", "- a\n- b\n  1. c"),
        (BlockKind.CODE, "```", "def f():\n    pass"),
        (BlockKind.TABLE, "| n | v |\n| --- | --- |", "| 1 | 2\\|3 |"),
        (BlockKind.TEXT, "", "tail"),
    ]


def test_restructured_text_keeps_its_structure() -> None:
    page = """=====
Title
=====

Intro with :ref:`a link <x>` and ``code``.

Section
-------

Example::

    def f():

        pass

- one
  more
- two

.. code-block:: python
   :linenos:

   x = 1

.. a comment

===== =====
A     B
===== =====
1     2
===== =====

.. note:: Be careful.

Sub
~~~

End.
"""
    assert [(each.kind, each.level, each.text) for each in rst.read(page)] == [
        (BlockKind.HEADING, 1, "Title"),
        (BlockKind.TEXT, 0, "Intro with a link and `code`."),
        (BlockKind.HEADING, 2, "Section"),
        (BlockKind.TEXT, 0, "Example:"),
        (BlockKind.CODE, 0, "def f():\n\n    pass"),
        (BlockKind.LIST, 0, "- one more\n- two"),
        (BlockKind.CODE, 0, "x = 1"),
        (BlockKind.TABLE, 0, "1     2"),
        (BlockKind.TEXT, 0, "Be careful."),
        (BlockKind.HEADING, 3, "Sub"),
        (BlockKind.TEXT, 0, "End."),
    ]


def test_paths_are_kept_from_the_projects_root_and_absolute_outside(tmp_path: Path) -> None:
    assert sources.stored_path(ROOT / "docs" / "guide" / "en" / "overview.md") == "docs/guide/en/overview.md"
    assert sources.stored_path(tmp_path / "a.md") == (tmp_path / "a.md").as_posix()


def test_a_folder_is_searched_without_what_is_hidden_or_unknown(tmp_path: Path) -> None:
    for name in ("b.md", "a.txt", "sub/c.rst", ".hidden.md", ".git/d.md", "image.png"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("text")
    found = sources.find([tmp_path])
    assert [Path(source.path).name for source in found.sources] == ["a.txt", "b.md", "c.rst"]
    assert found.covers((tmp_path / "gone.md").as_posix())
    assert not found.covers(tmp_path.as_posix() + "-other/x.md")


def test_a_file_named_twice_is_read_once(tmp_path: Path) -> None:
    file = tmp_path / "a.md"
    file.write_text("text")
    assert len(sources.find([tmp_path, file, tmp_path / "." / "a.md"]).sources) == 1


def test_what_can_not_be_used_says_why(tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    found = sources.find([tmp_path / "picture.png", tmp_path / "missing.md"])
    assert len(found.problems) == 1
    assert "no reader for .png" in found.problems[0]
    assert found.absent == [(tmp_path / "missing.md").as_posix()]


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"", "empty"), (b"  \n\n", "empty"), (b"# Title only\n", "empty"), (b"a\0b", "not text"), (None, "more than the 32")],
)
def test_unreadable_files(tmp_path: Path, content: bytes | None, why: str) -> None:
    file = tmp_path / "a.md"
    if content is None:
        with file.open("wb") as handle:
            os.truncate(handle.fileno(), 200 * 1024 * 1024)
    else:
        file.write_bytes(content)
    with pytest.raises(Unreadable, match=why):
        sources.read(sources.Source(file, "a.md"))


def test_a_file_that_vanishes_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="No such file"):
        sources.read(sources.Source(tmp_path / "gone.md", "gone.md"))


def test_ids_depend_on_place_and_hashes_on_content(tmp_path: Path) -> None:
    file = tmp_path / "a.md"
    file.write_text("# T\n\nOne.\n\n## U\n\nTwo.\n")
    before = passages_of(sources.Source(file, "a.md"))
    file.write_text("# T\n\nOne.\n\n## U\n\nChanged.\n")
    after = passages_of(sources.Source(file, "a.md"))
    elsewhere = passages_of(sources.Source(file, "b.md"))
    assert [each.id for each in before] == [each.id for each in after]
    assert [x.hash == y.hash for x, y in zip(before, after, strict=True)] == [True, False]
    assert not {each.id for each in after} & {each.id for each in elsewhere}


def test_the_projects_own_guide_is_readable_in_both_languages() -> None:
    found = sources.find([ROOT / "docs" / "guide"])
    names = {language: {Path(source.path).name for source in found.sources if f"/{language}/" in source.path} for language in ("en", "ko")}
    assert names["en"] == names["ko"] >= {"overview.md", "architecture.md", "data-model.md", "operations.md"}
    assert (found.problems, len(found.sources)) == ([], len(names["en"]) + len(names["ko"]))
    assert all(passages_of(source) for source in found.sources)
