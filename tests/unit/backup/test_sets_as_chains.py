"""The list of sets: chains, marks, and what fits into 80 columns."""

import json
from datetime import timedelta
from itertools import pairwise

import pytest

from backup.sets.chain import chains, table
from backup.sets.marks import Marks
from backup.sets.model import Manifest
from backup.show import show_sets
from core.words import size_text, span_text
from tests.support.manifests import NOON, manifest


def chain(day: int) -> list[Manifest]:
    ids = [f"202611{day:02d}-100000-full-aaaa", *(f"202611{day:02d}-1{hour}0000-incremental-aaaa" for hour in (1, 2))]
    started = NOON.replace(day=day)
    manifests = [manifest(ids[0], started=started)]
    for hour, (parent, each) in enumerate(pairwise(ids), 1):
        manifests.append(manifest(each, kind="incremental", parent=parent, started=started + timedelta(hours=hour)))
    return manifests


SETS = [*chain(21), *chain(22), manifest("20261122-230000-full-bbbb", stores=("redis",), started=NOON.replace(day=22, hour=23))]
MARKS = {SETS[0].id: Marks(verified=NOON - timedelta(hours=3), drilled=NOON - timedelta(days=2))}
PLACES = {manifest.id: "/backups/dev" for manifest in SETS}


def test_incremental_sets_hang_on_their_full_one() -> None:
    assert [(link.depth, link.last, link.root[:8]) for link in chains(SETS)] == [
        (0, False, "20261121"),
        (1, False, "20261121"),
        (1, True, "20261121"),
        (0, False, "20261122"),
        (1, False, "20261122"),
        (1, True, "20261122"),
        (0, True, "20261122"),
    ]


def test_a_parent_that_is_gone_is_told() -> None:
    lines = table(SETS[1:], {}, PLACES, NOON, width=80)
    assert lines[-3] == f"{SETS[1].id} builds on {SETS[0].id}, which is missing"


def test_eighty_columns_hold_what_matters_most() -> None:
    lines = table(SETS, MARKS, PLACES, NOON, width=80)
    assert max(map(len, lines)) <= 80
    assert lines[0].split() == ["SET", "SIZE", "AGE", "VERIFIED", "DRILLED", "STORES"]
    assert lines[1].split() == [SETS[0].id, "120", "B", "48", "h", "3", "h", "2", "d", "all"]
    assert lines[3].startswith(f"└ {SETS[2].id}")
    assert lines[-2] == "7 sets, 730 B in /backups/dev"


def test_more_columns_hold_all() -> None:
    lines = table(SETS, MARKS, PLACES, NOON, width=140)
    assert max(map(len, lines)) <= 140
    assert lines[1].endswith("10 s  live  all     /backups/dev")


def test_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    show_sets(SETS, MARKS, PLACES, as_json=True)
    rows = json.loads(capsys.readouterr().out)
    assert [row["chain"] for row in rows[:3]] == [SETS[0].id] * 3
    assert rows[0]["verified"] == (NOON - timedelta(hours=3)).isoformat()
    assert rows[1]["drilled"] is None
    assert rows[0]["bytes"] == sum(rows[0]["bytes_by_store"].values())


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (3569, "59 min"),
        (3571, "1 h"),
        (90_000, "25 h"),
        (172_800, "2 d"),
        (180_000, "2.1 d"),
        (8.64e5, "10 d"),
    ],
)
def test_spans(seconds: float, text: str) -> None:
    assert span_text(timedelta(seconds=seconds)) == text


def test_sizes() -> None:
    assert [size_text(each) for each in (0, 999, 1000, 12_345_678, 5e15)] == ["0 B", "999 B", "1.0 kB", "12.3 MB", "5000.0 TB"]
