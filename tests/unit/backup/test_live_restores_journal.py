"""The journal of a live restore: what it says at each step, what the next set is, and what becomes of it when it is damaged."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from backup.postgres.live_log import LiveLog
from backup.restoring.journal import FILES, PLANNED, PROMOTED, RECOVERED, Journal, note, refuse_unfinished
from backup.sets.due import due, full_of
from backup.sets.model import Manifest, Store
from christmas.blueprint.backup_and_drill_rules import BACKUP_RULES
from core.errors import PlatformError
from monitor.backups import judge_timeline
from tests.support.manifests import NOON, manifest


def on(timeline: int, *, hours_ago: float = 0.1, system_id: str = "7", kind: str = "full") -> Manifest:
    made = manifest(f"20261123-000000-{kind}-{timeline:04d}", kind=kind, started=NOON - timedelta(hours=hours_ago))  # type: ignore[arg-type]
    assert made.postgres
    return made.model_copy(update={"postgres": made.postgres.model_copy(update={"timeline": timeline, "system_id": system_id})})


@pytest.mark.parametrize(
    ("steps", "half", "told", "undo"),
    [
        ({}, True, "postgres: untouched; redis: untouched", True),
        ({"postgres": PLANNED}, True, "postgres: planned; redis: untouched", True),
        ({"postgres": FILES}, True, "postgres: files in place", True),
        ({"postgres": RECOVERED}, True, "postgres: recovered", True),
        ({"postgres": PROMOTED, "redis": FILES}, True, "postgres: promoted; redis: files in place", False),
        ({"postgres": PROMOTED, "redis": RECOVERED}, False, "the full set of the new timeline is still to be made", False),
    ],
)
def test_it_says_where_it_stopped(tmp_path: Path, steps: dict[Store, str], half: bool, told: str, undo: bool) -> None:
    journal = Journal(tmp_path)
    journal.begin("2026-11-23T12:00:00+00:00", ("postgres", "redis"), ["one"], safety="safe", timeline=3)
    for store, step in steps.items():
        journal.reach(store, step)
    begun = journal.read()
    assert begun
    assert (begun.half, begun.owes_full) == (half, not half)
    assert told in begun.description()
    assert told in note(tmp_path)
    assert ("--to safe --store postgres --store redis --live" in begun.next_step()) is undo
    if half:
        with pytest.raises(PlatformError, match=r"begun at .+ and not finished"):
            refuse_unfinished(tmp_path)
    else:
        refuse_unfinished(tmp_path)
        assert "invoke backup" in begun.next_step()
    journal.close()
    assert journal.read() is None
    assert note(tmp_path) == ""


def test_a_journal_of_before_there_were_steps_is_read(tmp_path: Path) -> None:
    old = {"target": "latest", "stores": ["postgres", "redis"], "sets": ["one"], "done": ["redis"], "since": "2026-11-23T12:00:00+00:00"}
    (tmp_path / "restore.json").write_text(json.dumps(old))
    begun = Journal(tmp_path).read()
    assert begun
    assert begun.restored("redis")
    assert begun.half


@pytest.mark.parametrize("content", ["", '{"target": "lat', "[]", "{}"])
def test_a_journal_that_cannot_be_read_is_not_taken_for_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "restore.json").write_text(content)
    with pytest.raises(PlatformError, match="its journal can't be read"):
        refuse_unfinished(tmp_path)
    assert "its journal can't be read" in note(tmp_path)


@pytest.mark.parametrize(
    ("live", "sets", "expected"),
    [
        (LiveLog("7", 2, "0/1"), [on(1)], "full"),
        (LiveLog("7", 2, "0/1"), [on(1), on(2, kind="incremental")], "full"),
        (LiveLog("7", 2, "0/1"), [on(1), on(2)], None),
        (LiveLog("8", 1, "0/1"), [on(1)], "full"),
        (None, [on(1)], None),
    ],
)
def test_a_timeline_without_a_full_set_makes_one_due_and_the_check_critical(
    live: LiveLog | None, sets: list[Manifest], expected: str | None
) -> None:
    """Whatever became of the journal: another cluster's or another timeline's set doesn't count."""
    assert due(NOON, sets, BACKUP_RULES, live=live) == expected
    assert due(NOON, sets, BACKUP_RULES, ("redis",), live=live) is None
    if live:
        assert (full_of(live, sets) is None) is (expected == "full")
        assert judge_timeline(live, sets, None).status == ("critical" if expected else "ok")


def test_the_check_says_what_is_owed(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    half = journal.begin("latest", ("postgres",), ["one"])
    assert judge_timeline(None, [on(1)], half).status == "critical"
    assert "untouched" in judge_timeline(LiveLog("7", 1, "0/1"), [on(1)], half).message
    owed = journal.reach("postgres", PROMOTED)
    assert "still to be made" in judge_timeline(LiveLog("7", 2, "0/1"), [on(1)], owed).message
    assert judge_timeline(LiveLog("7", 2, "0/1", recovering=True), [on(2)], None).status == "critical"
    with pytest.raises(PlatformError, match="can't be asked"):
        judge_timeline(None, [on(1)], None)
