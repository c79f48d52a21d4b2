"""What `accounts.matrix --prove` makes the stores refuse: noted, so that the checks of refusals don't count it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from core.disk import write_whole
from infra.connections import LOCAL

_KEPT = 10


@dataclass(frozen=True, slots=True)
class Caused:
    """What one proof caused between two moments: by store and account, how many refusals the store counted.

    `address` is where the stores saw it come from, "" where none told.
    """

    began: datetime
    ended: datetime
    counts: Mapping[str, Mapping[str, int]]
    address: str = ""


def write(stack: str, caused: Caused) -> None:
    """Add to what is written down; the oldest go."""
    every = [*_read(stack), caused][-_KEPT:]
    text = json.dumps([{**asdict(note), "began": note.began.isoformat(), "ended": note.ended.isoformat()} for note in every])
    write_whole(_file(stack), text)


def of_late(stack: str, store: str, begin: datetime) -> Counter[tuple[str, str]]:
    """How many refusals in a store were caused since `begin`, by account and address."""
    counts: Counter[tuple[str, str]] = Counter()
    for note in _read(stack):
        if note.ended >= begin:
            counts.update({(account, note.address): count for account, count in note.counts.get(store, {}).items()})
    return counts


def spans(stack: str) -> list[tuple[datetime, datetime]]:
    """From when to when each proof that is written down was at work."""
    return [(trial.began, trial.ended) for trial in _read(stack)]


def _read(stack: str) -> list[Caused]:
    """The notes; empty if they can't be read: then the checks report these refusals, and somebody looks."""
    try:
        document = json.loads(_file(stack).read_text(encoding="utf-8"))
        return [
            Caused(datetime.fromisoformat(note["began"]), datetime.fromisoformat(note["ended"]), note["counts"], str(note["address"]))
            for note in document
        ]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _file(stack: str) -> Path:
    return LOCAL / "matrix" / f"{stack}.json"
