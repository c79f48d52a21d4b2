"""The audit against the backup sets: each set is signed with the hash of the audit's newest line in it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from backup import audit_lines
from backup.sets import folders
from backup.storage import mirror
from core import lock
from core.errors import PlatformError
from core.terminal import json_text
from core.words import parse_since
from infra.connections import Platform
from security.audit.chain import EMPTY, Chain, Head, Verdict
from security.audit.collect import folder_of
from security.audit.export import export


def anchors(stack: str) -> dict[str, Head]:
    """The audit's heads in the stack's sets, by set."""
    every = folders.list_sets(folder=folders.folder_of(stack))
    return {backup_set.id: Head(backup_set.audit.number, backup_set.audit.hash) for backup_set in every if backup_set.audit}


def show_verdict(stack: str, *, as_json: bool) -> int:
    """Check the audit and print the verdict; returns 2 if a line was changed or removed."""
    chain, known = Chain(folder_of(stack)), anchors(stack)
    verdict = chain.verify(known)
    if as_json:
        document = {"lines": verdict.lines, "head": verdict.head.hash, "anchors": len(known), "faults": list(verdict.faults)}
        print(json_text(document))
    else:
        for fault in verdict.faults:
            print(f"FAULT: {fault}")
        outcome = f"{len(verdict.faults)} faults" if verdict.faults else "none was changed or removed"
        print(f"{verdict.lines} lines, {len(known)} backup sets know the audit of their time: {outcome}")
        print(_proven(chain, verdict, known))
    return 2 if verdict.faults else 0


def recover_lines(platform: Platform, set_id: str) -> str:
    """Bring the audit back from a set, the newest that has it unless one is named; returns what was done."""
    folder = folders.folder_of(platform.stack)
    mirror.refresh(platform, folder)
    with lock.hold(folder, "a recovery of the audit"):
        return audit_lines.summary(*audit_lines.bring_back(platform, folder, set_id=set_id))


def _proven(chain: Chain, verdict: Verdict, known: Mapping[str, Head]) -> str:
    """Up to which line somebody else than this machine's files says what stood there."""
    by_number = sorted(known.items(), key=lambda set_and_head: set_and_head[1].number, reverse=True)
    name, anchor = next(((name, anchor) for name, anchor in by_number if chain.has(anchor)), ("", EMPTY))
    if not name:
        return "no line is proven by a backup set: whoever may write these files could have written all of them anew"
    later = verdict.head.number - anchor.number
    return f"lines up to number {anchor.number} are those that set {name} was signed with; {later} later ones are proven by nothing yet"


def export_lines(stack: str, out: str, begin: str, end: str) -> str:
    """Write a bundle of evidence; returns what was written. Raises PlatformError for times that are none and for an empty bundle."""
    now, target = datetime.now(UTC), Path(out).expanduser()
    first, last = parse_since(begin, now), parse_since(end, now) if end else now
    if first >= last:
        raise PlatformError(what="the time begins after it ends", where="--begin, --end", next_step="give an earlier --begin")
    count = export(Chain(folder_of(stack)), target, first, last, anchors(stack))
    return f"{target}: {count} lines; its proof.py proves that they are complete and unchanged"
