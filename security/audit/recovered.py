"""The audit of a machine that lost it: lines from elsewhere first, then what was written here meanwhile, in one chain again."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from core.disk import sync_folder
from core.errors import PlatformError
from security.audit.chain import RECOVERED, Chain, Head, event_of
from security.audit.events import Event


@dataclass(frozen=True, slots=True)
class Recovered:
    """`lines` came back, `added` of this machine's follow them; `aside` has this machine's former files, if it had any."""

    lines: int
    added: int
    aside: Path | None


def recover(folder: Path, lines: Iterable[bytes], head: Head, source: str, now: datetime, *, expected: bool = False) -> Recovered:
    """Make the audit in `folder` begin with `lines`, whose last is `head`; `source` names the set that they are of.

    Lines that are here alone are added after them, in an order and with hashes of their own: nothing proves those. The files that were here
    stay in a folder beside. `expected`: a new machine has none before its restore, so the note of it is no anomaly.

    Interrupted, it is done again. Raises PlatformError if the lines end with another one; nothing is changed then.
    """
    new, aside = folder.with_name(f"{folder.name}.new"), folder.with_name(f"{folder.name}.{now:%Y%m%dT%H%M%SZ}")
    if not folder.exists() and new.exists() and Chain(new).has(head):
        # Killed between the two renames at the end.
        new.rename(folder)
    here = Chain(folder)
    shutil.rmtree(new, ignore_errors=True)
    with here.adding():
        chain = Chain(new)
        known = _write(chain, lines)
        if chain.head() != head:
            raise PlatformError(what="the lines end with another one than they should", where=source, next_step="use another backup set")
        own = [line for line in here.lines() if line["hash"] not in known]
        what = f"after line {head.number}, which is back from set {source} with all before it; {len(own)} lines that were only here follow"
        note = Event(f"{now:%Y-%m-%dT%H:%M:%S.%f}000Z", "audit", "audit", "", RECOVERED, what, "done" if expected else "lost")
        with chain.adding():
            chain.add([note, *(event_of(line) for line in own)], here.positions() or chain.positions(), now)
        had = bool(here.files())
        folder.rename(aside)
        new.rename(folder)
        sync_folder(folder.parent)
    if not had:
        shutil.rmtree(aside)
    return Recovered(len(known), len(own), aside if had else None)


def _write(chain: Chain, lines: Iterable[bytes]) -> set[str]:
    """Write the lines into files by day; returns their hashes. A line stands in the file of its day or of a later one."""
    chain.folder.mkdir(parents=True, mode=0o700)
    hashes, day, opened = set(), "", None
    try:
        for line in lines:
            record = json.loads(line)
            if opened is None or record["time"][:10] > day:
                day = record["time"][:10]
                if opened is not None:
                    opened.close()
                opened = os.fdopen(os.open(chain.folder / f"{day}.jsonl", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
            opened.write(line)
            hashes.add(record["hash"])
    finally:
        if opened is not None:
            opened.close()
    return hashes
