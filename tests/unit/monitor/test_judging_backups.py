"""The alarms about backups, each made to speak: ages, log that waits, drills, proofs, growth, room."""

import dataclasses
from datetime import timedelta
from typing import Any

import pytest

from backup.kit.coverage import Taken
from backup.sets.marks import Marks
from backup.sets.model import FileRecord, Manifest, SetKind
from backup.storage.copies import CopyState
from christmas.blueprint.backup_alarms import BACKUP_ALARMS
from christmas.blueprint.backup_and_drill_rules import BACKUP_RULES
from monitor.backup_alarms import judge_drill, judge_growth, judge_space, judge_verified, judge_waiting
from monitor.backups import judge_full, judge_newest
from monitor.losses import judge_copies, judge_kit
from tests.support.manifests import NOON, manifest

MINUTE = timedelta(minutes=1)


def aged(hours: float, kind: SetKind = "full", *, born_days: float = 100) -> Manifest:
    made = manifest(f"20261123-000000-{kind}-{abs(int(hours)):04d}", kind=kind, started=NOON - timedelta(hours=hours))
    assert made.postgres
    born = int((NOON - timedelta(days=born_days)).timestamp()) << 32
    return made.model_copy(update={"postgres": made.postgres.model_copy(update={"system_id": str(born)})})


@pytest.mark.parametrize(
    ("sets", "newest", "full"),
    [
        pytest.param([], "critical", "critical", id="none"),
        pytest.param([aged(1)], "ok", "ok", id="young"),
        pytest.param([aged(25), aged(1, "incremental")], "ok", "ok", id="yesterdays-full"),
        pytest.param([aged(4)], "warning", "ok", id="no-incremental-for-hours"),
        pytest.param([aged(27), aged(1, "incremental")], "ok", "warning", id="full-overdue"),
        pytest.param([aged(27)], "critical", "warning", id="nothing-since-yesterday"),
        pytest.param([aged(51), aged(1, "incremental")], "ok", "critical", id="full-long-overdue"),
        pytest.param([aged(1, "incremental")], "ok", "critical", id="no-full"),
        pytest.param([aged(-1)], "warning", "ok", id="from-the-future"),
        pytest.param([manifest(stores=("redis",), started=NOON)], "critical", "critical", id="one-store-alone"),
    ],
)
def test_ages_of_sets(sets: list[Manifest], newest: str, full: str) -> None:
    assert judge_newest(sets, BACKUP_ALARMS, NOON).status == newest
    assert judge_full(sets, BACKUP_RULES, NOON).status == full


@pytest.mark.parametrize(
    ("waiting", "seconds", "timeout", "status"),
    [
        pytest.param(0, None, 60, "ok", id="nothing-waits"),
        pytest.param(2, 299.0, 60, "ok", id="waits-a-little"),
        pytest.param(2, 300.0, 60, "warning", id="waits"),
        pytest.param(90, 900.0, 60, "critical", id="waits-long"),
        pytest.param(0, None, 0, "critical", id="never-finished"),
        pytest.param(0, None, 3600, "critical", id="finished-too-late"),
    ],
)
def test_log_that_waits(waiting: int, seconds: float | None, timeout: int, status: str) -> None:
    assert judge_waiting(waiting, seconds, timeout, BACKUP_ALARMS, MINUTE).status == status


def drilled(days_ago: float, *, passed: bool = True) -> dict[str, Any]:
    started = (NOON - timedelta(days=days_ago)).isoformat()
    return {"started": started, "passed": passed, "set_id": "one", "restore_seconds": 9.5, "failure": "" if passed else "it broke"}


@pytest.mark.parametrize(
    ("history", "born_days", "status"),
    [
        pytest.param([], 100, "warning", id="never"),
        pytest.param([], 3, "ok", id="too-young-for-one"),
        pytest.param([drilled(7)], 100, "ok", id="a-week-ago"),
        pytest.param([drilled(9)], 100, "warning", id="overdue"),
        pytest.param([drilled(16)], 100, "critical", id="long-overdue"),
        pytest.param([drilled(7), drilled(0.1, passed=False)], 100, "critical", id="failed"),
        pytest.param([drilled(2, passed=False), drilled(1)], 100, "ok", id="failed-and-passed-since"),
        pytest.param([drilled(0.1, passed=False)], 3, "critical", id="young-and-failed"),
    ],
)
def test_drills(history: list[dict[str, Any]], born_days: float, status: str) -> None:
    assert judge_drill(history, [aged(1, born_days=born_days)], BACKUP_ALARMS, NOON).status == status


@pytest.mark.parametrize(
    ("days_ago", "born_days", "status"),
    [(None, 100, "warning"), (None, 3, "ok"), (8, 100, "ok"), (9, 100, "warning")],
    ids=["never", "too-young", "in-time", "overdue"],
)
def test_proofs(days_ago: float | None, born_days: float, status: str) -> None:
    one = aged(1, born_days=born_days)
    marks = {one.id: Marks(verified=NOON - timedelta(days=days_ago))} if days_ago is not None else {}
    assert judge_verified(marks, [one], BACKUP_ALARMS, NOON).status == status
    assert judge_verified({"gone": Marks(verified=NOON)}, [one], BACKUP_ALARMS, NOON).status == ("ok" if born_days < 5 else "warning")


