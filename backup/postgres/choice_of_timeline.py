"""Chooses PostgreSQL's backup for a restore, and the timelines along which its WAL is replayed: a pure decision.

The live timeline decides. An abandoned branch is restored by a set's id, or by naming its timeline.
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
    """What is known of PostgreSQL's WAL before a restore.

    `clusters` is by their folder in the repository's archive. Everything written up to `archived_until` is certainly in the repository;
    `stalled_since` is the time of the last archived segment, if the server can't archive any more. `timeline` is the one asked for,
    `ticked` the time of the commit that takes the WAL beyond any earlier moment.
    """

    clusters: Mapping[str, Cluster] = field(default_factory=dict)
    live: LiveLog | None = None
    archived_until: datetime | None = None
    stalled_since: datetime | None = None
    timeline: int | None = None
    ticked: datetime | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """The set to begin with, and how its WAL is replayed: see `targets.StorePlan`."""

    manifest: Manifest
    timeline: int | None = None
    lsn: str | None = None
    or_end: bool = False
    notes: tuple[str, ...] = ()
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class Lineage:
    """The sets of one cluster, and the line of its WAL that counts. `assumed` says why the line is a guess, if the server couldn't tell."""

    sets: tuple[Manifest, ...]
    cluster: Cluster
    line: Line
    assumed: str = ""

    @property
    def usable(self) -> list[Manifest]:
        """The sets on the line, oldest first."""
        return [manifest for manifest in self.sets if self.line.has(manifest)]


def lineage(sets: Sequence[Manifest], log: KnownLog) -> Lineage:
    """The live or last cluster and its line; every set in `sets` has a backup of PostgreSQL.

    Raises PlatformError for an unknown timeline.
    """
    systems = [manifest.postgres.system_id if manifest.postgres else "" for manifest in sets]
    live = log.live if log.live and log.live.system_id in systems else None
    system = live.system_id if live else systems[-1]
    own = tuple(manifest for manifest in sets if manifest.postgres and manifest.postgres.system_id == system)
    cluster = log.clusters.get(archive_of(own[-1]), Cluster({}))
    newest = cluster.newest(own)
    if log.timeline is not None and log.timeline > max(newest, live.timeline if live else 1):
        raise impossible(f"timeline {log.timeline} is unknown", "invoke backup.list shows the timelines", "--timeline")
    assumed = "" if live or log.timeline else f"the server can't be asked, or is new: the newest timeline, {newest}, is assumed to be live"
    return Lineage(own, cluster, line_to(log.timeline or (live.timeline if live else newest), cluster.histories), assumed)


def choose(moment: datetime | None, lsn: str | None, sets: Sequence[Manifest], log: KnownLog | None) -> Choice:
    """The backup to begin with. `sets` are oldest first; without `log`, each is replayed along its own timeline, unproven.

    Raises PlatformError if no set reaches the target.
    """
    target = moment.isoformat(timespec="milliseconds") if moment else (lsn or "latest")
    if not sets:
        raise impossible("there is no backup of PostgreSQL", "invoke backup makes one")
    if log is None:
        before = _before(moment, lsn, sets)
        if not before:
            raise impossible(f"no backup of PostgreSQL is from before {target}", "invoke backup.list shows the sets")
        return Choice(before[-1], lsn=lsn)
    mine = lineage(sets, log)
    notes = (mine.assumed,) if mine.assumed else ()
    before = _before(moment, lsn, mine.usable)
    if not before:
        older = [manifest for manifest in sets if manifest not in mine.sets]
        if moment and older and log.timeline is None and _before(moment, None, older):
            choice = choose(moment, None, older, KnownLog(log.clusters))
            return _noted(choice, "it is of an earlier cluster: the database was created again since")
        raise _none_before(target, mine, _before(moment, lsn, mine.sets))
    choice = _along(moment, lsn, target, before, mine, log)
    branch = _branch_note(moment, mine)
    return _noted(choice, *notes, *branch)


def _before(moment: datetime | None, lsn: str | None, sets: Sequence[Manifest]) -> list[Manifest]:
    """Sets from which the target can be reached. A backup is consistent only from its end on."""
    usable = [manifest for manifest in sets if manifest.postgres]
    if moment:
        usable = [other for other in usable if other.postgres and other.postgres.reference_point.at <= moment]
    if lsn:
        usable = [note for note in usable if note.postgres and lsn_number(note.postgres.lsn_stop) <= lsn_number(lsn)]
    return usable


def _none_before(target: str, mine: Lineage, elsewhere: Sequence[Manifest]) -> PlatformError:
    timeline = mine.line.timeline
    first = mine.usable[0].moments()["postgres"].isoformat(timespec="seconds") if mine.usable else ""
    since = f"; the first one there is from {first}" if first else ""
    others = sorted({other.postgres.timeline for other in elsewhere if other.postgres} - {timeline})
    step = "invoke backup.list shows the sets"
    if others:
        step = f"an abandoned branch has it: add --timeline {others[-1]}"
    return impossible(f"no backup of PostgreSQL on timeline {timeline} is from before {target}{since}", step)


