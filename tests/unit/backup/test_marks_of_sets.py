"""When sets were verified and drilled: one mark keeps the other, and what can't be read is made again."""

from datetime import timedelta
from pathlib import Path

import pytest

from backup.sets import marks
from backup.sets.marks import Marks
from tests.support.manifests import NOON

LATER = NOON + timedelta(hours=1)


def test_one_mark_keeps_the_other_and_those_of_other_sets(tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    marks.mark(tmp_path, "first", verified=NOON)
    marks.mark(tmp_path, "second", drilled=NOON)
    marks.mark(tmp_path, "first", drilled=LATER)
    assert marks.read(tmp_path) == {"first": Marks(verified=NOON, drilled=LATER), "second": Marks(drilled=NOON)}
    marks.mark(tmp_path, "first", verified=LATER)
    assert marks.read(tmp_path)["first"] == Marks(verified=LATER, drilled=LATER)


def test_the_marks_of_a_set_that_is_gone_go_too(tmp_path: Path) -> None:
    for name in ("gone", "there"):
        (tmp_path / name).mkdir()
        marks.mark(tmp_path, name, verified=NOON)
    (tmp_path / "gone").rmdir()
    marks.mark(tmp_path, "there", drilled=LATER)
    assert marks.read(tmp_path) == {"there": Marks(verified=NOON, drilled=LATER)}


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b'{"a": {"verified": "never"}}', b'{"a": 1}', b"\xff"])
def test_what_cannot_be_read_is_no_mark(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "marks.json").write_bytes(content)
    assert marks.read(tmp_path) == {}
