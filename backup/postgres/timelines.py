"""Timelines of PostgreSQL's WAL: each promotion after a restore branches off and continues under a new number. Pure.

A *line* is the WAL that leads to one timeline: its ancestors up to their switch points, then the timeline itself. Anything written
to an ancestor after its switch point belongs to an abandoned branch. Which one a restore follows: choice_of_timeline.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from backup.postgres import wal
from backup.sets.model import Manifest, Switch
from infra.components.pgbackrest_config import STANZA

History = tuple[Switch, ...]
"""The switch points of a timeline's ancestors, the oldest first."""

_SEGMENT_BYTES = 16 << 20
_ARCHIVE = re.compile(rf"archive/{STANZA}/(?P<id>[^/]+)/")


def lsn_number(text: str) -> int:
    """A WAL position as a number of bytes."""
    high, _, low = text.partition("/")
    return (int(high, 16) << 32) + int(low, 16)


def lsn_text(number: int) -> str:
    """A WAL position as PostgreSQL writes it."""
    return f"{number >> 32:X}/{number & 0xFFFFFFFF:X}"


def parse_history(text: str) -> History:
    """Parse a `.history` file. Raises ValueError if it is invalid."""
    switches = []
    for line in text.splitlines():
        words = line.split("#")[0].split(maxsplit=2)
        if words:
            switch = Switch(timeline=int(words[0]), lsn=words[1].upper())
            lsn_number(switch.lsn)
            switches.append(switch)
    return tuple(switches)


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a line: its timeline, and the positions where it begins and ends; None if unknown or open."""

    timeline: int
    begin: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """The WAL that leads to one timeline, the oldest piece first."""

    pieces: tuple[Piece, ...]

    @property
    def timeline(self) -> int:
        """The timeline at the line's end."""
        return self.pieces[-1].timeline

    def holds(self, timeline: int, lsn: str) -> bool:
        """Whether a position of a timeline is on this line, and not on an abandoned branch."""
        piece = next((other for other in self.pieces if other.timeline == timeline), None)
        return piece is not None and (piece.end is None or lsn_number(lsn) <= piece.end)

    def has(self, manifest: Manifest) -> bool:
        """Whether the set's backup of PostgreSQL was complete before the line left its timeline."""
        part = manifest.postgres
        return part is not None and self.holds(part.timeline, part.lsn_stop)

    def timeline_of(self, segment: int) -> int:
        """The timeline whose file has this segment number: the later one if the switch is within the segment."""
        for piece in reversed(self.pieces):
            if piece.begin is not None and piece.begin // _SEGMENT_BYTES <= segment:
                return piece.timeline
        return self.pieces[0].timeline


def line_to(timeline: int, histories: Mapping[int, History]) -> Line:
    """The line that leads to a timeline. A timeline with unknown history is a line of its own."""
    pieces, begin = [], None
    for switch in histories.get(timeline, ()):
        end = lsn_number(switch.lsn)
        pieces.append(Piece(switch.timeline, begin, end))
        begin = end
    return Line((*pieces, Piece(timeline, begin)))


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a backup's WAL goes without a gap.

    Replay is possible up to `end`. `missing` names the first missing segment that has later ones after it.
    `left` is the timeline on which replay ends: an ancestor, if nothing of the next timeline is archived yet.
    """

    end: int
    left: int
    missing: str | None = None


def reach(line: Line, manifest: Manifest, segments: Collection[str]) -> Reach:
    """Follow a set's WAL along a line, segment by segment."""
    part = manifest.postgres
    if part is None:
        raise ValueError(f"{manifest.id} has no backup of PostgreSQL")
    segment = wal.number(part.wal_start)
    while (name := wal.name(line.timeline_of(segment), segment)) in segments:
        segment += 1
    timeline = line.timeline_of(segment)
    end = segment * _SEGMENT_BYTES
    before = line.timeline_of(segment - 1) if segment > wal.number(part.wal_start) else part.timeline
    if timeline != before:
        # The next timeline's file also has the end of the previous one. The older file is good up to the switch, not beyond it.
        switch = next(piece.begin for piece in line.pieces if piece.timeline == timeline)
        if wal.name(before, segment) in segments and switch is not None:
            end = switch
        timeline = before
    later = any(wal.number(name) > segment and line.timeline_of(wal.number(name)) == wal.timeline(name) for name in segments)
    return Reach(end, timeline, name if later else None)


@dataclass(frozen=True, slots=True)
class Cluster:
    """What is known of one cluster's WAL: its timeline histories, and the segments in the repository (None: not read)."""

    histories: Mapping[int, History]
    segments: frozenset[str] | None = None

    def newest(self, sets: Sequence[Manifest]) -> int:
        """The highest known timeline."""
        parts = [manifest.postgres.timeline for manifest in sets if manifest.postgres]
        return max([1, *self.histories, *parts, *(wal.timeline(segment) for segment in self.segments or ())])


def archive_of(manifest: Manifest) -> str:
    """The repository's archive folder with the set's WAL; empty if the set doesn't say."""
    return next((match["id"] for file in manifest.files if file.place == "pgbackrest" and (match := _ARCHIVE.match(file.path))), "")


def of_manifests(sets: Sequence[Manifest]) -> dict[int, History]:
    """The histories in the sets of one cluster."""
    return {manifest.postgres.timeline: manifest.postgres.history for manifest in sets if manifest.postgres and manifest.postgres.history}
