"""Prints backup sets, and turns a task's switches into what `make` takes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from airgap.errors import PlatformError
from backup.model import Kind, Manifest

_UNITS = ("B", "kB", "MB", "GB", "TB")


def kind_of(*, full: bool, incremental: bool) -> Kind | None:
    """The kind asked for; None for what is due.

    Raises PlatformError where both are asked for.
    """
    if full and incremental:
        raise PlatformError(what="a set is full or incremental, not both", where="--full --incremental", next_step="give one of them")
    return "full" if full else "incremental" if incremental else None


def show_made(manifest: Manifest | None, *, as_json: bool) -> None:
    """Print the set that was made, or that none was due."""
    if as_json:
        print(json.dumps(_row(manifest) if manifest else None, indent=2))
    elif manifest is None:
        print("nothing is due; --full or --incremental makes a set all the same")
    else:
        print(_line(manifest))


def show_sets(sets: Sequence[Manifest], *, as_json: bool) -> None:
    """Print the sets, oldest first; an incremental one stands under the full one that it builds on."""
    if as_json:
        print(json.dumps([_row(each) for each in sets], indent=2))
        return
    if not sets:
        print("there is no backup set yet; invoke backup makes one")
    for each in sets:
        print(("  └ " if each.parent else "") + _line(each))


def _row(manifest: Manifest) -> dict[str, Any]:
    return {
        "id": manifest.id,
        "kind": manifest.kind,
        "parent": manifest.parent,
        "stores": list(manifest.stores),
        "started": manifest.started.isoformat(),
        "seconds": round(manifest.duration.total_seconds(), 3),
        "bytes": _size(manifest),
        "made_by": manifest.made_by,
    }


def _line(manifest: Manifest) -> str:
    age = _span(datetime.now(UTC) - manifest.finished)
    took = f"{manifest.duration.total_seconds():.0f} s"
    return f"{manifest.id}  {manifest.kind}  {', '.join(manifest.stores)}  {_bytes(_size(manifest))}  took {took}  {age} old"


def _size(manifest: Manifest) -> int:
    return sum(part.total_bytes for part in manifest.parts.values())


def _bytes(count: float) -> str:
    for unit in _UNITS[:-1]:
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} {_UNITS[-1]}"


def _span(age: timedelta) -> str:
    seconds = max(0.0, age.total_seconds())
    for size, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {name}"
    return f"{seconds:.0f} s"
