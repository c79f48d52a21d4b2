"""Which timeline a restore follows, and how far its log is proven to be there: tables over logs made up segment by segment."""

import pytest

from backup.postgres import drawing, known_log, wal
from backup.postgres.choice_of_timeline import Choice, KnownLog, choose, insist_on_line, lineage
from backup.postgres.live_log import LiveLog
from backup.postgres.restore import recovery_options
from backup.postgres.timelines import (
    Cluster,
    Line,
    Piece,
    Reach,
    archive_of,
    line_to,
    lsn_number,
    lsn_text,
    of_manifests,
    parse_history,
    reach,
)
from backup.restoring.targets import StorePlan, Target, plan
from backup.sets.model import Manifest, Switch
from core.errors import PlatformError
from tests.support.manifests import NOON, manifest
from tests.unit.backup.made_up_log import EVERY, HISTORIES, LATER, LEFT, MINUTE, NEW, OLD, known, made, names


def test_a_set_that_names_no_part_of_the_log_has_no_archive() -> None:
    assert archive_of(manifest()) == ""
    assert archive_of(made(1, 2, minutes=0, archive="17-3")) == "17-3"


def test_history_files() -> None:
    text = "1\t0/5000100\tbefore 2026-11-23 12:00:00+00\n\n# nothing\n2\t0/8000200\tno recovery target specified\n"
    assert parse_history(text) == HISTORIES[3]
    assert parse_history("") == ()
    assert parse_history("1 0/a000100") == (Switch(timeline=1, lsn="0/A000100"),)
    with pytest.raises(ValueError, match="invalid literal"):
        parse_history("this is none")


def test_what_pgbackrest_lists_is_read_by_archive() -> None:
    """As `repo-ls --recurse` prints it, and as the paths of a copy are; a partial segment is no segment."""
    segment, digest = wal.name(2, 5), "0" * 40
    text = f"""\
17-1
17-1/{segment[:16]}
17-1/{segment[:16]}/{segment}-{digest}.zst
17-1/{segment[:16]}/{wal.name(1, 7)}.partial-{digest}.zst
17-1/00000002.history
archive.info
== 17-1/00000002.history
1\t0/5000100\tbefore 2026-11-23 12:00:00+00

== 17-2/00000003.history
"""
    assert known_log._parse(text) == ({"17-1": {segment}}, {"17-1": {2: HISTORIES[2]}, "17-2": {3: ()}})
    assert known_log._parse(f"archive/christmas/17-1/{segment[:16]}/{segment}-{digest}.zst")[0] == {"17-1": {segment}}
    assert known_log._parse("") == ({}, {})


def test_a_line_holds_what_its_ancestors_wrote_before_they_were_left() -> None:
    line = line_to(3, HISTORIES)
    assert line == Line((Piece(1, None, 0x5000100), Piece(2, 0x5000100, 0x8000200), Piece(3, 0x8000200)))
    assert [line.has(each) for each in (OLD, LEFT, NEW)] == [True, False, True]
    assert [line_to(1, HISTORIES).has(each) for each in (OLD, LEFT, NEW)] == [True, True, False]
    assert [line.timeline_of(each) for each in (1, 4, 5, 7, 8, 20)] == [1, 1, 2, 2, 3, 3]
    assert line_to(9, HISTORIES).pieces == (Piece(9),)
    assert [line.holds(1, lsn) for lsn in ("0/5000100", "0/5000101")] == [True, False]


def test_positions_are_hexadecimal() -> None:
    assert lsn_number("1F/A000028") == 0x1F_0A00_0028
    assert lsn_text(0x1F_0A00_0028) == "1F/A000028"


def test_names_of_segments_are_hexadecimal() -> None:
    name = "0000001A" + "A000000B" + "000000C5"
    assert wal.timeline(name) == 0x1A
    assert wal.number(name) == 0xA000000B * 256 + 0xC5
    assert wal.name(0x1A, wal.number(name)) == name


def test_what_the_sets_say_of_timelines() -> None:
    assert OLD.postgres
    on_three = made(3, 9, minutes=0)
    assert on_three.postgres
    noted = on_three.model_copy(update={"postgres": on_three.postgres.model_copy(update={"history": HISTORIES[3]})})
    without = manifest("20261123-120000-full-0001", stores=("redis",))
    assert of_manifests([OLD, noted, without]) == {3: HISTORIES[3]}
    assert Cluster({}).newest([OLD, without]) == 1
    assert Cluster({}).newest([on_three]) == 3
    assert Cluster({}, frozenset(names(4, 1, 1))).newest([OLD]) == 4
    with pytest.raises(ValueError, match=f"{without.id} has no backup of PostgreSQL"):
        reach(line_to(1, {}), without, EVERY)


