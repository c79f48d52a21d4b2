"""Backup retention: a table of histories, and what must hold for every history."""

from datetime import datetime, timedelta

from hypothesis import strategies as st

from backup.postgres.pgbackrest import PhysicalBackup
from backup.prune import unneeded_labels
from backup.sets.model import Manifest, SetKind, Store
from backup.sets.retention import keep, needed_by
from christmas.blueprint.model import BackupRules
from tests.support.cases import holds_for
from tests.support.manifests import NOON, manifest

RULES = BackupRules(
    full_every=timedelta(days=1),
    incremental_every=timedelta(hours=1),
    logical_every=timedelta(days=1),
    recount_every=timedelta(days=7),
    recount_share=0.01,
    first_drill_after=timedelta(minutes=5),
    drill_every=timedelta(days=7),
    archive_timeout=timedelta(seconds=50),
    loss_at_most=timedelta(minutes=1),
    commit_waits_at_most=timedelta(milliseconds=10),
    keep_fulls=2,
    keep_days=3,
    keep_weeks=2,
    minimum_redundancy=2,
    warn_after=timedelta(hours=26),
    critical_after=timedelta(hours=50),
)


def chain(days_ago: float, incrementals: int = 2, stores: tuple[Store, ...] = ("postgres", "redis", "weaviate")) -> list[Manifest]:
    """A full set and those that build on it, each on the one before."""
    manifests: list[Manifest] = []
    for number in range(incrementals + 1):
        kind: SetKind = "incremental" if number else "full"
        started = NOON - timedelta(days=days_ago) + timedelta(hours=number)
        parent = manifests[-1] if manifests else None
        manifests.append(
            manifest(
                f"{started:%Y%m%d-%H%M%S}-{kind}-{number:04d}",
                kind=kind,
                started=started,
                parent=parent.id if parent else None,
                stores=stores,
                references=tuple(each.postgres.label for each in manifests if each.postgres),
                base_id=parent.id if parent else None,
            )
        )
    return manifests


def test_nothing_is_kept_of_nothing() -> None:
    assert keep([], RULES, NOON) == {}


def test_the_newest_fulls_keep_their_incrementals_and_older_days_and_weeks_only_their_full() -> None:
    history = [each for days in (20, 13, 9, 8, 2, 1, 0.5) for each in chain(days, 1)]
    reasons = keep(history, RULES, NOON)
    fulls = [round((NOON - each.started).days) for each in history if each.kind == "full" and each.id in reasons]
    # Monday noon: this week began today; last week's newest is yesterday's, and the week before is not kept any more.
    assert fulls == [2, 1, 0]
    incrementals = [each for each in history if each.kind == "incremental" and each.id in reasons]
    assert [incremental.parent for incremental in incrementals] == [history[-4].id, history[-2].id]


def test_a_week_keeps_its_newest_full() -> None:
    history = [*chain(8, 0), *chain(7.4, 0), *chain(0.4, 0), *chain(0.2, 0)]
    assert set(keep(history, RULES, NOON)) == {each.id for each in history[1:]}


def test_a_day_begins_at_midnight() -> None:
    late = NOON.replace(hour=12, minute=40)
    before, after = (at_moment(NOON.replace(hour=0, minute=minute) - timedelta(days=2)) for minute in (0, 20))
    yesterday = at_moment(NOON.replace(hour=0, minute=10) - timedelta(days=3))
    reasons = keep([yesterday, before, after, *chain(1, 0), *chain(0.5, 0)], RULES, late)
    assert (yesterday.id in reasons, before.id in reasons) == (False, False)
    assert reasons[after.id] == "newest full set of one of the last 3 days"


def at_moment(started: datetime) -> Manifest:
    return manifest(f"{started:%Y%m%d-%H%M%S}-full-0000", started=started)


def test_the_reasons_are_said() -> None:
    history = [*chain(1, 0), *chain(0.5, 0), *chain(-3, 0)]
    assert list(keep(history, RULES, NOON).values()) == ["newest full set of one of the last 3 days", *["one of the newest full sets"] * 2]
    assert set(keep([*chain(1, 0), *chain(-3, 0, ("redis",))], RULES, NOON).values()) == {"one of the newest full sets", "from the future"}


