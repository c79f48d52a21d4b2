"""Names, links and folders of every sort: each file is known by one name, none is passed over without a word, none read twice."""

from __future__ import annotations

import os
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.connections import ROOT
from seed import sources
from seed.blocks import Unreadable
from seed.passages import passages_of

FORMS: tuple[Literal["NFC", "NFD"], ...] = ("NFC", "NFD")
NAMES = ["a b.md", " leading.md", "trailing .md", "#1.md", "100%.md", "%20.md", "a*b?.md", "[x].md", "{x}.md", "$HOME.md", "'q'.md",
         '"q".md', "-x.md", "한글 문서.md", "é.md", "日本.MD", "😀.md", "x" * 252 + ".md", "a\tb.md",
         "a\nb.md", "\\n.md", "a;rm.md"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("form", FORMS)
def test_a_name_is_known_as_it_is_composed_and_found_in_either_spelling(tmp_path: Path, name: str, form: Literal["NFC", "NFD"]) -> None:
    written = unicodedata.normalize(form, name)
    (tmp_path / written).write_text("text")
    known = f"{tmp_path.as_posix()}/{unicodedata.normalize('NFC', name)}"
    for asked in (tmp_path, tmp_path / name, tmp_path / unicodedata.normalize("NFC", name), tmp_path / unicodedata.normalize("NFD", name)):
        found = sources.find([asked])
        assert [source.path for source in found.sources] == [known]
        assert (found.problems, found.absent) == ([], [])
        assert found.covers(known)
        assert found.covers(unicodedata.normalize("NFD", known))  # what was stored before names were composed
        assert len(passages_of(found.sources[0])[0].id) == 36


def test_two_spellings_of_one_name_are_told_and_neither_replaces_the_other(tmp_path: Path) -> None:
    for form in FORMS:
        (tmp_path / unicodedata.normalize(form, "한글.md")).write_text(form)
    (tmp_path / "other.md").write_text("text")
    found = sources.find([tmp_path])
    assert [Path(source.path).name for source in found.sources] == ["other.md"]
    assert len(found.problems) == 1
    assert "two spellings of Unicode" in found.problems[0]
    assert not found.covers((tmp_path / "한글.md").as_posix())  # what the store has of it stays


def test_a_name_that_is_not_unicode_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    with open(os.fsencode(tmp_path) + b"/caf\xe9.md", "w") as handle:  # noqa: PTH123 - a path of bytes
        handle.write("text")
    (tmp_path / "good.md").write_text("text")
    found = sources.find([tmp_path])
    assert [Path(source.path).name for source in found.sources] == ["good.md"]
    assert "caf\\udce9.md: its name is not in UTF-8; rename it" in found.problems[0]
    found.problems[0].encode("utf-8")


def test_what_no_reader_is_for_is_counted(tmp_path: Path) -> None:
    for name in ("a.md", "b.docx", "c.docx", "d.PNG", "README", ".hidden.docx"):
        (tmp_path / name).write_text("text")
    assert dict(sources.find([tmp_path]).passed_over) == {".docx": 2, ".png": 1, "without a suffix": 1}


def test_links_are_followed_once(tmp_path: Path) -> None:
    """Out of the folder, back into it, in a circle, to a file, to nothing."""
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    (inside / "deep").mkdir(parents=True)
    (outside / "more").mkdir(parents=True)
    for folder in (inside, inside / "deep", outside, outside / "more"):
        (folder / "a.md").write_text(f"text of {folder.name}")
    (inside / "latest").symlink_to("deep")
    (inside / "circle").symlink_to(inside)
    (inside / "up").symlink_to(tmp_path)
    (inside / "out").symlink_to(outside)
    (inside / "out again").symlink_to(outside)
    (outside / "back").symlink_to(inside)
    (inside / "file.md").symlink_to(outside / "a.md")
    (inside / "nowhere.md").symlink_to("gone.md")
    found = sources.find([inside])
    names = [source.path.removeprefix(f"{inside.as_posix()}/") for source in found.sources]
    assert names[:2] == ["a.md", "deep/a.md"]
    assert {"file.md", "nowhere.md"} < set(names)
    read = [os.path.realpath(source.file) for source in found.sources if source.file.name == "a.md"]
    assert sorted(read) == sorted(str(path) for path in tmp_path.rglob("a.md") if not path.is_symlink())
    with pytest.raises(Unreadable, match="No such file"):
        sources.read(next(source for source in found.sources if source.path.endswith("nowhere.md")))


def test_what_is_no_ordinary_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.md")
    (tmp_path / "folder.md").mkdir()
    (tmp_path / "folder.md" / "a.txt").write_text("text")
    found = sources.find([tmp_path])
    assert [Path(source.path).name for source in found.sources] == ["a.txt", "pipe.md"]
    with pytest.raises(Unreadable, match="not a regular file"):
        sources.read(found.sources[1])


def test_what_is_in_a_folder_that_can_not_be_read_stays(tmp_path: Path) -> None:
    """As somebody else than root, who may read everything."""
    closed = tmp_path / "closed"
    closed.mkdir()
    (closed / "a.md").write_text("text")
    (tmp_path / "b.md").write_text("text")
    code = (
        "import os, sys; from pathlib import Path; from seed import sources\n"
        "sources.find([])\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "found = sources.find([Path(sys.argv[1])])\n"
        "print([Path(each.path).name for each in found.sources], found.problems, found.covers(sys.argv[1] + '/closed/a.md'))"
    )
    if os.getuid() != 0:
        code = code.replace("os.setgid(65534); os.setuid(65534)\n", "")
    for folder in (tmp_path, *tmp_path.parents[:3]):  # pytest's own, one of each process too, which only its user may enter
        folder.chmod(0o755)
    closed.chmod(0)
    try:
        told = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    finally:
        closed.chmod(0o755)
    assert told.startswith("['b.md'] [")
    assert "closed: the folder can't be read: Permission denied; what was imported from it stays" in told
    assert told.endswith("False\n")


def test_files_of_the_same_content_are_known_each_by_its_name(tmp_path: Path) -> None:
    for name in ("a.md", "b.md"):
        (tmp_path / name).write_text("# T\n\nSame.\n")
    passages = [each for source in sources.find([tmp_path]).sources for each in passages_of(source)]
    assert len({passage.id for passage in passages}) == 2
    assert len({passage.hash for passage in passages}) == 1


def test_the_projects_root_speaks_for_its_own_files_only() -> None:
    found = sources.Found([], [""])
    assert found.covers("docs/gone.md")
    assert not found.covers("/srv/elsewhere/kept.md")


@given(st.text(min_size=1, max_size=40))
@settings(deadline=None, max_examples=200)
def test_no_name_can_write_to_the_terminal(name: str) -> None:
    shown = sources.shown(name)
    shown.encode("utf-8")
    assert not any(ord(each) < 32 or ord(each) == 127 for each in shown)
