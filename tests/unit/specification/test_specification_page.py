"""Every statement of the specification has a test or a decision, every promise a test; what they name is there."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from specification.decisions import FILE as DECISIONS
from specification.decisions import render_decisions
from specification.page import FILE, render
from specification.statements import ROOT, Promise, Row, Section, adr_file, facts, faults, load, load_promises

GOOD = Row(
    says="all is well",
    state="met",
    where="christmas/blueprint/model.py",
    test="tests/unit/specification/test_specification_page.py::test_nothing_is_wrong_with_the_statements",
)
PROMISE = Promise("README.md", "what should exist", GOOD.test)


def test_nothing_is_wrong_with_the_statements() -> None:
    assert faults(load(), load_promises()) == []


def test_the_page_is_what_the_statements_make() -> None:
    assert FILE.read_text("utf-8") == render(load(), load_promises()), "python -m specification"


def test_the_index_of_decisions_has_each_with_its_title() -> None:
    text = DECISIONS.read_text("utf-8")
    assert text == render_decisions(), "python -m specification"
    assert text.count("\n- [") == len(list(DECISIONS.parent.glob("[0-9]*.md"))) - 1


def test_a_decision_without_title_or_status_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "0001-a.md").write_text("# 0002: Title\n\n**Status:** accepted\n")
    with pytest.raises(ValueError, match="begins with"):
        render_decisions(tmp_path)
    (tmp_path / "0001-a.md").write_text("# 0001: Title\n")
    with pytest.raises(ValueError, match="has no status"):
        render_decisions(tmp_path)
    (tmp_path / "0001-a.md").write_text("# 0001: Title\n\n**Status:** replaced by 0002\n")
    assert "- [0001](0001-a.md) Title (replaced by 0002)" in render_decisions(tmp_path)


def test_the_whole_specification_is_there() -> None:
    sections = load()
    assert sum(len(section.rows) for section in sections) >= 188
    assert len(list(facts(sections))) > 150
    numbers = {section.number for section in sections}
    assert {f"{part}.{number}" for part, most in ((3, 4), (4, 4), (6, 2), (7, 3), (8, 3)) for number in range(1, most + 1)} <= numbers
    assert {"1", "2.1.1", "2.1.2", "2.2.1", "2.2.2", "2.3.1", "2.3.2", "2.4.1", "2.4.2", "5"} <= numbers


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (replace(GOOD, test=""), "neither a test nor a decision"),
        (replace(GOOD, state="differs"), "there is no decision"),
        (replace(GOOD, state="differs", adr="9999"), "there is no decision 9999"),
        (replace(GOOD, state="open", waits_for="later", test=""), "not for the security issue"),
        (replace(GOOD, where="christmas/blueprint/nothing.py"), "there is no christmas/blueprint/nothing.py"),
        (replace(GOOD, where=""), "there is no place named"),
        (replace(GOOD, test="tests/unit/nothing.py::test_x"), "there is no tests/unit/nothing.py"),
        (replace(GOOD, test=f"{GOOD.test}_any_more"), "has no test"),
        (replace(GOOD, test=GOOD.test.partition("::")[0]), "has no test"),
    ],
)
def test_a_row_that_shows_nothing_is_a_fault(row: Row, told: str) -> None:
    assert faults((Section("1", "one", (GOOD,)),), (PROMISE,)) == []
    (found,) = faults((Section("1", "one", (row,)),), ())
    assert told in found


def test_what_is_said_twice_is_a_fault() -> None:
    assert faults((Section("1", "one", (GOOD, GOOD)),), ()) == ["1, 'all is well': said twice"]


@pytest.mark.parametrize(
    "promise",
    [
        replace(PROMISE, words="it makes coffee"),
        replace(PROMISE, document="docs/nothing.md"),
        replace(PROMISE, test="tests/unit/nothing.py::test_x"),
    ],
)
def test_a_promise_that_nobody_makes_or_holds_is_a_fault(promise: Promise) -> None:
    assert len(faults((), (promise,))) == 1


@pytest.mark.parametrize(
    "text",
    [
        'facts = "users.id: is a number"',
        'facts = "users.id is an integer"',
        'facts = "users.id: serial => identity"',
        'rows = [{ says = "x", tets = "y" }]',
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.toml").write_text(f'[[section]]\nnumber = "1"\ntitle = "one"\nwhere = "christmas/blueprint"\n{text}\n')
    with pytest.raises(ValueError, match=r"users\.id|tets"):
        load(tmp_path)


def test_every_decision_that_is_named_was_accepted() -> None:
    named = {row.adr for section in load() for row in section.rows if row.adr}
    assert len(named) > 5
    files = [adr_file(number) for number in named]
    assert [file for file in files if file is None or "**Status:** accepted" not in file.read_text("utf-8")] == []


@pytest.mark.parametrize("guide", sorted((ROOT / "docs" / "guide" / "en").glob("*.md")), ids=lambda path: path.stem)
def test_every_section_of_the_guide_has_a_promise_that_a_test_holds(guide: Path) -> None:
    """What a section says can't be known by a program; that somebody went through it can."""
    sections = re.split(r"^## ", guide.read_text("utf-8"), flags=re.MULTILINE)[1:]
    words = [promise.words for promise in load_promises() if promise.document == f"docs/guide/en/{guide.name}"]
    plain = {section.partition("\n")[0]: " ".join(section.replace("`", "").replace("**", "").split()) for section in sections}
    assert plain
    assert [title for title, text in plain.items() if not any(" ".join(word.replace("`", "").split()) in text for word in words)] == []


def test_every_document_has_promises_that_a_test_holds_or_is_held_as_a_whole() -> None:
    held = {promise.document for promise in load_promises()}
    # Written by programs, or held line by line by a test of its own. The Korean guide names what the English one does.
    whole = {"specification", "data-dictionary", "architecture", "threat-model", "tutorial", "tutorial.ko"}
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "guide" / "en").glob("*.md")]
    assert len(pages) > 15
    assert [str(page.relative_to(ROOT)) for page in pages if page.stem not in whole and str(page.relative_to(ROOT)) not in held] == []
