"""Files as people have them, from disk to search: odd names, other encodings, pages that leave things open."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from core.errors import PlatformError
from infra.connections import ROOT
from seed import search
from tests.integration.seed_documents.conftest import Store

CASES = ROOT / "tests" / "data" / "documents"
NAMES = [
    "my notes/a b.md",
    "my notes/c.md",
    "mynotes/a.md",
    "#1/x%20y.md",
    "[x]*?.md",
    "x" * 250 + ".md",
    "한글 문서.md",
    "보고서/4분기.md",
]


@pytest.fixture
def named(tmp_path: Path) -> Path:
    """A folder of files with such names, those in Hangul in decomposed spelling, as macOS writes them."""
    for number, name in enumerate(NAMES):
        file = tmp_path / unicodedata.normalize("NFD", name)
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"# T{number}\n\nThe lantern of file {number}.\n")
    return tmp_path


def test_files_of_any_name_are_stored_found_and_removed(store: Store, named: Path) -> None:
    report = store.load(named)
    assert (report.inserted, report.problems) == (len(NAMES), ())
    assert {path for path, _, _ in store.objects().values()} == {f"{named.as_posix()}/{name}" for name in NAMES}
    for number, name in enumerate(NAMES):
        for written in (name, unicodedata.normalize("NFD", name)):
            path = f"{named.as_posix()}/{written}"
            hits = search.search(store.platform, "lantern", certainty=0.0, path=path, collection=store.collection)
            assert [hit.content for hit in hits] == [f"The lantern of file {number}."]
    hits = search.search(store.platform, "lantern", certainty=0.0, path=f"{named.as_posix()}/my n", collection=store.collection)
    assert {hit.file_path.removeprefix(f"{named.as_posix()}/") for hit in hits} == {"my notes/a b.md", "my notes/c.md"}
    assert store.load(named).changed == 0
    (named / "my notes" / "a b.md").unlink()
    (named / unicodedata.normalize("NFD", "한글 문서.md")).unlink()
    assert store.load(named).removed == 2
    assert store.load(named / "보고서").changed == 0


def test_the_cases_are_read_whole_and_what_is_ambiguous_is_named(store: Store, tmp_path: Path) -> None:
    assert store.load(CASES).problems == ()
    texts = " ".join(content for _, _, content in store.objects().values())
    for told in (
        "violet lever",
        "tapir protocol",
        "walrus orders",
        "okapi trade",
        "broker\u2019s job",
        "Ärger mit Äquivalenten",
        "brass ocelot",
    ):
        assert told in texts
    odd = tmp_path / "odd.txt"
    odd.write_bytes("très".encode("cp1252"))
    (problem,) = store.load(odd).problems
    assert problem.startswith(f"{odd.as_posix()}: its encoding is not certain")
    assert "--encoding" in problem
    assert store.load(odd, encoding="windows-1252").inserted == 1
    # Now it can't be read again: what the store has of it stays.
    assert store.load(odd).removed == 0
    assert "très" in {content for _, _, content in store.objects().values()}
    with pytest.raises(PlatformError, match="encoding 'cp99999' is unknown"):
        store.load(odd, encoding="cp99999")


@pytest.mark.exhaustive
def test_what_no_reader_is_for_is_told_and_no_problem(store: Store, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("text\n")
    (tmp_path / "b.docx").write_bytes(b"PK")
    report = store.load(tmp_path)
    assert report.problems == ()
    assert report.as_dict()["passed_over"] == {".docx": 1}
    assert "passed over, no reader: 1 .docx" in str(report)
