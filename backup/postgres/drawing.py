"""A plain-text drawing of PostgreSQL's timelines: where each one branched off, its sets, and its recoverable moments."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from backup.postgres.replay import KnownLog, Lineage, lineage
from backup.postgres.timelines import History, line_to, reach
from backup.sets.model import Manifest


@dataclass(frozen=True, slots=True)
class Row:
    """One timeline. `since` and `until` bound the moments that its sets certainly reach; None if it has no set."""

    timeline: int
    depth: int
    parent: int | None
    begins: str
    sets: int
    since: datetime | None
    until: datetime | None
    state: str

    def as_dict(self) -> dict[str, Any]:
        """The row for `--json`. Times in UTC."""
        return {
            "timeline": self.timeline,
            "parent": self.parent,
            "begins": self.begins,
            "sets": self.sets,
            "since": self.since.isoformat() if self.since else None,
            "until": self.until.isoformat() if self.until else None,
            "state": self.state,
        }


def rows(sets: Sequence[Manifest], log: KnownLog) -> list[Row]:
    """The timelines of the live cluster, each below the one it branched off from."""
    own = [each for each in sets if each.postgres]
    if not own:
        return []
    # The drawing shows the live line, whichever timeline is asked for.
    live = dataclasses.replace(log, timeline=None)
    found = _rows(lineage(own, live), live)
    return [dataclasses.replace(each, state=f"{each.state}; asked for") if each.timeline == log.timeline else each for each in found]


def _rows(mine: Lineage, log: KnownLog) -> Iterator[Row]:
    histories = mine.cluster.histories
    known = {1, *histories, *(each.postgres.timeline for each in mine.sets if each.postgres), mine.line.timeline}
    parents = {each: histories[each][-1] for each in known if histories.get(each)}
    on_line = {piece.timeline for piece in mine.line.pieces}

    def below(parent: int | None, depth: int) -> Iterator[Row]:
        for timeline in sorted(known):
            switch = parents.get(timeline)
            if (switch.timeline if switch else None) == parent:
                begins = switch.lsn if switch else ("0/0" if timeline == 1 else "?")
                yield _row(timeline, depth, parent, begins, mine, log, on_line)
                yield from below(timeline, depth + 1)

    yield from below(None, 0)


def _row(timeline: int, depth: int, parent: int | None, begins: str, mine: Lineage, log: KnownLog, on_line: set[int]) -> Row:
    there = [each for each in mine.sets if each.postgres and each.postgres.timeline == timeline]
    behind = [each for each in there if timeline in on_line and not mine.line.has(each)]
    moments = sorted(each.moments()["postgres"] for each in there if each not in behind)
    until = moments[-1] if moments else None
    is_live = timeline == mine.line.timeline
    if is_live and log.archived_until and _whole(mine, there, mine.cluster.histories):
        until = log.archived_until
    if is_live:
        state = "live" if log.live else "taken for live"
    elif timeline in on_line:
        state = "leads to the live one"
    else:
        state = f"abandoned: restore by a set's id, or with --timeline {timeline}"
    if behind:
        state += f"; {len(behind)} later sets are abandoned: restore by a set's id, or with --timeline {timeline}"
    return Row(timeline, depth, parent, begins, len(there), moments[0] if moments else None, until, state)


def _whole(mine: Lineage, there: Sequence[Manifest], histories: Mapping[int, History]) -> bool:
    """Whether the WAL after the newest set on the line has no gap."""
    newest = there[-1] if there else (mine.usable[-1] if mine.usable else None)
    if newest is None or mine.cluster.segments is None:
        return False
    found = reach(line_to(mine.line.timeline, histories), newest, mine.cluster.segments)
    return found.missing is None and found.left == mine.line.timeline


def draw(found: Sequence[Row]) -> list[str]:
    """The lines of the drawing; none if no set has PostgreSQL."""
    if not found:
        return []
    heads = ["TIMELINE", "BEGINS", "SETS", "REACHED FOR SURE", ""]
    cells = [heads]
    for each in found:
        branch = "" if each.depth == 0 else "  " * (each.depth - 1) + "└ "
        span = f"{_time(each.since)} to {_time(each.until)}" if each.since and each.until else _time(each.since or each.until)
        if each.until and not each.since:
            span = f"to {_time(each.until)}, from sets of timeline {each.parent}"
        cells.append([f"{branch}{each.timeline}", each.begins, str(each.sets) if each.sets else "none", span or "-", each.state])
    widths = [max(len(row[column]) for row in cells) for column in range(len(heads))]
    return ["  ".join(text.ljust(size) for text, size in zip(row, widths, strict=True)).rstrip() for row in cells]


def _time(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}" if moment else ""
