"""What a restore begins with and how its log is replayed, decision by decision: each expects the whole choice."""

from datetime import datetime

import pytest

from backup.postgres.choice_of_timeline import Choice, KnownLog, choose, insist_on_line
from backup.postgres.live_log import LiveLog
from backup.postgres.timelines import Cluster, line_to, lsn_text
from backup.sets.model import Manifest, Switch
from core.errors import PlatformError
from tests.support.manifests import NOON, manifest
from tests.unit.backup.made_up_log import EVERY, HISTORIES, LATER, LEFT, MINUTE, NEW, OLD, known, made, names

SETS = [OLD, LEFT, NEW]
STOP = lsn_text((7 << 24) + 80)  # of NEW's backup
GAP = EVERY - names(3, 10, 10)
LOST = "segment 00000003000000000000000A of the log is missing: changes after 0/A000000 are not restored"
EARLY = EVERY - names(2, 6, 7)
EARLY_LOST = "segment 000000020000000000000006 of the log is missing: changes after 0/6000000 are not restored"
FIRST_LOST = "segment 000000020000000000000005 of the log is missing: changes after 0/5000100 are not restored"
NOT_YET = "timeline 2 has no archived log yet after 0/5000100"
BRANCHED = "timeline 1, an abandoned branch, has that moment too: --timeline 1"
UNREAD = "the repository can't be read, so nothing proves that its log is complete"
OLDER = f"the log of {NEW.id} is missing, so an older set is used"
GUESS = "the server can't be asked, or is new: the newest timeline, 3, is assumed to be live"


def unread(on: int | None) -> KnownLog:
    return KnownLog({"17-1": Cluster(HISTORIES)}, LiveLog("7", on, "0/0") if on else None)


@pytest.mark.parametrize(
    ("lsn", "log", "expected"),
    [
        pytest.param("0/9000000", known(3), Choice(NEW, 3, "0/9000000", or_end=True), id="position"),
        pytest.param("0/D000000", known(3), Choice(NEW, 3, "0/D000000", or_end=True), id="position-at-the-very-end"),
        pytest.param(STOP, known(3), Choice(NEW, 3, STOP, or_end=True), id="where-the-backup-ends"),
        pytest.param("0/700004F", known(3), Choice(OLD, 3, "0/700004F", or_end=True), id="a-byte-before"),
        pytest.param("0/9000000", known(3, GAP), Choice(NEW, 3, "0/9000000"), id="position-before-a-gap-is-no-end"),
        pytest.param("0/9000000", unread(3), Choice(NEW, 3, "0/9000000", doubt=UNREAD), id="position-unread"),
        pytest.param("0/9000000", None, Choice(NEW, lsn="0/9000000"), id="position-without-a-log"),
        pytest.param(None, unread(3), Choice(NEW, 3, or_end=True, doubt=UNREAD), id="latest-unread"),
        pytest.param(None, None, Choice(NEW), id="latest-without-a-log"),
        pytest.param(None, known(3), Choice(NEW, 3, or_end=True), id="latest"),
        pytest.param(None, known(3, GAP), Choice(NEW, 3, doubt=LOST), id="a-gap-is-not-the-end-of-a-live-server"),
        pytest.param(None, known(None, GAP), Choice(NEW, 3, or_end=True, notes=(LOST, GUESS)), id="a-gap-where-the-server-is-lost"),
        pytest.param("0/6000000", known(3, EARLY), Choice(OLD, 2, "0/6000000"), id="position-before-a-gap-on-an-ancestor"),
        pytest.param(
            None, known(3, EARLY), Choice(OLD, 2, "0/6000000", notes=(OLDER,), doubt=EARLY_LOST), id="a-gap-on-an-ancestor-is-no-end-either"
        ),
        pytest.param(
            None,
            known(None, EARLY),
            Choice(OLD, 2, "0/6000000", or_end=True, notes=(OLDER, EARLY_LOST, GUESS)),
            id="the-same-where-the-server-is-lost",
        ),
        pytest.param(
            None,
            known(2, EVERY - names(2, 5, 5) - names(2, 7, 7)),
            Choice(OLD, 1, "0/5000100", notes=(OLDER,), doubt=FIRST_LOST),
            id="the-first-of-a-timeline-is-missing",
        ),
        pytest.param(
            "0/5000100",
            known(2, EVERY - names(2, 5, 9) - names(3, 8, 12)),
            Choice(OLD, 1, "0/5000100", or_end=True, notes=(f"{NOT_YET}: its starting point is restored",)),
            id="up-to-the-branch",
        ),
        pytest.param(None, known(3, timeline=3), Choice(NEW, 3, or_end=True), id="the-newest-is-asked-for"),
    ],
)
def test_a_position_or_the_latest(lsn: str | None, log: KnownLog | None, expected: Choice) -> None:
    assert choose(None, lsn, SETS, log) == expected


