"""Prints backup sets, and turns a task's options into the arguments of `make`."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from backup.postgres.drawing import Row, draw
from backup.sets import chain
from backup.sets.marks import Marks
from backup.sets.model import Logical, Manifest, SetKind
from core.errors import PlatformError
from core.terminal import json_text
from core.words import size_text, span_text, unproven_lines
from infra.backup_places import FIRST

if TYPE_CHECKING:
    from backup.drill import Report
    from backup.prune import Pruned
    from backup.restoring.outcome import RestoreOutcome
    from backup.verify import Verdict
    from backup.weaviate.portable.load import Imported


def logical_of(text: str) -> Logical:
    """What the logical backup is taken from, of a task's option: the live server by default.

    Raises PlatformError for anything else.
    """
    if text not in ("", "live", "copy"):
        raise PlatformError(what=f"{text!r} is neither live nor copy", where="--logical", next_step="copy: the set's next drill makes it")
    return "copy" if text == "copy" else "live"


def kind_of(*, full: bool, incremental: bool) -> SetKind | None:
    """The kind asked for; None for whatever is due.

    Raises PlatformError if both are asked for.
    """
    if full and incremental:
        raise PlatformError(what="a set is full or incremental, not both", where="--full --incremental", next_step="give one of them")
    return "full" if full else "incremental" if incremental else None


def show_made(manifest: Manifest | None, *, as_json: bool) -> None:
    """Print the new set, or that none was due."""
    if as_json:
        print(json_text(chain.row(manifest) if manifest else None))
    elif manifest is None:
        print("nothing is due; --full or --incremental makes a set all the same")
    else:
        print("\n".join([_line(manifest), *_counted(manifest), *(f"  {line}" for line in unproven_lines(manifest.unproven))]))


def show_sets(sets: Sequence[Manifest], marks: Mapping[str, Marks], places: Mapping[str, str], *, as_json: bool) -> None:
    """Print the sets as chains, oldest first, with their marks; lines in a pipe are as long as necessary."""
    if as_json:
        print(json_text(chain.rows(sets, marks, places)))
    elif not sets:
        print("there is no backup set yet; invoke backup makes one")
    else:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else chain.WIDE
        print("\n".join(chain.table(sets, marks, places, datetime.now(UTC), width=width)))


def show_timelines(rows: Sequence[Row], *, as_json: bool) -> None:
    """Print the timelines of PostgreSQL's WAL, if they are known."""
    if rows and not as_json:
        print("\n".join(["", *draw(rows)]))


def show_imported(imported: Imported, *, as_json: bool) -> None:
    """Print the result of an import of a portable dump."""
    if as_json:
        print(json_text(imported))
        return
    print(f"imported {imported.set_id} into {imported.url}: {sum(imported.collections.values())} objects")
    for name, rows in imported.collections.items():
        print(f"  {name}  {rows} objects")
    print(f"  aliases: {', '.join(imported.aliases) or 'none'}")
    print(f"  roles: {', '.join(imported.roles) or 'none'}")
    print(f"  users: {', '.join(imported.users) or 'none'}" + (f", new keys in {imported.keys_file}" if imported.keys_file else ""))
    for line in imported.left_out:
        print(f"  left out: {line}")


def show_verdicts(verdicts: Sequence[Verdict], *, as_json: bool) -> int:
    """Print the verdict on each set; returns the exit code: 2 if a set is damaged."""
    if as_json:
        print(json_text([{**asdict(verdict), "good": verdict.good} for verdict in verdicts]))
    for verdict in () if as_json else verdicts:
        at = "" if verdict.place == FIRST else f" at {verdict.place}"
        result = "good   " if verdict.good else "DAMAGED"
        print(f"{result} {verdict.set_id}{at}  {verdict.files} files, {size_text(verdict.bytes)}, {verdict.seconds:.1f} s")
        print("".join(f"          {line}\n" for line in (*verdict.faults, *unproven_lines(verdict.unproven))), end="")
    if not verdicts and not as_json:
        print("there is no backup set yet; invoke backup makes one")
    return 0 if all(verdict.good for verdict in verdicts) else 2


def show_drill(report: Report, *, as_json: bool) -> int:
    """Print a drill's report; returns the exit code: 2 if it failed."""
    from backup.drill import describe

    print(json_text(report.as_dict()) if as_json else describe(report))
    return 0 if report.passed else 2


def show_restored(restored: RestoreOutcome, *, as_json: bool) -> None:
    """Print what a restore did or would do."""
    if as_json:
        print(json_text(restored.as_dict()))
        return
    took = "" if restored.seconds is None else f", {'about ' if restored.dry_run else ''}{restored.seconds:.0f} s"
    print(f"{'would restore' if restored.dry_run else 'restored'} to {restored.target} into {restored.into}{took}")
    for store, outcome in restored.stores.items():
        lost = outcome["seconds_lost"]
        left = f"{lost:.0f} s of writes are not in it" if lost is not None else f"lost writes unknown: {outcome['unknown']}"
        print(f"  {store:<9} shows {outcome['shows']}, from {outcome['set']}; {left}")
        if outcome.get("last_commit"):
            print(f"  {'':<9} replayed up to {outcome['replayed_to']}; its last commit was at {outcome['last_commit']}")
        for note in outcome.get("notes", ()):
            print(f"  {'':<9} {note}")
    if restored.dry_run and restored.timelines:
        print("\n".join(["", *draw(restored.timelines)]))
    if restored.connections:
        print(f"  connections: {restored.connections}")


def show_pruned(pruned: Pruned, *, as_json: bool) -> None:
    """Print what pruning removed or would remove, and why other sets stay."""
    if as_json:
        print(json_text(pruned.as_dict()))
        return
    verb = "would remove" if pruned.dry_run else "removed"
    print(f"{verb} {len(pruned.removed)} sets ({size_text(pruned.bytes)}), {len(pruned.labels)} physical backups without a set")
    for set_id in pruned.removed:
        print(f"  goes   {set_id}")
    for set_id, reason in pruned.staying.items():
        print(f"  stays  {set_id}  {reason}")


def _line(manifest: Manifest) -> str:
    age = span_text(datetime.now(UTC) - manifest.finished)
    took = span_text(manifest.duration)
    return f"{manifest.id}  {manifest.kind}  {', '.join(manifest.stores)}  {size_text(manifest.total_bytes)}  took {took}  {age} old"


def _counted(manifest: Manifest) -> list[str]:
    """How much of PostgreSQL was counted for the set, and what was found that the log didn't have."""
    part = manifest.postgres
    if part is None or not part.counted + part.taken_over:
        return []
    lines = [f"  counted: {part.counted} relations; {part.taken_over} are unchanged by the log since an earlier set"]
    if part.awaits_logical:
        lines.append(f"  logical backup: made by a drill of it, invoke backup.drill {manifest.id}")
    return lines + [f"  CHANGED WITHOUT THE LOG: {name}" for name in part.unlogged_changes]
