"""Timelines of PostgreSQL's log: each promotion after a restore leaves the log at a point and goes on under a new number. Pure.

A *line* is the log that leads to one timeline: its ancestors up to where each was left, then its own. Whatever was written to an
ancestor after that point is of an abandoned branch.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from backup.postgres import wal
from backup.sets.model import Manifest, Switch
from infra.components.pgbackrest_config import STANZA

History = tuple[Switch, ...]
"""Where the log left each ancestor of a timeline, the oldest first."""

_SEGMENT_BYTES = 16 << 20
_ARCHIVE = re.compile(rf"archive/{STANZA}/(?P<id>[^/]+)/")


def lsn_number(text: str) -> int:
    """A log position as a number of bytes."""
    high, _, low = text.partition("/")
    return (int(high, 16) << 32) + int(low, 16)


def lsn_text(number: int) -> str:
    """The same as PostgreSQL writes it."""
    return f"{number >> 32:X}/{number & 0xFFFFFFFF:X}"


def parse_history(text: str) -> History:
    """Read a `.history` file. Raises ValueError where it is none."""
    found = []
    for line in text.splitlines():
        words = line.split("#")[0].split(maxsplit=2)
        if words:
            switch = Switch(timeline=int(words[0]), lsn=words[1].upper())
            lsn_number(switch.lsn)
            found.append(switch)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a line: the timeline, and the positions at which it begins and is left; None where that is not known or not so."""

    timeline: int
    begin: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """The log that leads to one timeline, the oldest piece first."""

    pieces: tuple[Piece, ...]

    @property
    def timeline(self) -> int:
        """The timeline that it leads to."""
        return self.pieces[-1].timeline

    def holds(self, timeline: int, lsn: str) -> bool:
        """Whether a position of a timeline is on this line, and not on a branch that it left before."""
        piece = next((each for each in self.pieces if each.timeline == timeline), None)
        return piece is not None and (piece.end is None or lsn_number(lsn) <= piece.end)

    def has(self, manifest: Manifest) -> bool:
        """Whether the set's backup of PostgreSQL was complete before the line left its timeline."""
        part = manifest.postgres
        return part is not None and self.holds(part.timeline, part.lsn_stop)

    def timeline_of(self, segment: int) -> int:
        """The timeline whose file has this segment, by its number: where the log switches within one, the later one's."""
        for piece in reversed(self.pieces):
            if piece.begin is not None and piece.begin // _SEGMENT_BYTES <= segment:
                return piece.timeline
        return self.pieces[0].timeline


def line_to(timeline: int, histories: Mapping[int, History]) -> Line:
    """The line that leads to a timeline. One whose history isn't known is a line of its own."""
    pieces, begin = [], None
    for switch in histories.get(timeline, ()):
        end = lsn_number(switch.lsn)
        pieces.append(Piece(switch.timeline, begin, end))
        begin = end
    return Line((*pieces, Piece(timeline, begin)))


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a backup's log is there without a gap.

    `end` is the position up to which it can be replayed. `missing` names the first segment that isn't there although later ones are.
    `left` is the timeline on which the replay ends: an ancestor, where nothing of the next one is there yet.
    """

    end: int
    left: int
    missing: str | None = None


def reach(line: Line, manifest: Manifest, segments: Collection[str]) -> Reach:
    """Follow a set's log along a line, segment by segment."""
    part = manifest.postgres
    if part is None:
        raise ValueError(f"{manifest.id} has no backup of PostgreSQL")
    place = wal.number(part.wal_start)
    while (name := wal.name(line.timeline_of(place), place)) in segments:
        place += 1
    timeline = line.timeline_of(place)
    end = place * _SEGMENT_BYTES
    before = line.timeline_of(place - 1) if place > wal.number(part.wal_start) else part.timeline
    if timeline != before:
        # The file of the next timeline has the end of the one before, too. The older file will do up to the switch, and not beyond.
        switch = next(each.begin for each in line.pieces if each.timeline == timeline)
        if wal.name(before, place) in segments and switch is not None:
            end = switch
        timeline = before
    later = any(wal.number(each) > place and line.timeline_of(wal.number(each)) == wal.timeline(each) for each in segments)
    return Reach(end, timeline, name if later else None)


@dataclass(frozen=True, slots=True)
class Cluster:
    """What is known of one cluster's log: the histories of its timelines, and the segments in the repository (None: not looked at)."""

    histories: Mapping[int, History]
    segments: frozenset[str] | None = None

    def newest(self, sets: Sequence[Manifest]) -> int:
        """The highest timeline that anything is known of."""
        parts = [each.postgres.timeline for each in sets if each.postgres]
        return max([1, *self.histories, *parts, *(wal.timeline(each) for each in self.segments or ())])


def archive_of(manifest: Manifest) -> str:
    """The folder of the repository's archive that has the set's log; empty where the set doesn't tell."""
    return next((match["id"] for each in manifest.files if each.place == "pgbackrest" and (match := _ARCHIVE.match(each.path))), "")


def of_manifests(sets: Sequence[Manifest]) -> dict[int, History]:
    """The histories that sets of one cluster carry."""
    return {each.postgres.timeline: each.postgres.history for each in sets if each.postgres and each.postgres.history}
