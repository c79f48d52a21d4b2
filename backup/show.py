"""Prints backup sets, and turns a task's switches into what `make` takes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airgap.errors import PlatformError
from backup.model import Kind, Manifest

if TYPE_CHECKING:
    from backup.drill import Report
    from backup.prune import Pruned
    from backup.restore import Restored
    from backup.verify import Verdict

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


def show_verdicts(verdicts: Sequence[Verdict], *, as_json: bool) -> int:
    """Print what was found in each set; returns the exit code: 2 where a set is no good."""
    if as_json:
        print(json.dumps([{**asdict(each), "good": each.good} for each in verdicts], indent=2))
    for each in () if as_json else verdicts:
        print(f"{'good   ' if each.good else 'DAMAGED'} {each.set_id}  {each.files} files, {_bytes(each.bytes)}, {each.seconds:.1f} s")
        print("".join(f"          {fault}\n" for fault in each.faults), end="")
    if not verdicts and not as_json:
        print("there is no backup set yet; invoke backup makes one")
    return 0 if all(each.good for each in verdicts) else 2


def show_drill(report: Report, *, as_json: bool) -> int:
    """Print a drill's report; returns the exit code: 2 where it failed."""
    from backup.drill import describe

    print(json.dumps(report.as_dict(), indent=2, ensure_ascii=False) if as_json else describe(report))
    return 0 if report.passed else 2


def show_restored(restored: Restored, *, as_json: bool) -> None:
    """Print what a restore did, or would do."""
    if as_json:
        print(json.dumps(restored.as_dict(), indent=2))
        return
    took = "" if restored.seconds is None else f", {'about ' if restored.dry_run else ''}{restored.seconds:.0f} s"
    print(f"{'would restore' if restored.dry_run else 'restored'} to {restored.target} into {restored.into}{took}")
    for store, each in restored.stores.items():
        print(f"  {store:<9} shows {each['shows']}, from {each['set']}; {each['seconds_lost']:.0f} s of writes are not in it")
    if restored.connections:
        print(f"  connections: {restored.connections}")


def show_pruned(pruned: Pruned, *, as_json: bool) -> None:
    """Print what pruning removed, or would, and why the rest stays."""
    if as_json:
        print(json.dumps(pruned.as_dict(), indent=2))
        return
    verb = "would remove" if pruned.dry_run else "removed"
    print(f"{verb} {len(pruned.removed)} sets ({_bytes(pruned.bytes)}), {len(pruned.labels)} physical backups without a set")
    for set_id in pruned.removed:
        print(f"  goes   {set_id}")
    for set_id, reason in pruned.kept.items():
        print(f"  stays  {set_id}  {reason}")


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
