"""What a restore aims at, and which set serves it: decisions as tables."""

from datetime import UTC, datetime, timedelta

import pytest

from backup.postgres.restore import recovery_options, restore_command
from backup.postgres.timelines import lsn_number
from backup.postgres.wal import between, missing
from backup.redis.files import AofFile
from backup.redis.restore import truncate_script
from backup.restoring.targets import StorePlan, Target, parse_target, plan
from backup.sets.model import STORES, Store
from backup.weaviate.restore import chain_of
from core.errors import PlatformError
from tests.support.manifests import NOON, manifest

EARLY = manifest("20261123-100000-full-0001", started=NOON - timedelta(hours=2))
LATE = manifest(
    "20261123-110000-incremental-0002",
    kind="incremental",
    started=NOON - timedelta(hours=1),
    parent=EARLY.id,
    label="late",
    references=("label-" + EARLY.id,),
    base_id=EARLY.id,
)
SETS = [EARLY, LATE]


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("latest", Target()),
        ("", Target()),
        ("0/5000028", Target(lsn="0/5000028")),
        ("a/ff", Target(lsn="A/FF")),
        (EARLY.id, Target(set_id=EARLY.id)),
        ("20261123-11", Target(set_id=LATE.id)),
        ("2026-11-23T12:00:00+09:00", Target(moment=datetime(2026, 11, 23, 3, 0, tzinfo=UTC))),
        ("2026-11-23 12:00:00Z", Target(moment=NOON)),
    ],
)
def test_targets(text: str, target: Target) -> None:
    assert parse_target(text, SETS) == target


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("yesterday", "no set, no time and no log position"),
        ("2026-11-23T12:00:00", "has no time zone"),
        ("20261123", "2 sets begin with 20261123"),
    ],
)
def test_what_is_no_target(text: str, message: str) -> None:
    with pytest.raises(PlatformError, match=message) as caught:
        parse_target(text, SETS)
    assert caught.value.where == "--to"


def chosen(target: Target, stores: tuple[Store, ...] = STORES) -> dict[Store, str]:
    return {store: each.manifest.id for store, each in plan(target, SETS, stores, NOON).items()}


def test_the_latest_is_the_newest_set_and_all_of_the_log() -> None:
    wanted = plan(Target(), SETS, STORES, NOON)
    assert {each.manifest.id for each in wanted.values()} == {LATE.id}
    assert wanted["postgres"].until is None
    assert recovery_options(wanted["postgres"]) == ("--type=default", "--target-timeline=current")


def test_a_set_is_restored_to_its_own_point() -> None:
    wanted = plan(Target(set_id=EARLY.id), SETS, STORES, NOON)
    assert {each.manifest.id for each in wanted.values()} == {EARLY.id}
    assert EARLY.postgres
    assert recovery_options(wanted["postgres"])[:3] == (
        "--type=lsn",
        f"--target={EARLY.postgres.reference_point.lsn}",
        "--target-exclusive",
    )
    assert not wanted["redis"].truncate
    assert {store: each.until for store, each in wanted.items()} == EARLY.moments()


def test_the_latest_of_redis_is_that_of_the_newest_set_however_many_there_are() -> None:
    for sets in ([LATE], SETS, [EARLY, *SETS]):
        assert plan(Target(), sets, ("redis",), NOON) == {"redis": StorePlan(LATE, LATE.moments()["redis"])}


def test_a_moment_takes_the_newest_set_before_it_and_redis_the_log_copied_after_it() -> None:
    # Between the two; the later AOF began half an hour before it was copied.
    moment = LATE.started - timedelta(minutes=10)
    assert chosen(Target(moment=moment)) == {"postgres": EARLY.id, "redis": LATE.id, "weaviate": EARLY.id}
    wanted = plan(Target(moment=moment + timedelta(seconds=0.4)), SETS, STORES, NOON)["redis"]
    assert wanted.truncate
    assert wanted.until == moment.replace(microsecond=0)
    # Before the later AOF began there is nothing between, so Redis goes back to the earlier set.
    long_before = LATE.started - timedelta(minutes=50)
    assert plan(Target(moment=long_before), SETS, STORES, NOON)["redis"] == StorePlan(EARLY, EARLY.moments()["redis"])


@pytest.mark.parametrize(
    ("target", "stores", "message"),
    [
        (Target(moment=NOON - timedelta(days=1)), STORES, "no backup of PostgreSQL is from before"),
        (Target(moment=NOON - timedelta(days=1)), ("redis",), "no backup of Redis is from before"),
        (Target(moment=NOON - timedelta(days=1)), ("weaviate",), "no backup of Weaviate is from before"),
        (Target(moment=NOON + timedelta(hours=1)), STORES, "in the future"),
        (Target(lsn="0/9000000"), STORES, "position in PostgreSQL's log only"),
        (Target(lsn="0/1"), ("postgres",), "no backup of PostgreSQL is from before"),
    ],
)
def test_what_no_set_can_give(target: Target, stores: tuple[Store, ...], message: str) -> None:
    with pytest.raises(PlatformError, match=message):
        plan(target, SETS, stores, NOON)


def test_a_set_without_the_store_is_refused() -> None:
    only = manifest("20261123-113000-full-0003", stores=("redis",))
    with pytest.raises(PlatformError, match="has no postgres, weaviate"):
        plan(Target(set_id=only.id), [only], STORES, NOON)


def test_the_restore_command_names_set_and_target() -> None:
    wanted = plan(Target(moment=NOON), SETS, ("postgres",), NOON)["postgres"]
    assert restore_command(wanted, archive=False) == (
        "pgbackrest",
        "--config=/run/christmas/pgbackrest.conf",
        "--stanza=christmas",
        "--set=late",
        "--type=time",
        "--target=2026-11-23 12:00:00.000000+00",
        "--target-action=promote",
        "--target-timeline=current",
        "--archive-mode=off",
        "restore",
    )


def test_a_chain_is_followed_to_its_base() -> None:
    assert [each.id for each in chain_of(LATE, SETS)] == [EARLY.id, LATE.id]
    with pytest.raises(PlatformError, match="which is missing"):
        chain_of(LATE, [LATE])


def test_the_log_is_cut_off_where_a_second_begins() -> None:
    files = (AofFile("a.1.base.rdb", 1, "b"), AofFile("a.1.incr.aof", 1, "i"))
    script = truncate_script(files, datetime.fromtimestamp(1795414171.9, UTC))
    assert "--truncate-to-timestamp 1795414170 " in script


def test_segments_of_the_log() -> None:
    first, last = "0000000100000000000000FE", "000000010000000100000001"
    every = ["0000000100000000000000FE", "0000000100000000000000FF", "000000010000000100000000", "000000010000000100000001"]
    assert between(first, last) == every
    assert missing(first, last, every) == []
    assert missing(first, last, every[:2] + every[3:]) == [every[2]]
    assert missing(first, "000000020000000100000001", [*every[:3], "000000020000000100000001"]) == []
    assert missing(first, "000000020000000100000001", [*every[:2], "000000020000000100000001"]) == ["segment 256"]


def test_positions_compare_as_numbers() -> None:
    assert lsn_number("0/FFFFFFFF") < lsn_number("1/0") < lsn_number("1/0000001A")
