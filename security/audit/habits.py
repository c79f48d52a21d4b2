"""Each account's habits: learned from the audit's earlier days, and stored for each finished day, so that it is read once."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from core.disk import write_whole
from security.audit.chain import Chain, events_of
from security.audit.events import READ, Event

_FOLDER = "habits"
_FORM = 1


@dataclass(slots=True)
class Habits:
    """What is ordinary for one account in one store: the days of each address and hour of the day, and its events and reads in each hour.

    Reads are those of tables with sensitive columns.
    """

    addresses: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    hours: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    events: Counter[str] = field(default_factory=Counter)
    reads: Counter[str] = field(default_factory=Counter)

    @property
    def days(self) -> int:
        """Days on which it was at work."""
        return len({hour[:10] for hour in self.events})

    def days_around(self, hour: int) -> int:
        """Days on which it was at work within an hour of that hour of the day."""
        return len(set().union(*(self.hours.get((hour + other) % 24, set()) for other in (-1, 0, 1))))

    def note(self, event: Event) -> None:
        """Learn from an event that was carried out."""
        self.addresses[event.address].add(event.time[:10])
        self.hours[int(event.time[11:13])].add(event.time[:10])
        self.events[event.time[:13]] += event.count
        if reads(event):
            self.reads[event.time[:13]] += event.count

    def join(self, other: Habits) -> None:
        """Learn what the other one knows."""
        for address, days in other.addresses.items():
            self.addresses[address] |= days
        for hour, days in other.hours.items():
            self.hours[hour] |= days
        self.events.update(other.events)
        self.reads.update(other.reads)


Everybodys = dict[tuple[str, str], Habits]
"""The habits of every account, by store and account."""


def reads(event: Event) -> bool:
    """Whether an event is a read of a table with sensitive columns."""
    return event.store == "postgresql" and event.action.startswith(f"{READ}: ")


def busiest(counts: Mapping[str, int]) -> int:
    """The count of the busiest hour. One hour of a hundred is left out: an earlier attack must not become a habit."""
    ordered = sorted(counts.values())
    if len(ordered) < 2:
        return sum(ordered)
    return ordered[len(ordered) * 99 // 100 - 1]


def habits(history: Iterable[Event]) -> Everybodys:
    """The habits of all accounts, from the events of a time."""
    by_account: Everybodys = defaultdict(Habits)
    for event in history:
        if event.outcome == "done":
            by_account[event.store, event.account].note(event)
    return by_account


def before(chain: Chain, begin: datetime, border: datetime) -> Everybodys:
    """The habits in the audit from the day of `begin` until `border`.

    What a finished day tells is kept beside the audit, and read again only where its file has another size.
    """
    by_account: Everybodys = defaultdict(Habits)
    first, last = f"{begin:%Y-%m-%d}.jsonl", f"{border:%Y-%m-%d}.jsonl"
    end = f"{border:%Y-%m-%dT%H:%M:%S}"
    for summary in (chain.folder / _FOLDER).glob("*.json"):
        if not (chain.folder / f"{summary.stem}.jsonl").exists():
            summary.unlink(missing_ok=True)
    for file in chain.files():
        if file.name < first:
            continue
        day = _of_day(file) if file.name < last else habits(event for event in events_of(file) if event.time < end)
        for who, own in day.items():
            by_account[who].join(own)
    return by_account


def _of_day(file: Path) -> Everybodys:
    summary, size = file.parent / _FOLDER / f"{file.stem}.json", file.stat().st_size
    try:
        read = json.loads(summary.read_bytes())
        if (read["form"], read["size"]) == (_FORM, size):
            return {(entry["store"], entry["account"]): _read(entry) for entry in read["accounts"]}
    except (OSError, ValueError, KeyError, TypeError):
        pass  # missing or incomplete: learn it again
    learned = habits(events_of(file))
    document = {"form": _FORM, "size": size, "accounts": [_written(*who, own) for who, own in learned.items()]}
    summary.parent.mkdir(exist_ok=True, mode=0o700)
    write_whole(summary, json.dumps(document, ensure_ascii=False))
    return learned


def _written(store: str, account: str, own: Habits) -> dict[str, Any]:
    return {
        "store": store,
        "account": account,
        "addresses": {address: sorted(days) for address, days in own.addresses.items()},
        "hours": {hour: sorted(days) for hour, days in own.hours.items()},
        "events": own.events,
        "reads": own.reads,
    }


def _read(entry: Mapping[str, Any]) -> Habits:
    return Habits(
        defaultdict(set, {str(address): set(days) for address, days in entry["addresses"].items()}),
        defaultdict(set, {int(hour): set(days) for hour, days in entry["hours"].items()}),
        Counter(entry["events"]),
        Counter(entry["reads"]),
    )
