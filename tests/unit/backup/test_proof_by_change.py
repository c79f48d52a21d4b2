"""What is taken over from an earlier set: decisions from positions, numbers and sums, and what is shown of them."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup.postgres import evidence
from backup.postgres.evidence import Evidence, Log, Mark, Part, Point, base_of, newest_points, together
from backup.postgres.parts import counted_again
from backup.postgres.timelines import lsn_text
from backup.postgres.unchanged import Relation, Written, covered, unchanged
from backup.sets.files import SetFolder
from backup.sets.model import Manifest, TableRecord
from backup.show import show_made
from christmas.blueprint.backup_and_drill_rules import BACKUP_RULES
from core.errors import PlatformError
from monitor.backups import judge_unproven
from tests.support.manifests import NOON, keyring, manifest

LOG = Log(system_id="7", timeline=1, database=5, version="17")


def part(oid: int, rows: int = 2, checksum: str = "5", *, table: str = "users", as_text: tuple[str, ...] = (), days: float = 0) -> Part:
    at = NOON - timedelta(days=days)
    return Part(
        oid=oid, node=oid, table=table, name=table, columns="c", rows=rows, checksum=checksum, as_text=as_text, set_id="s", at=at, why=""
    )


def known(*parts: Part, base: str = "0/100") -> Evidence:
    return Evidence(log=LOG, base=base, mark=Mark(transaction=9, committed=1), points=(), parts=parts)


@pytest.mark.parametrize(
    ("stretches", "whole"),
    [
        ([], False),
        ([("0/80", "0/300")], True),
        ([("0/100", "0/200")], True),
        ([("0/101", "0/300")], False),
        ([("0/80", "0/1FF")], False),
        ([("0/80", "0/150"), ("0/150", "0/200")], True),
        ([("0/150", "0/200"), ("0/80", "0/150")], True),
        ([("0/80", "0/150"), ("0/151", "0/200")], False),
        ([("0/80", "0/100"), ("0/180", "0/200")], False),
    ],
)
def test_a_stretch_is_covered_where_no_byte_is_missing(stretches: list[tuple[str, str]], *, whole: bool) -> None:
    assert covered(stretches, "0/100", "0/200") == whole


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60))), st.integers(0, 60), st.integers(0, 60))
def test_covered_means_every_byte(pieces: list[tuple[int, int]], first: int, length: int) -> None:
    last = first + length
    stretches = [(lsn_text(min(piece)), lsn_text(max(piece))) for piece in pieces]
    every = all(any(min(piece) <= byte < max(piece) for piece in pieces) for byte in range(first, last))
    assert covered(stretches, lsn_text(first), lsn_text(last)) == every


def test_what_a_gap_another_log_or_a_file_for_all_leave_is_nothing() -> None:
    whole = (("0/80", "0/300"),)
    assert Written("7", 1, whole, frozenset()).reaches(known(), "0/200")
    for other in (
        Written("8", 1, whole, frozenset()),
        Written("7", 2, whole, frozenset()),
        Written("7", 1, whole, frozenset({0})),
        Written("7", 1, (("0/80", "0/180"),), frozenset()),
        Written("7", 1, (), frozenset()),
    ):
        assert not other.reaches(known(), "0/200")


@pytest.mark.parametrize(
    ("change", "taken"),
    [
        ({}, True),
        ({"node": 11}, False),
        ({"oid": 11}, False),
        ({"columns": "d"}, False),
        ({"is_sound": False}, False),
        ({"long_node": 77}, False),
        ({"table": "renamed"}, True),
    ],
)
def test_a_relation_is_unchanged_only_as_a_whole(change: dict[str, object], *, taken: bool) -> None:
    same = {"oid": 10, "table": "users", "schema": "public", "name": "users", "node": 10, "long_node": 70, "columns": "c", "is_sound": True}
    relation = Relation(**{**same, **change})  # type: ignore[arg-type]
    assert bool(unchanged(known(part(10)), Written("7", 1, (), frozenset({77})), [relation])) == taken
    assert not unchanged(known(part(10)), Written("7", 1, (), frozenset({10, 11})), [relation])


def test_the_base_is_before_whoever_is_still_running() -> None:
    points = [Point(lsn="0/100", transaction=10), Point(lsn="0/90", transaction=5), Point(lsn="1/0", transaction=20)]
    assert [base_of(points, oldest) for oldest in (4, 5, 9, 10, 19, 20, 30)] == [None, "0/90", "0/90", "0/100", "0/100", "1/0", "1/0"]
    many = [Point(lsn=lsn_text(number), transaction=number) for number in range(100)]
    assert newest_points(many) == tuple(many[-32:])


def test_a_table_is_the_sum_of_its_parts() -> None:
    assert together([part(1), part(2, 3, "-9")]) == TableRecord(rows=5, checksum="-4")
    assert together([part(1, 0, "0"), part(2, as_text=("payload",))]) == TableRecord(rows=2, checksum="5", as_text=("payload",))
    assert together([]) == TableRecord(rows=0, checksum="0")


def test_a_few_are_counted_again_and_each_in_time() -> None:
    every = BACKUP_RULES.recount_every / timedelta(days=1)
    settled = {("users", oid): part(oid, days=every + 1 if oid < 3 else -1 if oid == 3 else every / 2) for oid in range(250)}
    again = counted_again(settled, NOON)
    assert {("users", oid) for oid in range(4)} <= set(again)
    assert 3 <= len(again) <= 7
    assert counted_again({}, NOON) == {}


def with_changes(set_id: str, *names: str, counted: int = 5, taken_over: int = 0) -> Manifest:
    made = manifest(set_id)
    assert made.postgres
    changed = {"unlogged_changes": names, "counted": counted, "taken_over": taken_over}
    return made.model_copy(update={"postgres": made.postgres.model_copy(update=changed)})


def test_rows_that_changed_without_the_log_are_critical_until_all_was_counted(capsys: pytest.CaptureFixture[str]) -> None:
    found = with_changes("20261123-120000-full-0000", "users", taken_over=9)
    later = with_changes("20261123-130000-full-0000", taken_over=9)
    assert [judge_unproven(sets).status for sets in ([found], [found, later])] == ["critical", "critical"]
    assert "users" in judge_unproven([found, later]).message
    whole = with_changes("20261123-140000-full-0000")
    assert judge_unproven([found, later, whole]).status == "ok"
    assert judge_unproven([found, later, with_changes("20261123-140000-full-0000", "orders")]).status == "critical"
    # What was never counted part by part says nothing.
    assert judge_unproven([found, manifest("20261123-150000-full-0000")]).status == "critical"
    show_made(found, as_json=False)
    assert "CHANGED WITHOUT THE LOG: users" in capsys.readouterr().out


def stored(folder: Path, evidence_: Evidence, tables: dict[str, TableRecord]) -> tuple[SetFolder, Manifest]:
    target = SetFolder(folder / "20261123-120000-full-0000", keyring())
    made = manifest(target.name)
    assert made.postgres
    point = made.postgres.reference_point.model_copy(update={"tables": tables})
    files = (*made.postgres.files, evidence.write(target, evidence_))
    return target, made.model_copy(update={"postgres": made.postgres.model_copy(update={"files": files, "reference_point": point})})


def test_evidence_that_does_not_add_up_is_a_fault(tmp_path: Path) -> None:
    record = {"users": TableRecord(rows=4, checksum="10")}
    files, made = stored(tmp_path, known(part(1), part(2)), record)
    assert evidence.read(files, made) == known(part(1), part(2))
    assert evidence.faults(files, made) == []
    assert made.postgres
    point = made.postgres.reference_point.model_copy(update={"tables": {"users": TableRecord(rows=4, checksum="11")}})
    other = made.model_copy(update={"postgres": made.postgres.model_copy(update={"reference_point": point})})
    assert evidence.faults(files, other) == ["postgres/evidence.json: the parts of users don't add up to it"]
    assert evidence.faults(files, manifest()) == []


def test_evidence_of_another_set_is_not_read(tmp_path: Path) -> None:
    files, made = stored(tmp_path / "a", known(part(1)), {})
    _, other = stored(tmp_path / "b", known(part(2)), {})
    with pytest.raises(PlatformError, match="is not the manifest's"):
        evidence.read(files, other)
    assert json.loads(evidence.read(files, made).model_dump_json())["base"] == "0/100"
