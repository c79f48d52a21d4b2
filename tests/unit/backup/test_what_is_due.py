"""What is due, as a table."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup.postgres.live_log import LiveLog
from backup.sets.due import due, full_of, logical_due, parent_of
from backup.sets.model import STORES, Manifest, SetKind, Store
from christmas.blueprint.backup_and_drill_rules import BACKUP_RULES
from tests.support.manifests import NOON, manifest


def made(
    kind: SetKind, hours_ago: float, stores: tuple[Store, ...] = ("postgres", "redis", "weaviate"), *, logical: bool = True
) -> Manifest:
    return manifest(
        f"20261123-000000-{kind}-{int(hours_ago * 10):04d}",
        kind=kind,
        started=NOON - timedelta(hours=hours_ago),
        stores=stores,
        logical=logical,
    )


@pytest.mark.parametrize(
    ("sets", "expected"),
    [
        ([], "full"),
        ([made("full", 0.5)], None),
        ([made("full", 1)], "incremental"),
        ([made("full", 23.9)], "incremental"),
        ([made("full", 24)], "full"),
        ([made("full", 23), made("incremental", 0.2)], None),
        ([made("full", 25), made("incremental", 0.2)], "full"),
        ([made("incremental", 2)], "full"),
        ([made("full", 2, ("redis",))], "full"),
        ([made("full", 2), made("full", 0.1, ("redis",))], "incremental"),
        ([made("full", -0.5)], None),
        ([made("full", -48)], "full"),
    ],
    ids=str,
)
def test_full_daily_incremental_hourly(sets: list[Manifest], expected: SetKind | None) -> None:
    assert due(NOON, sets, BACKUP_RULES) == expected


@pytest.mark.parametrize(
    ("live", "sets", "stores", "expected"),
    [
        (LiveLog("7", 1, "0/1"), [made("full", 0.5)], STORES, None),
        (LiveLog("7", 2, "0/1"), [made("full", 0.5)], STORES, "full"),
        (LiveLog("8", 1, "0/1"), [made("full", 0.5)], STORES, "full"),
        (LiveLog("7", 2, "0/1"), [made("full", 0.5)], ("redis",), None),
        (LiveLog("7", 1, "0/1"), [made("full", 0.5, ("redis",)), made("incremental", 0.2)], STORES, "full"),
        (LiveLog("7", 1, "0/1"), [made("full", 2, ("postgres",)), made("full", 0.5, ("redis",))], ("redis",), None),
    ],
    ids=str,
)
def test_a_timeline_without_a_full_set_is_due_at_once(
    live: LiveLog, sets: list[Manifest], stores: tuple[Store, ...], expected: SetKind | None
) -> None:
    assert due(NOON, sets, BACKUP_RULES, stores, live) == expected


def test_the_full_set_of_a_timeline_is_its_newest() -> None:
    older, newer, later = made("full", 5), made("full", 3), made("incremental", 1)
    assert full_of(LiveLog("7", 1, "0/1"), [older, newer, later]) == newer
    assert full_of(LiveLog("7", 2, "0/1"), [older, newer, later]) is None
    assert full_of(LiveLog("7", 1, "0/1"), [later, made("full", 0.1, ("redis",))]) is None


def test_a_store_alone_is_due_by_the_sets_that_hold_it() -> None:
    sets = [made("full", 2), made("full", 0.1, ("redis",))]
    assert due(NOON, sets, BACKUP_RULES, ("redis",)) is None
    assert due(NOON, sets, BACKUP_RULES, ("weaviate",)) == "incremental"


def test_the_logical_backup_has_its_own_rhythm() -> None:
    assert logical_due(NOON, [], BACKUP_RULES)
    assert logical_due(NOON, [made("full", 1, logical=False)], BACKUP_RULES)
    assert not logical_due(NOON, [made("full", 2), made("incremental", 1, logical=False)], BACKUP_RULES)
    assert logical_due(NOON, [made("full", 24)], BACKUP_RULES)


def test_an_incremental_builds_on_the_newest_set_that_has_all_its_stores() -> None:
    whole, redis = made("full", 2), made("full", 1, ("redis",))
    assert parent_of("incremental", [whole, redis], ("postgres", "redis", "weaviate")) == whole
    assert parent_of("incremental", [whole, redis], ("redis",)) == redis
    assert parent_of("full", [whole], ("postgres",)) is None
    assert parent_of("incremental", [], ("postgres",)) is None


@given(st.lists(st.tuples(st.sampled_from(["full", "incremental"]), st.floats(-100, 1000)), max_size=6))
def test_right_after_what_was_due_nothing_is(history: list[tuple[SetKind, float]]) -> None:
    sets = sorted((made(kind, hours) for kind, hours in history), key=lambda each: each.started)
    wanted = due(NOON, sets, BACKUP_RULES)
    if wanted and all(manifest.started <= NOON for manifest in sets):
        assert due(NOON, [*sets, made(wanted, 0)], BACKUP_RULES) is None