def test_each_store_has_a_chain_of_its_own() -> None:
    """A set's parent, PostgreSQL's references and Weaviate's base each keep what they name."""
    base, label, whole = (manifest(f"2026112{day}-120000-full-0000", label=f"label-{day}") for day in (0, 1, 2))
    history = [base, label, whole]
    assert needed_by(manifest("a", kind="incremental", base_id=base.id), history) == [base]
    assert needed_by(manifest("b", kind="incremental", references=("label-1",)), history) == [label]
    assert needed_by(manifest("c", kind="incremental", parent=whole.id), history) == [whole]


def test_the_last_good_set_stays_however_old() -> None:
    history = [*chain(200), *chain(1), *chain(0.5)]
    assert history[2].id not in keep(history, RULES, NOON)
    reasons = keep(history, RULES, NOON, {history[2].id})
    assert reasons[history[2].id] == "the newest set known to be good"
    assert {history[0].id, history[1].id} <= set(reasons)


def test_a_set_from_the_future_stays() -> None:
    history = [*chain(1), *chain(0.5), *chain(-3, 0)]
    assert keep(history, RULES, NOON)[history[-1].id]


def test_sets_of_one_store_go_with_the_chains_they_lie_between() -> None:
    history = [*chain(9, 0, ("redis",)), *chain(2, 0), *chain(1, 0), *chain(0.5, 0, ("redis",))]
    reasons = keep(history, RULES, NOON)
    assert history[0].id not in reasons
    assert history[-1].id in reasons


@st.composite
def histories(draw: st.DrawFn) -> list[Manifest]:
    ages = draw(st.lists(st.floats(-2, 60), max_size=12, unique=True))
    stores: st.SearchStrategy[tuple[Store, ...]] = st.sampled_from(
        [("postgres", "redis", "weaviate"), ("redis",), ("postgres", "weaviate")]
    )
    made = [each for age in ages for each in chain(age, draw(st.integers(0, 3)), draw(stores))]
    unique = {each.id: each for each in made}
    return sorted(unique.values(), key=lambda each: (each.started, each.id))


@holds_for(50, 500, histories(), st.data())
def test_what_always_holds(history: list[Manifest], data: st.DataObject) -> None:
    good = set(data.draw(st.lists(st.sampled_from([each.id for each in history]), max_size=3))) if history else set()
    reasons = keep(history, RULES, NOON, good)
    staying = [each for each in history if each.id in reasons]
    # Nothing that a kept set builds on goes.
    for each in staying:
        assert {parent.id for parent in needed_by(each, history)} <= set(reasons)
    # The newest set, the newest good one, and enough full ones stay.
    if history:
        assert history[-1].id in reasons
    fulls = [each for each in history if each.kind == "full" and len(each.stores) == 3]
    assert len([each for each in staying if each in fulls]) >= min(RULES.minimum_redundancy, len(fulls))
    assert {full.id for full in fulls[-RULES.keep_fulls :]} <= set(reasons)
    proven = [each.id for each in history if each.id in good]
    assert set(proven[-1:]) <= set(reasons)
    # Deciding again about what stays changes nothing, and time passing never brings a set back.
    assert set(keep(staying, RULES, NOON, good)) == set(reasons)
    later = keep(staying, RULES, NOON + timedelta(days=1), good)
    assert set(later) <= set(reasons)


def physical(label: str, finished: datetime, references: tuple[str, ...] = ()) -> PhysicalBackup:
    return PhysicalBackup(
        label=label,
        kind="incremental" if references else "full",
        prior=references[-1] if references else None,
        references=references,
        lsn_start="0/0",
        lsn_stop="0/0",
        wal_start="0" * 24,
        wal_stop="0" * 24,
        started=int(finished.timestamp()),
        finished=int(finished.timestamp()),
        database_bytes=0,
        repository_bytes=0,
        version="",
        set_id=None,
        page_errors=False,
    )


def test_physical_backups_go_only_with_all_that_builds_on_them() -> None:
    staying = [manifest("20261123-110000-full-0001", label="F2")]
    backups = [
        physical("F0", NOON - timedelta(days=3)),
        physical("F1", NOON - timedelta(days=2)),
        physical("F1_I1", NOON - timedelta(days=2), ("F1",)),
        physical("F2", NOON - timedelta(hours=2)),
        physical("F2_I1", NOON - timedelta(hours=1), ("F2",)),
        physical("F3", NOON),
    ]
    assert unneeded_labels(backups, staying) == ["F0", "F1", "F1_I1"]
    building = [*staying, manifest("20261123-113000-incremental-0002", kind="incremental", label="F1_I1", references=("F1",))]
    assert unneeded_labels(backups, building) == ["F0"]
    assert unneeded_labels(backups, []) == []
