"""Which backup of PostgreSQL a restore begins with, and along which timelines its log is replayed: a pure decision.

The timeline that is live decides. What was written to a branch that was left is had by a set's id, or by naming the timeline.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from backup.postgres.live_log import LiveLog
from backup.postgres.timelines import Cluster, History, Line, Reach, archive_of, line_to, lsn_number, lsn_text, reach
from backup.sets.model import Manifest
from core.errors import PlatformError


@dataclass(frozen=True, slots=True)
class KnownLog:
    """What is known of PostgreSQL's log before a restore.

    `clusters` are by their folder in the repository's archive. All that was written up to `archived_until` is in the repository for
    sure; `stalled_since` is when the last segment came there, where the server can't archive any more. `timeline` is the one asked for,
    `ticked` the commit that was made so that the log goes beyond any moment before.
    """

    clusters: Mapping[str, Cluster] = field(default_factory=dict)
    live: LiveLog | None = None
    archived_until: datetime | None = None
    stalled_since: datetime | None = None
    timeline: int | None = None
    ticked: datetime | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """The set to begin with, and how its log is replayed: see `targets.StorePlan`."""

    manifest: Manifest
    timeline: int | None = None
    lsn: str | None = None
    or_end: bool = False
    notes: tuple[str, ...] = ()
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class Lineage:
    """The sets of one cluster, and the line of its log that counts. `assumed` says why, where the server couldn't tell."""

    sets: tuple[Manifest, ...]
    cluster: Cluster
    line: Line
    assumed: str = ""

    @property
    def usable(self) -> list[Manifest]:
        """The sets on the line, oldest first."""
        return [each for each in self.sets if self.line.has(each)]


def lineage(sets: Sequence[Manifest], log: KnownLog) -> Lineage:
    """The cluster and the line that are live now, or that were last; `sets` have all a backup of PostgreSQL.

    Raises PlatformError for a timeline that nothing is known of.
    """
    systems = [each.postgres.system_id if each.postgres else "" for each in sets]
    live = log.live if log.live and log.live.system_id in systems else None
    system = live.system_id if live else systems[-1]
    own = tuple(each for each in sets if each.postgres and each.postgres.system_id == system)
    cluster = log.clusters.get(archive_of(own[-1]), Cluster({}))
    newest = cluster.newest(own)
    if log.timeline is not None and log.timeline > max(newest, live.timeline if live else 1):
        raise impossible(f"nothing is known of timeline {log.timeline}", "invoke backup.list shows the timelines there are", "--timeline")
    assumed = (
        ""
        if live or log.timeline
        else f"the server can't be asked, or is a new one: timeline {newest}, the newest one there is, is taken for the live one"
    )
    return Lineage(own, cluster, line_to(log.timeline or (live.timeline if live else newest), cluster.histories), assumed)


def choose(moment: datetime | None, lsn: str | None, sets: Sequence[Manifest], log: KnownLog | None) -> Choice:
    """The backup to begin with. `sets` are oldest first; without `log`, each is replayed along its own timeline, unproven.

    Raises PlatformError where nothing reaches the target.
    """
    told = moment.isoformat(timespec="milliseconds") if moment else (lsn or "latest")
    if not sets:
        raise impossible("there is no backup of PostgreSQL", "invoke backup makes one")
    if log is None:
        before = _before(moment, lsn, sets)
        if not before:
            raise impossible(f"no backup of PostgreSQL is from before {told}", "invoke backup.list shows from when on there are some")
        return Choice(before[-1], lsn=lsn)
    mine = lineage(sets, log)
    notes = (mine.assumed,) if mine.assumed else ()
    before = _before(moment, lsn, mine.usable)
    if not before:
        older = [each for each in sets if each not in mine.sets]
        if moment and older and log.timeline is None and _before(moment, None, older):
            choice = choose(moment, None, older, KnownLog(log.clusters))
            return _noted(choice, "it is of an earlier cluster: the database was made anew since then")
        raise _none_before(told, mine, _before(moment, lsn, mine.sets))
    choice = _along(moment, lsn, told, before, mine, log)
    branch = _branch_note(moment, mine)
    return _noted(choice, *notes, *branch)


def _before(moment: datetime | None, lsn: str | None, sets: Sequence[Manifest]) -> list[Manifest]:
    """Sets from which the target can be reached. A backup is consistent only from its end on."""
    found = [each for each in sets if each.postgres]
    if moment:
        found = [each for each in found if each.postgres and each.postgres.reference_point.at <= moment]
    if lsn:
        found = [each for each in found if each.postgres and lsn_number(each.postgres.lsn_stop) <= lsn_number(lsn)]
    return found


def _none_before(told: str, mine: Lineage, elsewhere: Sequence[Manifest]) -> PlatformError:
    timeline = mine.line.timeline
    first = mine.usable[0].moments()["postgres"].isoformat(timespec="seconds") if mine.usable else ""
    since = f"; the first one there is from {first}" if first else ""
    others = sorted({each.postgres.timeline for each in elsewhere if each.postgres} - {timeline})
    step = "invoke backup.list shows from when on there are some"
    if others:
        step = f"a branch that was left has it: add --timeline {others[-1]}"
    return impossible(f"no backup of PostgreSQL on timeline {timeline} is from before {told}{since}", step)