@pytest.mark.parametrize(
    ("timeline", "segments", "expected"),
    [
        pytest.param(3, EVERY, Reach(13 << 24, 3), id="to-the-end"),
        pytest.param(1, EVERY, Reach(8 << 24, 1), id="the-branch-that-was-left"),
        pytest.param(3, EVERY - names(3, 10, 10), Reach(10 << 24, 3, wal.name(3, 10)), id="gap"),
        pytest.param(3, EVERY - names(1, 4, 4), Reach(4 << 24, 1, wal.name(1, 4)), id="gap-on-an-ancestor"),
        # The old timeline's segment 5 goes on beyond the switch: replaying it whole would bring back what was undone.
        pytest.param(2, EVERY - names(2, 5, 9), Reach(0x5000100, 1), id="nothing-of-the-new-one"),
        pytest.param(2, EVERY - names(2, 5, 9) - names(1, 5, 7), Reach(5 << 24, 1), id="nor-of-the-switch"),
        pytest.param(2, EVERY - names(2, 6, 9), Reach(6 << 24, 2), id="one-segment-of-the-new-one"),
        pytest.param(2, EVERY - names(2, 5, 5), Reach(0x5000100, 1, wal.name(2, 5)), id="the-new-ones-first-is-missing"),
    ],
)
def test_how_far_a_log_reaches(timeline: int, segments: set[str], expected: Reach) -> None:
    assert reach(line_to(timeline, HISTORIES), OLD, segments) == expected


@pytest.mark.parametrize(
    ("moment", "live", "asked", "expected", "timeline"),
    [
        pytest.param(None, 2, None, NEW, 2, id="latest"),
        pytest.param(None, 3, None, NEW, 3, id="latest-across-a-switch"),
        pytest.param(None, 1, None, LEFT, 1, id="latest-on-the-first"),
        pytest.param(None, None, None, NEW, 3, id="server-lost-newest-is-taken"),
        pytest.param(None, 3, 1, LEFT, 1, id="asked-for"),
        pytest.param(-40, 3, None, OLD, 3, id="a-moment-after-the-branch-was-left"),
        pytest.param(-40, 3, 1, LEFT, 1, id="the-same-on-the-branch"),
        pytest.param(-10, 3, None, NEW, 3, id="a-moment-of-now"),
    ],
)
def test_the_timeline_that_is_live_decides(
    moment: float | None, live: int | None, asked: int | None, expected: Manifest, timeline: int
) -> None:
    wanted = None if moment is None else NOON + moment * MINUTE
    choice = choose(wanted, None, [OLD, LEFT, NEW], known(live, timeline=asked, archived_until=LATER))
    assert (choice.manifest.id, choice.timeline, choice.doubt) == (expected.id, timeline, "")
    own = expected.postgres and expected.postgres.timeline == timeline
    assert (
        recovery_options(StorePlan(choice.manifest, wanted, timeline=timeline))[-1] == f"--target-timeline={'current' if own else timeline}"
    )
    assert any("is assumed to be live" in note for note in choice.notes) is (live is None and asked is None)
    assert any("--timeline 1" in note for note in choice.notes) is (moment == -40 and asked is None)


def test_a_new_timeline_of_which_nothing_is_archived_is_never_replayed_into_the_old_one() -> None:
    segments = EVERY - names(2, 5, 9) - names(3, 8, 12)
    latest = choose(None, None, [OLD, LEFT], known(2, segments))
    assert latest == Choice(OLD, 1, "0/5000100", or_end=True, notes=latest.notes)
    assert "timeline 2 has no archived log yet" in latest.notes[0]
    with pytest.raises(PlatformError, match="timeline 2 has no archived log"):
        choose(NOON, None, [OLD, LEFT], known(2, segments))


@pytest.mark.parametrize(
    ("moment", "log", "doubt"),
    [
        pytest.param(-20, known(3), "", id="before-a-sets-own-point"),
        pytest.param(-5, known(3, archived_until=LATER), "", id="all-is-archived"),
        pytest.param(-5, known(3, EVERY - names(3, 10, 10), archived_until=LATER), "archiving was interrupted: segment", id="gap"),
        pytest.param(-20, known(3, EVERY - names(3, 10, 10)), "", id="before-the-gap"),
        pytest.param(-5, known(3, stalled_since=LATER), "archiving is stalled", id="archiving-stands-still"),
        pytest.param(-5, known(3), "", id="the-server-is-lost"),
    ],
)
def test_only_what_is_proven_is_promised(moment: float, log: KnownLog, doubt: str) -> None:
    choice = choose(NOON + moment * MINUTE, None, [OLD, LEFT, NEW], log)
    assert choice.doubt.startswith(doubt)
    assert bool(choice.doubt) is bool(doubt)
    # Where the end of the log would not be the target, it isn't taken for it.
    assert choice.or_end is not bool(doubt)