def _along(moment: datetime | None, lsn: str | None, target: str, before: Sequence[Manifest], mine: Lineage, log: KnownLog) -> Choice:
    """Follow the WAL of the newest usable set whose own WAL is complete."""
    line, segments = mine.line, mine.cluster.segments
    if segments is None:
        doubt = "the repository can't be read, so nothing proves that its log is complete"
        return Choice(before[-1], line.timeline, lsn, or_end=lsn is None, doubt=doubt)
    for manifest in reversed(before):
        reached = reach(line, manifest, segments)
        if manifest.postgres and reached.end >= lsn_number(manifest.postgres.lsn_stop):
            break
    else:
        raise impossible(f"the log is missing for every set that could reach {target}", "invoke backup.verify --all names what is missing")
    notes: tuple[str, ...] = () if manifest is before[-1] else (f"the log of {before[-1].id} is missing, so an older set is used",)
    if reached.left != line.timeline and not reached.missing:
        return _at_the_branch(moment, lsn, manifest, reached, mine, notes)
    if lsn:
        if lsn_number(lsn) > reached.end:
            raise impossible(
                f"the log is archived only up to {lsn_text(reached.end)}, before {lsn}{_gap(reached)}", "give an earlier position"
            )
        return Choice(manifest, reached.left, lsn, or_end=reached.missing is None, notes=notes)
    if moment:
        return _to_moment(moment, manifest, reached, mine, log, notes)
    if not reached.missing:
        return Choice(manifest, line.timeline, or_end=True, notes=notes)
    gap = f"segment {reached.missing} of the log is missing: changes after {lsn_text(reached.end)} are not restored"
    # Beyond a gap on an ancestor, replay might go on in the branch that was left.
    until = None if reached.left == line.timeline else lsn_text(reached.end)
    if log.live:
        # The live state is newer: don't replace it by the state before a gap unless that position is asked for.
        return Choice(manifest, reached.left, until, notes=notes, doubt=gap)
    return Choice(manifest, reached.left, until, or_end=True, notes=(*notes, gap))


def _to_moment(moment: datetime, manifest: Manifest, replay: Reach, mine: Lineage, log: KnownLog, notes: tuple[str, ...]) -> Choice:
    points = [candidate.postgres.reference_point for candidate in mine.usable if candidate.postgres]
    reached = [point.at for point in points if lsn_number(point.lsn) <= replay.end]
    last = max(reached, default=manifest.moments()["postgres"])
    proven = moment <= last or (replay.missing is None and log.archived_until is not None and moment <= log.archived_until)
    choice = Choice(manifest, mine.line.timeline, or_end=True, notes=notes)
    if proven:
        return choice
    sure = f"certainly reachable is the state up to {last.isoformat(timespec='seconds')}"
    if replay.missing:
        later = [point.at for point in points if lsn_number(point.lsn) > replay.end]
        again = f", and again from {min(later).isoformat(timespec='seconds')} on" if later else ""
        doubt = f"archiving was interrupted: segment {replay.missing} of the log is missing; {sure}{again}"
        return Choice(manifest, mine.line.timeline, notes=notes, doubt=doubt)
    if log.stalled_since:
        since = log.stalled_since.isoformat(timespec="seconds")
        doubt = f"archiving is stalled since the last segment, at {since}; {sure}"
        if moment > log.stalled_since:
            raise impossible(
                f"{moment.isoformat(timespec='seconds')} is not in the archived log: {doubt}",
                "fix archiving (invoke check), then run this again",
            )
        return Choice(manifest, mine.line.timeline, notes=notes, doubt=doubt)
    return _noted(choice, "the server can't archive its log up to now: if the archived log ends before that moment, its end is restored")


def _at_the_branch(
    moment: datetime | None, lsn: str | None, manifest: Manifest, reached: Reach, mine: Lineage, notes: tuple[str, ...]
) -> Choice:
    """No WAL of the wanted timeline is archived yet. Replay would continue into the abandoned branch."""
    problem = f"timeline {mine.line.timeline} has no archived log yet after {lsn_text(reached.end)}"
    if moment or (lsn and lsn_number(lsn) > reached.end):
        raise impossible(
            problem,
            f"fix archiving (invoke check); or --to latest for the archived state, --timeline {reached.left} for the earlier branch",
        )
    return Choice(
        manifest, reached.left, lsn or lsn_text(reached.end), or_end=True, notes=(*notes, f"{problem}: its starting point is restored")
    )


def _branch_note(moment: datetime | None, mine: Lineage) -> list[str]:
    """A note if an abandoned branch has the same moment too, so that nobody takes one for the other."""
    left = [manifest.postgres for manifest in mine.sets if manifest.postgres and not mine.line.has(manifest)]
    others = [other.timeline for other in left if moment and other.reference_point.at >= moment]
    return [f"timeline {others[0]}, an abandoned branch, has that moment too: --timeline {others[0]}"] if others else []


def insist_on_line(history: History, line: Line) -> None:
    """Check that a restored server branched off from the wanted line. `history` is its own.

    Raises PlatformError if it replayed an abandoned branch.
    """
    if history and not line.holds(history[-1].timeline, history[-1].lsn):
        raise PlatformError(
            what=f"timeline {history[-1].timeline} was replayed up to {history[-1].lsn}, which does not lead to timeline {line.timeline}",
            where="the restored PostgreSQL",
            next_step="a segment of the wanted timeline is missing: invoke check, then run this again; nothing live was touched",
        )


def _gap(reached: Reach) -> str:
    return f", where segment {reached.missing} is missing" if reached.missing else ""


def _noted(choice: Choice, *notes: str) -> Choice:
    return Choice(choice.manifest, choice.timeline, choice.lsn, choice.or_end, (*choice.notes, *notes), choice.doubt)


def impossible(what: str, next_step: str, where: str = "--to") -> PlatformError:
    """The error for an unreachable target."""
    return PlatformError(what=what, where=where, next_step=next_step)
