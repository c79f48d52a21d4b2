"""The audit's lines in backup sets: kept, proven, and brought back to a machine that lost them.

A full set has all lines that there are, an incremental one those since its parent. The signature covers their last hash, and so all of
them. docs/adr/0024.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from backup.sets import folders
from backup.sets.files import SetFiles, SetFolder, write_hashed
from backup.sets.model import AuditHead, Manifest
from backup.storage.sources import files_of, source_of
from core.errors import PlatformError
from core.progress import Progress
from infra.connections import Platform
from security.audit.chain import EMPTY, Chain, Head, verify_lines
from security.audit.collect import folder_of
from security.audit.recovered import Recovered, recover

PATH = "audit/lines.jsonl"


def keep(platform: Platform, folder: Path, parent: Manifest | None, target: SetFolder, progress: Progress) -> AuditHead | None:
    """Put the audit's new lines into a set that is being made; None where there is no audit.

    The signature of a set covers the audit of its time: an audit that was written anew is then found. One that is gone, as on a machine
    after a lost one, is brought back first: sets of another chain would name its lines as missing ever after.
    """
    bring_back_lost(platform, folder, progress)
    chain = Chain(folder_of(platform.stack))
    head = chain.head()
    if not head.number:
        return None
    known = parent.audit if parent and parent.audit and parent.audit.files else None
    # Where the chain doesn't go on from the parent's, as after one was lost, the set has to stand for itself.
    after = Head(known.number, known.hash) if known and chain.has(Head(known.number, known.hash)) else EMPTY
    record = write_hashed(target, PATH, chain.raw(after, head))
    return AuditHead(number=head.number, hash=head.hash, files=(record,), after=after.number)


def bring_back_lost(platform: Platform, folder: Path, progress: Progress, *, expected: bool = False) -> None:
    """Bring the audit back if it is lost; where that fails, it is told and left to a person. `expected` as in `recover`."""
    if lost(platform.stack, folders.list_sets(folder=folder)):
        try:
            said = summary(*bring_back(platform, folder, expected=expected))
        except PlatformError as error:
            said = f"the audit is not brought back: {error.what}; see invoke audit.verify"
        progress.log(said)


def faults(files: SetFiles, manifest: Manifest, every: Sequence[Manifest]) -> list[str]:
    """What is wrong with a set's lines: that they don't lead from its parent's last one to the one that the set is signed with."""
    known = manifest.audit
    if known is None or not known.files:
        return []
    before = _parent(manifest, every).audit if known.after else None
    verdict = verify_lines(_lines(files), Head(before.number, before.hash) if before else None)
    problems = [f"audit: {fault}" for fault in verdict.faults]
    if verdict.lines and verdict.head != Head(known.number, known.hash):
        problems.append(f"audit: its last line is number {verdict.head.number}, and not the one that the set is signed with")
    return problems


def newest(every: Sequence[Manifest]) -> Manifest | None:
    """The newest set that has the audit's lines."""
    return next((manifest for manifest in reversed(every) if manifest.audit and manifest.audit.files), None)


def lost(stack: str, every: Sequence[Manifest]) -> bool:
    """Whether the audit here has no line that any set knows, although sets have lines: another machine's, or one that was removed."""
    chain = Chain(folder_of(stack))
    anchors = [Head(backup_set.audit.number, backup_set.audit.hash) for backup_set in reversed(every) if backup_set.audit]
    return newest(every) is not None and not any(chain.has(anchor) for anchor in anchors)


def bring_back(platform: Platform, folder: Path, *, set_id: str = "", expected: bool = False) -> tuple[Manifest, Recovered]:
    """Bring the audit back from the newest set that has it, or from a named one. What is here and not in the set follows the set's lines.

    Raises PlatformError if no set has it, or a set's lines are not those that it was signed with; nothing is changed then.
    """
    every = folders.list_sets(folder=folder)
    chosen = folders.choose(every, set_id, folder) if set_id else newest(every)
    if chosen is None or not (chosen.audit and chosen.audit.files):
        raise PlatformError(
            what="no backup set has the audit's lines", where=str(folder), next_step="sets of this version have them: invoke backup"
        )
    source = source_of(platform, folder)
    links = _links(chosen, every)
    for link in links:
        if chain_faults := faults(files_of(platform, source, link), link, every):
            raise PlatformError(
                what=f"the audit in set {link.id} is not whole: {chain_faults[0]}",
                where=source.where,
                next_step="name an earlier set: invoke audit.recover --set ID; invoke backup.verify tells which are good",
            )
    lines = (line for link in links for line in _lines(files_of(platform, source, link)))
    head = Head(chosen.audit.number, chosen.audit.hash)
    return chosen, recover(folder_of(platform.stack), lines, head, chosen.id, datetime.now(UTC), expected=expected)


def summary(chosen: Manifest, recovered: Recovered) -> str:
    """What was brought back, in words."""
    aside = f"; the files that were here: {recovered.aside}" if recovered.aside else ""
    return f"audit: {recovered.lines} lines are back from set {chosen.id}, {recovered.added} of this machine follow them{aside}"


def _links(manifest: Manifest, every: Sequence[Manifest]) -> list[Manifest]:
    """The sets whose lines lead to this one's last: the one with all lines first."""
    links = [manifest]
    while links[0].audit and links[0].audit.after:
        links.insert(0, _parent(links[0], every))
    return links


def _parent(manifest: Manifest, every: Sequence[Manifest]) -> Manifest:
    parent = next((backup_set for backup_set in every if backup_set.id == manifest.parent), None)
    if parent is None or parent.audit is None:
        raise PlatformError(what=f"its parent {manifest.parent} is missing", where=f"set {manifest.id}", next_step="use another set")
    return parent


def _lines(files: SetFiles) -> Iterator[bytes]:
    with files.open(PATH) as opened:
        yield from opened