@pytest.mark.parametrize(
    ("moment", "lsn", "log", "message"),
    [
        pytest.param(-90, None, known(3), "no backup of PostgreSQL on timeline 3 is from before", id="before-the-first"),
        pytest.param(
            -5, None, known(3, stalled_since=NOON - 10 * MINUTE), "is not in the archived log: archiving is stalled", id="stalled"
        ),
        pytest.param(None, "0/D000000", known(3, EVERY - names(3, 12, 12)), "archived only up to 0/C000000", id="position-beyond-the-end"),
        pytest.param(None, None, known(3, timeline=7), "timeline 7 is unknown", id="no-such-timeline"),
        pytest.param(None, None, known(3, names(3, 8, 12)), "is missing", id="no-log-at-all"),
    ],
)
def test_what_cannot_be_reached_is_refused(moment: float | None, lsn: str | None, log: KnownLog, message: str) -> None:
    with pytest.raises(PlatformError, match=message):
        choose(None if moment is None else NOON + moment * MINUTE, lsn, [OLD, LEFT, NEW], log)


def test_a_branch_that_was_left_is_offered_where_only_it_has_the_moment() -> None:
    with pytest.raises(PlatformError) as caught:
        choose(NOON - 30 * MINUTE, None, [LEFT, NEW], known(3))
    assert "add --timeline 1" in (caught.value.next_step or "")


def test_an_earlier_cluster_is_told_from_the_one_that_is_live() -> None:
    """Both begin with timeline 1, and their segments have the same names."""
    now = made(1, 2, minutes=-5, system_id="8", archive="17-2")
    log = KnownLog({"17-1": Cluster(HISTORIES, frozenset(EVERY)), "17-2": Cluster({}, frozenset(names(1, 2, 3)))}, LiveLog("8", 1, "0/0"))
    assert choose(None, None, [OLD, LEFT, NEW, now], log).manifest == now
    before = choose(NOON - 20 * MINUTE, None, [OLD, LEFT, NEW, now], log)
    assert (before.manifest, before.timeline) == (NEW, 3)
    assert any("earlier cluster" in note for note in before.notes)


def test_a_replay_that_went_into_the_branch_is_noticed() -> None:
    line = line_to(3, HISTORIES)
    insist_on_line((*HISTORIES[3], Switch(timeline=3, lsn="0/A000000")), line)
    insist_on_line((Switch(timeline=1, lsn="0/4000000"),), line)
    with pytest.raises(PlatformError, match="timeline 1 was replayed up to 0/7000000"):
        insist_on_line((Switch(timeline=1, lsn="0/7000000"),), line)


def test_the_drawing() -> None:
    log = known(3, archived_until=LATER)
    assert lineage([OLD, LEFT, NEW], log).usable == [OLD, NEW]
    lines = drawing.draw(drawing.rows([OLD, LEFT, NEW], log))
    assert [line.split()[0] for line in lines] == ["TIMELINE", "1", "└", "└"]
    assert "0/0" in lines[1]
    assert "2026-11-23T11:00:00Z to 2026-11-23T11:00:00Z" in lines[1]
    assert lines[1].endswith("leads to the live one; 1 later sets are abandoned: restore by a set's id, or with --timeline 1")
    assert lines[2].startswith("└ 2")
    assert "0/5000100" in lines[2]
    assert lines[3].startswith("  └ 3")
    assert lines[3].endswith("live")
    assert "to 2026-11-23T13:00:00Z, from sets of timeline 2" in lines[3]
    first = drawing.draw(drawing.rows([OLD, LEFT, NEW], known(1)))
    assert first[2].endswith("abandoned: restore by a set's id, or with --timeline 2")
    asked = drawing.draw(drawing.rows([OLD, LEFT, NEW], known(3, timeline=1)))
    assert asked[1].endswith("; asked for")
    assert asked[3].endswith("live")
    assert drawing.draw([]) == []


def test_a_set_of_before_histories_were_noted_keeps_its_signature() -> None:
    assert b"history" not in OLD.signed_bytes()
    assert OLD.postgres
    noted = OLD.model_copy(update={"postgres": OLD.postgres.model_copy(update={"history": ()})})
    assert b'"history":[]' in noted.signed_bytes()


def test_a_plan_for_all_stores_follows_the_line_for_postgresql_alone() -> None:
    wanted = plan(Target(moment=NOON - 30 * MINUTE), [OLD, LEFT, NEW], ("postgres", "weaviate"), NOON, known(3, archived_until=LATER))
    assert wanted["postgres"].manifest == OLD
    assert wanted["postgres"].or_end
    assert lsn_number(lsn_text(0x1_0000_0028)) == 0x1_0000_0028
