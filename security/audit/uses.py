"""How much each account did: the audit's events, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from security.audit.events import Event


@dataclass(frozen=True, slots=True)
class AccountUse:
    """One account's events: how many, and how many were refused."""

    account: str
    events: int
    refused: int


def uses_of(events: Iterable[Event]) -> list[AccountUse]:
    """Each account's events, the busiest first. An event may stand for several of its kind."""
    counts: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for event in events:
        counts[event.account] += event.count
        refused[event.account] += event.count if event.outcome == "denied" else 0
    return [AccountUse(account, count, refused[account]) for account, count in counts.most_common()]
