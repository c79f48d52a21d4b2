"""Outcomes for people and for programs, and the exit codes that go with them."""

import dataclasses
import json
from datetime import timedelta

import pytest

from backup.drill import Proven, Report
from backup.postgres.choice_of_timeline import KnownLog
from backup.postgres.live_log import LiveLog
from backup.prune import Pruned
from backup.restoring.ingredients import Timing
from backup.restoring.outcome import RestoreOutcome, Seen, tell
from backup.restoring.targets import StorePlan, Target
from backup.sets.model import Store
from backup.show import show_drill, show_pruned, show_restored, show_verdicts
from backup.verify import Verdict
from tests.support.manifests import NOON, manifest

GOOD, BAD = Verdict("one", (), 3, 2_000_000, 0.5), Verdict("two", ("redis/dump.rdb is missing",), 3, 10, 0.5)


def test_verdicts(capsys: pytest.CaptureFixture[str]) -> None:
    assert show_verdicts([GOOD, BAD], as_json=False) == 2
    assert capsys.readouterr().out.splitlines() == [
        "good    one  3 files, 2.0 MB, 0.5 s",
        "DAMAGED two  3 files, 10 B, 0.5 s",
        "          redis/dump.rdb is missing",
    ]
    assert show_verdicts([GOOD], as_json=True) == 0
    assert json.loads(capsys.readouterr().out)[0]["good"] is True


def report(*, passed: bool) -> Report:
    proofs = (Proven("postgres.rows", passed, "9 tables", 0.1),)
    return Report("id", "one", NOON, 20.0, 10.0, {"postgres": Timing(3, 2)}, {"postgres": 5.0}, proofs)


def test_a_drill_is_passed_only_with_every_proof(capsys: pytest.CaptureFixture[str]) -> None:
    assert show_drill(report(passed=True), as_json=False) == 0
    assert "# Drill of one: passed" in capsys.readouterr().out
    assert show_drill(report(passed=False), as_json=True) == 2
    assert json.loads(capsys.readouterr().out)["passed"] is False
    assert not Report("id", "one", NOON, 1.0, 0.0, {}, {}).passed


def test_a_restore_says_what_is_not_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    moment = (NOON - timedelta(minutes=1)).isoformat()
    stores = {"redis": {"set": "one", "shows": moment, "seconds_lost": 60.0, "replays": "nothing"}}
    show_restored(RestoreOutcome("latest", "look", live=False, dry_run=True, stores=stores, seconds=12.0), as_json=False)
    out = capsys.readouterr().out
    assert "would restore to latest into look, about 12 s" in out
    assert "60 s of writes are not in it" in out


def test_a_restore_claims_no_loss_that_it_does_not_know(capsys: pytest.CaptureFixture[str]) -> None:
    """What was replayed is known, what was written since is not."""
    target, made = Target(moment=NOON), manifest(started=NOON - timedelta(hours=1))
    wanted: dict[Store, StorePlan] = {"postgres": StorePlan(made, NOON, timeline=1, notes=("a note",))}
    log = KnownLog(live=LiveLog("7", 1, "0/9", committed=NOON + timedelta(seconds=20)), archived_until=NOON + timedelta(seconds=30))
    assert tell(target, "look", wanted, [made], log).stores["postgres"]["seconds_lost"] == 20
    assert tell(target, "look", {"postgres": StorePlan(made, None, timeline=1)}, [made], log).stores["postgres"]["seconds_lost"] == 0
    doubtful: dict[Store, StorePlan] = {"postgres": StorePlan(made, None, timeline=1, doubt="segment X is missing")}
    assert tell(target, "look", doubtful, [made], log).stores["postgres"]["seconds_lost"] is None
    asked = dataclasses.replace(log, timeline=2)
    assert tell(target, "look", {"postgres": StorePlan(made, None, timeline=2)}, [made], asked).stores["postgres"]["seconds_lost"] is None
    seen = Seen(NOON + timedelta(seconds=20), NOON - timedelta(seconds=5), "0/8")
    assert tell(target, "look", wanted, [made], log, seen=seen).stores["postgres"]["seconds_lost"] == 25
    lost = tell(target, "look", wanted, [made], KnownLog(), seen=Seen(None, NOON - timedelta(seconds=5), "0/8"))
    assert lost.stores["postgres"]["seconds_lost"] is None
    show_restored(lost, as_json=False)
    out = capsys.readouterr().out
    assert "lost writes unknown: the live server can't be asked" in out
    assert "replayed up to 0/8; its last commit was at 2026-11-23T11:59:55.000+00:00" in out
    assert "a note" in out


def test_pruning_gives_reasons(capsys: pytest.CaptureFixture[str]) -> None:
    pruned = Pruned(dry_run=True, removed=("old",), staying={"new": "the newest set"}, labels=("F",), copies=(), bytes=1500)
    show_pruned(pruned, as_json=False)
    assert capsys.readouterr().out.splitlines() == [
        "would remove 1 sets (1.5 kB), 1 physical backups without a set",
        "  goes   old",
        "  stays  new  the newest set",
    ]
    show_pruned(pruned, as_json=True)
    assert json.loads(capsys.readouterr().out)["kept"] == {"new": "the newest set"}