def test_where_the_newest_sets_own_log_is_missing_an_older_one_is_taken() -> None:
    choice = choose(None, None, SETS, known(3, EVERY - names(2, 7, 7)))
    lost = "segment 000000020000000000000007 of the log is missing: changes after 0/7000000 are not restored"
    assert choice == Choice(OLD, 2, "0/7000000", notes=(OLDER,), doubt=lost)


def test_the_log_of_a_server_of_other_sets_decides_nothing() -> None:
    """A server that was created again is on timeline 1 of its own, whatever the sets' timelines are."""
    log = KnownLog({"17-1": Cluster(HISTORIES, frozenset(EVERY))}, LiveLog("9", 1, "0/0"))
    assert choose(None, None, SETS, log) == Choice(NEW, 3, or_end=True, notes=(GUESS,))


def test_a_timeline_that_only_the_server_knows_may_be_asked_for() -> None:
    log = KnownLog({"17-1": Cluster(HISTORIES, frozenset(EVERY))}, LiveLog("7", 4, "0/0"), timeline=4)
    with pytest.raises(PlatformError, match="no backup of PostgreSQL on timeline 4"):
        choose(None, None, SETS, log)  # known, though no set lies on it
    first = KnownLog({}, None, timeline=2)
    with pytest.raises(PlatformError, match="timeline 2 is unknown") as caught:
        choose(None, None, [OLD], first)
    assert (caught.value.where, caught.value.next_step) == ("--timeline", "invoke backup.list shows the timelines")


@pytest.mark.parametrize(
    ("moment", "log", "expected"),
    [
        pytest.param(NOON, known(3, archived_until=NOON), Choice(NEW, 3, or_end=True), id="the-last-archived-moment"),
        pytest.param(
            NOON,
            known(3, GAP, archived_until=LATER),
            Choice(
                NEW,
                3,
                doubt="archiving was interrupted: segment 00000003000000000000000A of the log is missing; "
                "certainly reachable is the state up to 2026-11-23T11:40:00+00:00",
            ),
            id="after-a-gap",
        ),
        pytest.param(
            LATER,
            known(3, stalled_since=LATER),
            Choice(
                NEW,
                3,
                doubt="archiving is stalled since the last segment, at 2026-11-23T13:00:00+00:00; "
                "certainly reachable is the state up to 2026-11-23T11:40:00+00:00",
            ),
            id="when-archiving-stopped",
        ),
        pytest.param(
            NOON,
            known(3),
            Choice(
                NEW,
                3,
                or_end=True,
                notes=("the server can't archive its log up to now: if the archived log ends before that moment, its end is restored",),
            ),
            id="nothing-is-known-of-that-time",
        ),
    ],
)
def test_a_moment(moment: datetime, log: KnownLog, expected: Choice) -> None:
    assert choose(moment, None, SETS, log) == expected


def test_a_gap_on_an_ancestor_hides_nothing_of_before() -> None:
    """It was refused, as if the live timeline had no archived log at all."""
    assert choose(NOON - 60 * MINUTE, None, SETS, known(3, EARLY)) == Choice(OLD, 3, or_end=True, notes=(BRANCHED,))
    choice = choose(NOON - 25 * MINUTE, None, SETS, known(3, EARLY, archived_until=LATER))
    assert choice.doubt.startswith("archiving was interrupted: segment 000000020000000000000006 of the log is missing")


