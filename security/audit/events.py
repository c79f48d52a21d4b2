"""One event of the audit, in the form that all stores share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from christmas.blueprint.accounts import ACCOUNTS, MONITOR
from christmas.blueprint.twin_logins import account_of_login

Outcome = Literal["done", "denied", "lost"]

UNKNOWN_ACCOUNT = "an unknown account"
UNKNOWN_ADDRESS = "an unknown address"
READ = "read"
"""The kind of an action that read a table with sensitive columns; Weaviate's reads have no kind."""

_SERVERS_OWN = ("postgres", "root", "default")
_KNOWN = {account.name for account in ACCOUNTS} | set(_SERVERS_OWN)


@dataclass(frozen=True, slots=True)
class Event:
    """What one account did to one object. It holds no value, parameter, row or secret.

    `time` is Docker's time of the log line (UTC, nanoseconds), `session` the server's number of the session or empty, `count` the number of
    equal events that one collection found; `time` is then that of the first.
    """

    time: str
    store: str
    account: str
    address: str
    action: str
    object: str
    outcome: Outcome
    session: str = ""
    count: int = 1

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def account_of(name: str) -> str:
    """The account that a store names, by either of its logins.

    A name that the blueprint does not have is not kept: it may be a password typed into the wrong field.
    """
    account = account_of_login(name)
    return account if account in _KNOWN else UNKNOWN_ACCOUNT


def _watches(event: Event) -> bool:
    """Whether the account that watches came or went: Prometheus' exporter does so at every look, each time in a new session (0707)."""
    return event.account == MONITOR.name and event.action in {"login", "logout"} and event.outcome == "done"


def counted(events: Iterable[Event]) -> list[Event]:
    """Equal events of one session as one, in the order of their first time; of the watching account, logins of all sessions."""
    first: dict[Event, int] = {}
    times: dict[Event, str] = {}
    for event in events:
        key = replace(event, time="", count=1, session="" if _watches(event) else event.session)
        times.setdefault(key, event.time)
        first[key] = first.get(key, 0) + event.count
    return sorted((replace(key, time=times[key], count=count) for key, count in first.items()), key=lambda event: event.time)
