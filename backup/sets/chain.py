"""The sets as chains: each full set with those that build on it, and their marks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from backup.sets.marks import Marks
from backup.sets.model import STORES, Manifest
from core.words import size_text, span_text, unproven_lines

WIDE = 100
_NEVER = "-"


@dataclass(frozen=True, slots=True)
class Link:
    """One set in its chain. `depth` is 0 for a full set; `root` the chain's full set; `lost` the missing parent."""

    manifest: Manifest
    root: str
    depth: int
    last: bool
    lost: str | None = None


def chains(sets: Sequence[Manifest]) -> list[Link]:
    """The sets, chain by chain, oldest first. A set without its parent begins a chain of its own and has `lost`."""
    by_id = {manifest.id: manifest for manifest in sets}
    members: dict[str, list[Manifest]] = {}
    for manifest in sets:
        members.setdefault(_root(manifest, by_id), []).append(manifest)
    links = []
    for root, chain in members.items():
        for place, manifest in enumerate(chain):
            lost = manifest.parent if manifest.parent and manifest.parent not in by_id else None
            links.append(Link(manifest, root, 0 if manifest.id == root else 1, place == len(chain) - 1, lost))
    return links


def _root(manifest: Manifest, by_id: Mapping[str, Manifest]) -> str:
    seen = {manifest.id}
    while (parent := by_id.get(manifest.parent or "")) and parent.id not in seen:
        manifest = parent
        seen.add(manifest.id)
    return manifest.id


def table(sets: Sequence[Manifest], marks: Mapping[str, Marks], places: Mapping[str, str], now: datetime, *, width: int) -> list[str]:
    """The lines of `backup.list`: the most important columns fit in 80 characters, all of them in `WIDE`.

    `places` has the place of each set, by id.
    """
    wide = width >= WIDE
    heads = ["SET", "SIZE", "AGE", "VERIFIED", "DRILLED", *(("TOOK", "DUMP", "STORES", "PLACE") if wide else ("STORES",))]
    rows = [heads, *(_cells(link, marks.get(link.manifest.id, Marks()), places, now, wide) for link in chains(sets))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
    # Align figures right, words left.
    right = {"SIZE", "AGE", "VERIFIED", "DRILLED", "TOOK"}
    lines = []
    for row in rows:
        cells = [text.rjust(size) if head in right else text.ljust(size) for text, size, head in zip(row, widths, heads, strict=True)]
        lines.append("  ".join(cells).rstrip())
    notes = [f"{link.manifest.id} builds on {link.lost}, which is missing" for link in chains(sets) if link.lost]
    total = size_text(sum(manifest.total_bytes for manifest in sets))
    where = "" if wide else f" in {', '.join(sorted(set(places.values())))}"
    if sets and (unproven := sets[-1].unproven):
        notes += [f"{sets[-1].id}, the newest:", *(f"  {line}" for line in unproven_lines(unproven))]
    dumps = (
        ["DUMP: pg_dump's backup, from the live server, from a drill's copy, or awaited: invoke backup.drill SET makes it"] if wide else []
    )
    return [*lines, *notes, f"{len(sets)} sets, {total}{where}", "VERIFIED, DRILLED: how long ago, with nothing wrong found", *dumps]


def _cells(link: Link, marks: Marks, places: Mapping[str, str], now: datetime, wide: bool) -> list[str]:
    manifest = link.manifest
    branch = "" if link.depth == 0 else ("└ " if link.last else "├ ")
    stores = "all" if set(manifest.stores) == set(STORES) else ", ".join(manifest.stores)
    took = span_text(manifest.duration)
    return [
        branch + manifest.id,
        size_text(manifest.total_bytes),
        span_text(now - manifest.finished),
        _ago(marks.verified, now),
        _ago(marks.drilled, now),
        *((took, _logical(manifest), stores, places.get(manifest.id, "")) if wide else (stores,)),
    ]


def _logical(manifest: Manifest) -> str:
    """Where the set's logical backup of PostgreSQL is from."""
    part = manifest.postgres
    if part is None or (part.logical is None and not part.awaits_logical):
        return _NEVER
    return "awaited" if part.awaits_logical else part.logical_from


def _ago(moment: datetime | None, now: datetime) -> str:
    return span_text(now - moment) if moment else _NEVER


def rows(sets: Sequence[Manifest], marks: Mapping[str, Marks], places: Mapping[str, str]) -> list[dict[str, Any]]:
    """The rows for `--json`, chain by chain, each set with its chain's full set. Times in UTC, ISO 8601."""
    listed = []
    for link in chains(sets):
        marked = marks.get(link.manifest.id, Marks())
        listed.append(
            row(link.manifest)
            | {
                "chain": link.root,
                "parent_missing": link.lost is not None,
                "verified": marked.verified.isoformat() if marked.verified else None,
                "drilled": marked.drilled.isoformat() if marked.drilled else None,
                "place": places.get(link.manifest.id, ""),
            }
        )
    return listed


def row(manifest: Manifest) -> dict[str, Any]:
    """One set for `--json`: sizes in bytes, durations in seconds."""
    return {
        "id": manifest.id,
        "kind": manifest.kind,
        "parent": manifest.parent,
        "stores": list(manifest.stores),
        "started": manifest.started.isoformat(),
        "seconds": round(manifest.duration.total_seconds(), 3),
        "bytes": manifest.total_bytes,
        "bytes_by_store": {store: part.total_bytes for store, part in manifest.parts.items()},
        "made_by": manifest.made_by,
        "logical": manifest.postgres.logical if manifest.postgres else None,
        "logical_from": _logical(manifest),
        "counted": manifest.postgres.counted if manifest.postgres else 0,
        "taken_over": manifest.postgres.taken_over if manifest.postgres else 0,
        "unlogged_changes": list(manifest.postgres.unlogged_changes) if manifest.postgres else [],
        "unproven": [finding.model_dump(mode="json") for finding in manifest.unproven],
    }
