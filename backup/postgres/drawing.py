"""A plain-text drawing of PostgreSQL's timelines: where each one branched off, its sets, and its recoverable moments."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from backup.postgres.choice_of_timeline import KnownLog, Lineage, lineage
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
    own = [manifest for manifest in sets if manifest.postgres]
    if not own:
        return []
    # The drawing shows the live line, whichever timeline is asked for.
    live = dataclasses.replace(log, timeline=None)
    timelines = _rows(lineage(own, live), live)
    return [dataclasses.replace(row, state=f"{row.state}; asked for") if row.timeline == log.timeline else row for row in timelines]


def _rows(mine: Lineage, log: KnownLog) -> Iterator[Row]:
    histories = mine.cluster.histories
    known = {1, *histories, *(manifest.postgres.timeline for manifest in mine.sets if manifest.postgres), mine.line.timeline}
    parents = {timeline: histories[timeline][-1] for timeline in known if histories.get(timeline)}
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
    own = [manifest for manifest in mine.sets if manifest.postgres and manifest.postgres.timeline == timeline]
    behind = [manifest for manifest in own if timeline in on_line and not mine.line.has(manifest)]
    moments = sorted(manifest.moments()["postgres"] for manifest in own if manifest not in behind)
    until = moments[-1] if moments else None
    is_live = timeline == mine.line.timeline
    if is_live and log.archived_until and _whole(mine, own, mine.cluster.histories):
        until = log.archived_until
    if is_live:
        state = "live" if log.live else "taken for live"
    elif timeline in on_line:
        state = "leads to the live one"
    else:
        state = f"abandoned: restore by a set's id, or with --timeline {timeline}"
    if behind:
        state += f"; {len(behind)} later sets are abandoned: restore by a set's id, or with --timeline {timeline}"
    return Row(timeline, depth, parent, begins, len(own), moments[0] if moments else None, until, state)


def _whole(mine: Lineage, sets: Sequence[Manifest], histories: Mapping[int, History]) -> bool:
    """Whether the WAL after the newest set on the line has no gap."""
    newest = sets[-1] if sets else (mine.usable[-1] if mine.usable else None)
    if newest is None or mine.cluster.segments is None:
        return False
    reached = reach(line_to(mine.line.timeline, histories), newest, mine.cluster.segments)
    return reached.missing is None and reached.left == mine.line.timeline


def draw(rows: Sequence[Row]) -> list[str]:
    """The lines of the drawing; none if no set has PostgreSQL."""
    if not rows:
        return []
    heads = ["TIMELINE", "BEGINS", "SETS", "REACHED FOR SURE", ""]
    cells = [heads]
    for row in rows:
        branch = "" if row.depth == 0 else "  " * (row.depth - 1) + "└ "
        span = f"{_time(row.since)} to {_time(row.until)}" if row.since and row.until else _time(row.since or row.until)
        if row.until and not row.since:
            span = f"to {_time(row.until)}, from sets of timeline {row.parent}"
        cells.append([f"{branch}{row.timeline}", row.begins, str(row.sets) if row.sets else "none", span or "-", row.state])
    widths = [max(len(line[column]) for line in cells) for column in range(len(heads))]
    return ["  ".join(text.ljust(size) for text, size in zip(line, widths, strict=True)).rstrip() for line in cells]


def _time(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}" if moment else ""