def test_behind_a_gap_it_is_told_from_when_on_all_is_there_again() -> None:
    after = made(3, 12, minutes=10)
    choice = choose(NOON, None, [*SETS, after], known(3, GAP, archived_until=LATER))
    assert choice.manifest == NEW
    assert choice.doubt.endswith("up to 2026-11-23T11:40:00+00:00, and again from 2026-11-23T12:10:00+00:00 on")


def refusal(moment: datetime | None, lsn: str | None, sets: list[Manifest], log: KnownLog | None) -> tuple[str, str]:
    with pytest.raises(PlatformError) as caught:
        choose(moment, lsn, sets, log)
    assert caught.value.where == "--to"
    return caught.value.what, caught.value.next_step or ""


EARLY_MOMENT = NOON - 90 * MINUTE
STALLED = "archiving is stalled since the last segment, at 2026-11-23T"
NONE_BEFORE = "no backup of PostgreSQL on timeline 3 is from before"
FIRST_IS = "; the first one there is from"
SURE = "certainly reachable is the state up to 2026-11-23T11:40:00+00:00"
SHOWN = "invoke backup.list shows the sets"
ABANDONED = "an abandoned branch has it: add --timeline 1"
BRANCH = known(2, EVERY - names(2, 5, 9) - names(3, 8, 12))
REFUSED = {
    "no-set": (None, None, [], None, "there is no backup of PostgreSQL", "invoke backup makes one"),
    "too-early-without-a-log": (
        *(EARLY_MOMENT, None, SETS, None),
        "no backup of PostgreSQL is from before 2026-11-23T10:30:00.000+00:00",
        SHOWN,
    ),
    "too-early": (
        *(EARLY_MOMENT, None, SETS, known(3)),
        f"{NONE_BEFORE} 2026-11-23T10:30:00.000+00:00{FIRST_IS} 2026-11-23T11:00:00+00:00",
        SHOWN,
    ),
    "position-too-early": (
        *(None, "0/2000000", SETS, known(3)),
        f"{NONE_BEFORE} 0/2000000{FIRST_IS} 2026-11-23T11:00:00+00:00",
        SHOWN,
    ),
    "position-on-a-branch-alone": (
        *(None, "0/6000100", [LEFT, NEW], known(3)),
        f"{NONE_BEFORE} 0/6000100{FIRST_IS} 2026-11-23T11:40:00+00:00",
        ABANDONED,
    ),
    "no-set-on-the-line": (
        *(NOON - 30 * MINUTE, None, [LEFT], known(3)),
        f"{NONE_BEFORE} 2026-11-23T11:30:00.000+00:00",
        ABANDONED,
    ),
    "no-log": (
        *(None, None, SETS, known(3, names(3, 8, 12))),
        "the log is missing for every set that could reach latest",
        "invoke backup.verify --all names what is missing",
    ),
    "beyond-a-gap": (
        *(None, "0/A000001", SETS, known(3, GAP)),
        "the log is archived only up to 0/A000000, before 0/A000001, where segment 00000003000000000000000A is missing",
        "give an earlier position",
    ),
    "a-byte-beyond": (
        *(None, "0/D000001", SETS, known(3)),
        "the log is archived only up to 0/D000000, before 0/D000001",
        "give an earlier position",
    ),
    "archiving-stands-still": (
        *(NOON, None, SETS, known(3, stalled_since=NOON - 10 * MINUTE)),
        f"2026-11-23T12:00:00+00:00 is not in the archived log: {STALLED}11:50:00+00:00; {SURE}",
        "fix archiving (invoke check), then run this again",
    ),
    "into-the-branch": (
        *(None, "0/5000101", [OLD, LEFT], BRANCH),
        "timeline 2 has no archived log yet after 0/5000100",
        "fix archiving (invoke check); or --to latest for the archived state, --timeline 1 for the earlier branch",
    ),
}