def sized(*sizes: int) -> list[Manifest]:
    manifests = []
    for number, size in enumerate(sizes):
        one = aged(len(sizes) - number)
        assert one.redis
        assert one.postgres
        assert one.weaviate
        nothing = {"files": ()}
        manifests.append(
            one.model_copy(
                update={
                    "redis": one.redis.model_copy(update={"files": (FileRecord(path="redis/dump.rdb", size=size, sha256="0"),)}),
                    "postgres": one.postgres.model_copy(update=nothing),
                    "weaviate": one.weaviate.model_copy(update=nothing),
                }
            )
        )
    return manifests


@pytest.mark.parametrize(
    ("sizes", "status", "ratio"),
    [
        pytest.param((100, 100, 900), "ok", None, id="too-few"),
        pytest.param((100, 120, 110, 200), "ok", 1.82, id="some-growth"),
        pytest.param((100, 120, 110, 230), "warning", 2.09, id="doubled"),
        pytest.param((100, 120, 110, 50), "warning", 0.45, id="halved"),
        pytest.param((900, 100, 110, 120), "ok", 1.09, id="one-that-was-large-once"),
    ],
)
def test_growth(sizes: tuple[int, ...], status: str, ratio: float | None) -> None:
    found = judge_growth(sized(*sizes), BACKUP_ALARMS)
    assert (found.status, found.value) == (status, ratio)


@pytest.mark.parametrize(
    ("left", "full_bytes", "status"),
    [
        pytest.param(500, 100, "ok", id="half"),
        pytest.param(90, 0, "warning", id="a-tenth"),
        pytest.param(20, 0, "critical", id="next-to-nothing"),
        pytest.param(500, 200, "warning", id="room-for-two-sets"),
        pytest.param(500, 600, "critical", id="room-for-none"),
    ],
)
def test_room(left: int, full_bytes: int, status: str) -> None:
    assert judge_space({"there": (left, 1000), "here": (999, 1000)}, full_bytes, BACKUP_ALARMS).status == status


def test_bounds_leave_time_between_what_is_made_and_what_is_missed() -> None:
    assert BACKUP_ALARMS.newest_warn_after > 2 * BACKUP_RULES.incremental_every
    assert BACKUP_RULES.full_every < BACKUP_RULES.warn_after < BACKUP_RULES.critical_after
    assert BACKUP_RULES.drill_every + BACKUP_RULES.full_every < BACKUP_ALARMS.drill_warn_after < BACKUP_ALARMS.drill_critical_after
    assert BACKUP_RULES.drill_every + BACKUP_RULES.full_every < BACKUP_ALARMS.verified_warn_after
    assert dataclasses.asdict(BACKUP_ALARMS)["free_critical"] < BACKUP_ALARMS.free_warn


def copy(hours: float | None, failure: str = "") -> CopyState:
    complete = None if hours is None else (NOON - timedelta(hours=hours)).isoformat()
    return CopyState("nas", "/mnt/nas", sets=2, behind=int(bool(failure)), complete_at=complete, failure=failure)


@pytest.mark.parametrize(
    ("names", "states", "status", "told"),
    [
        pytest.param([], {}, "warning", "lie in one engine and are lost together", id="none-set"),
        pytest.param(["nas"], {"nas": copy(1)}, "ok", "nas was complete", id="complete"),
        pytest.param(["nas"], {"nas": copy(1, "not mounted")}, "warning", "not mounted", id="last-run-failed"),
        pytest.param(["nas"], {"nas": copy(4)}, "warning", "nas was complete", id="behind-for-hours"),
        pytest.param(["nas"], {"nas": copy(27, "not mounted")}, "critical", "not mounted", id="behind-for-a-day"),
        pytest.param(["nas"], {"nas": copy(None, "not mounted")}, "critical", "nas never was complete", id="never-complete"),
        pytest.param(["nas"], {}, "critical", "nas never was complete", id="never-made"),
        pytest.param(["nas", "far"], {"nas": copy(1)}, "critical", "far never was complete", id="one-of-two"),
    ],
)
def test_copies(names: list[str], states: dict[str, CopyState], status: str, told: str) -> None:
    finding = judge_copies(names, states, BACKUP_ALARMS, NOON, bucket=False)
    assert finding.status == status
    assert told in finding.message


def test_sets_in_a_bucket_lie_outside_the_engine_without_a_further_copy() -> None:
    assert judge_copies([], {}, BACKUP_ALARMS, NOON, bucket=True).status == "ok"


COVERED = {"the repository's passphrase": "11", "the ring of field keys": "22"}


@pytest.mark.parametrize(
    ("covers", "status", "told"),
    [
        pytest.param(None, "warning", "no recovery kit was ever taken", id="never"),
        pytest.param(COVERED, "ok", "holds all keys of now", id="of-now"),
        pytest.param({**COVERED, "the ring of field keys": "33"}, "warning", "changed since: the ring of field keys", id="rotated-since"),
        pytest.param({"the ring of field keys": "22"}, "warning", "the repository's passphrase", id="of-a-version-that-held-less"),
    ],
)
def test_kits(covers: dict[str, str] | None, status: str, told: str) -> None:
    taken = None if covers is None else Taken(NOON - timedelta(days=400), "a passphrase", "dev.kit", covers)
    finding = judge_kit(taken, COVERED, NOON)
    assert finding.status == status
    assert told in finding.message
    assert ("invoke backup.kit" in (finding.next_step or "")) == (status != "ok")
