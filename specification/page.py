"""The page that shows the statements: docs/specification.md."""

from __future__ import annotations

from itertools import groupby

from core.words import cell_text
from specification.statements import ROOT, Promise, Row, Section, adr_file

FILE = ROOT / "docs" / "specification.md"
_COUNTED = {"met": "met", "differs": "differ under a decision", "open": "are open"}


def render(sections: tuple[Section, ...], promises: tuple[Promise, ...]) -> str:
    """The page as Markdown."""
    rows = [row for section in sections for row in section.rows]
    counts = ", ".join(f"{sum(row.state == state for row in rows)} {words}" for state, words in _COUNTED.items())
    lines = [
        "# The specification, statement by statement",
        "",
        "<!-- Written by `python -m specification` from specification/statements: change those, not this file. -->",
        "",
        f"The specification of the platform says {len(rows)} things, in our words: {counts}. Each names the place where it is met",
        "and the test that shows it; those on tables and columns are looked up in a live schema.",
        "[Promises of the documents](#promises-of-the-documents) come after them. What an application",
        "written against the specification has to write in another way: [applications](applications.md).",
        "",
    ]
    for section in sections:
        lines += [f"## {section.number} {section.title}", "", "| it says | | where | shown by |", "| --- | --- | --- | --- |"]
        lines += [f"| {_says(row)} | {_state(row)} | {_file(row.where)} | {_test(row.test)} |" for row in section.rows]
        lines.append("")
    lines += ["## Promises of the documents", ""]
    for document, own in groupby(promises, lambda promise: promise.document):
        lines += [f"### [{document}](../{document})", "", "| it promises | held by |", "| --- | --- |"]
        lines += [f"| {cell_text(promise.words)} | {_test(promise.test)} |" for promise in own]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _says(row: Row) -> str:
    return cell_text(row.says + (f"; here it {str(row.instead).partition('` ')[2]}" if row.instead else ""))


def _state(row: Row) -> str:
    if row.state == "differs":
        file = adr_file(row.adr)
        return f"differs: [{row.adr}](adr/{file.name})" if file else f"differs: {row.adr}"
    return f"open: {row.waits_for}" if row.state == "open" else "met"


def _file(path: str) -> str:
    return f"[{path}](../{path})"


def _test(test: str) -> str:
    file, _, name = test.partition("::")
    function, _, case = name.partition("[")
    words = function.removeprefix("test_").replace("_", " ") + (f": `{case[:-1]}`" if case else "")
    return f"[{cell_text(words)}](../{file})" if test else ""
