"""Drawings of the page, as SVG without a script or a style of their own: their colours are the page's classes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from html import escape
from typing import Any

from backup.sets.model import Manifest
from core.words import size_text, span_text

_WIDTH = 720
_LEFT, _RIGHT = 96, 28
_ROW = 34


def chain_of_sets(sets: Sequence[Manifest], drills: Sequence[dict[str, Any]], now: datetime, days: int) -> str:
    """Backup sets and drills in time: a line for full sets, for incremental ones, and for drills. A set hangs on its parent by a line."""
    rows = {"full": 1, "incremental": 2, "drills": 3}
    height = _ROW * 4 + 20
    begin = now - timedelta(days=days)

    def across(moment: datetime) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * max(0.0, (moment - begin) / (now - begin))

    parts = [_begin("sets", f"{len(sets)} backup sets and {len(drills)} drills in {days} days", height)]
    for name, row in rows.items():
        parts.append(f'<text x="0" y="{row * _ROW + 5}" class="axis">{name}</text>')
        parts.append(f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{row * _ROW}" y2="{row * _ROW}" class="grid"/>')
    places = {manifest.id: (across(manifest.finished), rows[manifest.kind] * _ROW) for manifest in sets}
    for manifest in sets:
        x, y = places[manifest.id]
        if manifest.parent in places:
            from_x, from_y = places[str(manifest.parent)]
            parts.append(f'<line x1="{from_x:.1f}" y1="{from_y}" x2="{x:.1f}" y2="{y}" class="link"/>')
    for manifest in sets:
        x, y = places[manifest.id]
        text = f"{manifest.id}, {size_text(manifest.total_bytes)} in {span_text(manifest.duration)}"
        size = 7 if manifest.kind == "full" else 4
        parts.append(f'<circle cx="{x:.1f}" cy="{y}" r="{size}" class="set"><title>{escape(text)}</title></circle>')
    for report in drills:
        x, y = across(datetime.fromisoformat(report["started"])), rows["drills"] * _ROW
        outcome = "ok" if report["passed"] else "critical"
        text = f"{report['id']}: {'passed' if report['passed'] else 'FAILED'}, every store answered after {report['restore_seconds']:.0f} s"
        shape = f"M{x - 6:.1f} {y + 6} L{x:.1f} {y - 6} L{x + 6:.1f} {y + 6} Z"
        parts.append(f'<path d="{shape}" class="mark {outcome}"><title>{escape(text)}</title></path>')
    parts += _days(begin, now, height)
    return "\n".join([*parts, "</svg>"])


def runs_of_checks(runs: Sequence[dict[str, Any]], now: datetime, days: int) -> str:
    """The worst status of the checks in time: a stripe for each recorded run, a gap where none was recorded."""
    height = 64
    begin = now - timedelta(days=days)
    parts = [
        _begin("runs", f"{len(runs)} recorded runs of the checks in {days} days", height),
        '<text x="0" y="26" class="axis">checks</text>',
        f'<rect x="{_LEFT}" y="8" width="{_WIDTH - _LEFT - _RIGHT}" height="26" class="empty"/>',
    ]
    # Runs of the same status that follow one another are one stripe: thirty days have thousands.
    stripes: list[tuple[datetime, datetime, str]] = []
    for run in runs:
        at = datetime.fromisoformat(run["at"])
        if stripes and stripes[-1][2] == run["status"] and at - stripes[-1][1] < timedelta(hours=1):
            stripes[-1] = (stripes[-1][0], at, run["status"])
        else:
            stripes.append((at, at, run["status"]))
    width = _WIDTH - _LEFT - _RIGHT
    for first, last, status in stripes:
        x = _LEFT + width * max(0.0, (first - begin) / (now - begin))
        wide = max(1.5, width * ((last - first) / (now - begin)))
        text = f"{status} from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC"
        parts.append(f'<rect x="{x:.1f}" y="8" width="{wide:.1f}" height="26" class="mark {escape(status)}"><title>{text}</title></rect>')
    parts += _days(begin, now, height)
    return "\n".join([*parts, "</svg>"])


def _begin(name: str, title: str, height: int) -> str:
    """The first tag of a drawing, with its title."""
    return f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-labelledby="{name}-title"><title id="{name}-title">{title}</title>'


def _days(begin: datetime, now: datetime, height: int) -> list[str]:
    """Dates below a drawing, a week apart."""
    labels = []
    for back in range(0, (now - begin).days + 1, 7):
        moment = now - timedelta(days=back)
        x = _LEFT + (_WIDTH - _LEFT - _RIGHT) * ((moment - begin) / (now - begin))
        labels.append(f'<text x="{x:.1f}" y="{height - 4}" class="axis date">{moment:%m-%d}</text>')
    return labels