@pytest.mark.parametrize(("moment", "lsn", "sets", "log", "what", "next_step"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_is_told_with_what_to_do(
    moment: datetime | None, lsn: str | None, sets: list[Manifest], log: KnownLog | None, what: str, next_step: str
) -> None:
    assert refusal(moment, lsn, sets, log) == (what, next_step)


def test_an_earlier_cluster_has_only_what_it_had() -> None:
    now = made(1, 2, minutes=-5, system_id="8", archive="17-2")
    clusters = {"17-1": Cluster(HISTORIES, frozenset(EVERY)), "17-2": Cluster({}, frozenset(names(1, 2, 3)))}
    sets = [*SETS, now]
    asked = KnownLog(clusters, LiveLog("8", 1, "0/0"), timeline=1)
    said = "no backup of PostgreSQL on timeline 1 is from before "
    # A timeline that was asked for is one of the cluster that is there.
    assert refusal(NOON - 20 * MINUTE, None, sets, asked)[0].startswith(said)
    live = KnownLog(clusters, LiveLog("8", 1, "0/0"))
    assert refusal(NOON - 90 * MINUTE, None, sets, live)[0].startswith(said)
    assert refusal(None, "0/1000000", sets, live)[0].startswith(said)
    before = choose(NOON - 50 * MINUTE, None, sets, live)
    assert (before.manifest, before.timeline) == (OLD, 3)
    assert choose(None, "0/2000060", sets, live).manifest == now


def test_without_postgresql_a_set_begins_nothing() -> None:
    only = manifest("20261123-115900-full-0001", stores=("redis",))
    assert choose(None, None, [*SETS, only], None) == Choice(NEW)


def test_a_replay_into_the_branch_says_what_to_do() -> None:
    with pytest.raises(PlatformError) as caught:
        insist_on_line((Switch(timeline=1, lsn="0/7000000"),), line_to(3, HISTORIES))
    assert caught.value.where == "the restored PostgreSQL"
    assert "nothing live was touched" in (caught.value.next_step or "")


AFTER = made(3, 9, minutes=-10)
LOST_ONE = f"the log of {AFTER.id} is missing, so an older set is used"
AT_END = EVERY - names(3, 9, 12)


@pytest.mark.parametrize(
    ("moment", "lsn", "log", "expected"),
    [
        pytest.param(None, None, unread(3), Choice(AFTER, 3, or_end=True, doubt=UNREAD), id="the-newest-of-many-begins"),
        pytest.param(None, "0/8000300", known(3), Choice(NEW, 3, "0/8000300", or_end=True), id="the-newest-before-the-position"),
        pytest.param(None, "0/9000100", known(3, AT_END, stalled_since=LATER), None, id="position-in-a-lost-log"),
        pytest.param(None, None, known(3, AT_END), Choice(NEW, 3, or_end=True, notes=(LOST_ONE,)), id="latest"),
        pytest.param(NOON, None, known(3, AT_END, archived_until=LATER), Choice(NEW, 3, or_end=True, notes=(LOST_ONE,)), id="moment"),
        pytest.param(
            NOON,
            None,
            known(3, AT_END, stalled_since=NOON),
            Choice(NEW, 3, notes=(LOST_ONE,), doubt=f"{STALLED}12:00:00+00:00; {SURE}"),
            id="stalled",
        ),
        pytest.param(
            NOON,
            None,
            known(3, EVERY - names(3, 9, 9), archived_until=LATER),
            Choice(
                NEW,
                3,
                notes=(LOST_ONE,),
                doubt="archiving was interrupted: segment 000000030000000000000009 of the log is missing; "
                f"{SURE}, and again from 2026-11-23T11:50:00+00:00 on",
            ),
            id="gap",
        ),
    ],
)
def test_of_three_sets_on_a_line(moment: datetime | None, lsn: str | None, log: KnownLog, expected: Choice | None) -> None:
    sets = [*SETS, AFTER]
    if expected is None:
        assert refusal(moment, lsn, sets, log)[0] == "the log is archived only up to 0/9000000, before 0/9000100"
    else:
        assert choose(moment, lsn, sets, log) == expected