def _along(moment: datetime | None, lsn: str | None, told: str, before: Sequence[Manifest], mine: Lineage, log: KnownLog) -> Choice:
    """Follow the log of the newest usable set whose own log is whole."""
    line, segments = mine.line, mine.cluster.segments
    if segments is None:
        doubt = "the repository can't be looked at, so nothing proves that its log is whole"
        return Choice(before[-1], line.timeline, lsn, or_end=lsn is None, doubt=doubt)
    for manifest in reversed(before):
        found = reach(line, manifest, segments)
        if manifest.postgres and found.end >= lsn_number(manifest.postgres.lsn_stop):
            break
    else:
        raise impossible(
            f"the log of every set that {told} could be reached from is missing", "invoke backup.verify --all tells what is missing"
        )
    notes: tuple[str, ...] = () if manifest is before[-1] else (f"the log of {before[-1].id} is missing, so an older set is taken",)
    if found.left != line.timeline:
        return _at_the_branch(moment, lsn, manifest, found, mine, notes)
    if lsn:
        if lsn_number(lsn) > found.end:
            raise impossible(f"the log is archived only up to {lsn_text(found.end)}, before {lsn}{_gap(found)}", "give an earlier position")
        return Choice(manifest, line.timeline, lsn, or_end=found.missing is None, notes=notes)
    if moment is None:
        gap = f"segment {found.missing} of the log is missing, and what comes after it, from {lsn_text(found.end)} on, is not in it"
        if found.missing and log.live:
            # What is live is newer: it is not thrown away for the state before a gap, unless that is asked for by its position.
            return Choice(manifest, line.timeline, notes=notes, doubt=gap)
        return Choice(manifest, line.timeline, or_end=True, notes=(*notes, *([gap] if found.missing else [])))
    return _to_moment(moment, manifest, found, mine, log, notes)


def _to_moment(moment: datetime, manifest: Manifest, found: Reach, mine: Lineage, log: KnownLog, notes: tuple[str, ...]) -> Choice:
    points = [each.postgres.reference_point for each in mine.usable if each.postgres]
    reached = [each.at for each in points if lsn_number(each.lsn) <= found.end]
    last = max(reached, default=manifest.moments()["postgres"])
    proven = moment <= last or (found.missing is None and log.archived_until is not None and moment <= log.archived_until)
    choice = Choice(manifest, mine.line.timeline, or_end=True, notes=notes)
    if proven:
        return choice
    sure = f"reached for sure is what was written until {last.isoformat(timespec='seconds')}"
    if found.missing:
        later = [each.at for each in points if lsn_number(each.lsn) > found.end]
        again = f", and again from {min(later).isoformat(timespec='seconds')} on" if later else ""
        doubt = f"archiving stood still: segment {found.missing} of the log is missing; {sure}{again}"
        return Choice(manifest, mine.line.timeline, notes=notes, doubt=doubt)
    if log.stalled_since:
        since = log.stalled_since.isoformat(timespec="seconds")
        doubt = f"archiving stands still: the last segment came to the repository at {since}; {sure}"
        if moment > log.stalled_since:
            raise impossible(
                f"{moment.isoformat(timespec='seconds')} is not in the archived log: {doubt}",
                "mend archiving (invoke check), then run this again",
            )
        return Choice(manifest, mine.line.timeline, notes=notes, doubt=doubt)
    ends = (
        "the server can't have its log archived up to now: if the archived log ends before that moment, its last commit is what is restored"
    )
    return _noted(choice, ends)


def _at_the_branch(
    moment: datetime | None, lsn: str | None, manifest: Manifest, found: Reach, mine: Lineage, notes: tuple[str, ...]
) -> Choice:
    """Nothing of the wanted timeline is archived from its beginning on. Replaying would go on into the branch that was left."""
    told = f"nothing of timeline {mine.line.timeline} is in the repository yet, from {lsn_text(found.end)} on"
    if moment or (lsn and lsn_number(lsn) > found.end):
        raise impossible(
            told,
            f"have it archived (invoke check tells why not); --to latest gives what there is; --timeline {found.left} the branch before",
        )
    return Choice(manifest, found.left, lsn or lsn_text(found.end), or_end=True, notes=(*notes, f"{told}: this is what it began with"))


def _branch_note(moment: datetime | None, mine: Lineage) -> list[str]:
    """A moment that a branch which was left has, too: it is named, so that nobody takes one for the other."""
    left = [each.postgres for each in mine.sets if each.postgres and not mine.line.has(each)]
    others = [each.timeline for each in left if moment and each.reference_point.at >= moment]
    return [f"timeline {others[0]}, a branch that was left, has that moment too: --timeline {others[0]}"] if others else []


def insist_on_line(history: History, line: Line) -> None:
    """Make sure that a restored server left the log on the line that was wanted. `history` is its own.

    Raises PlatformError where it replayed what a branch that was left had written.
    """
    if history and not line.holds(history[-1].timeline, history[-1].lsn):
        raise PlatformError(
            what=f"timeline {history[-1].timeline} was replayed up to {history[-1].lsn}, which doesn't lead to timeline {line.timeline}",
            where="the restored PostgreSQL",
            next_step="a segment of the wanted timeline is missing: invoke check, then run this again; nothing live was touched",
        )


def _gap(found: Reach) -> str:
    return f", where segment {found.missing} is missing" if found.missing else ""


def _noted(choice: Choice, *notes: str) -> Choice:
    return Choice(choice.manifest, choice.timeline, choice.lsn, choice.or_end, (*choice.notes, *notes), choice.doubt)


def impossible(what: str, next_step: str, where: str = "--to") -> PlatformError:
    """The error for a target that can't be reached."""
    return PlatformError(what=what, where=where, next_step=next_step)
