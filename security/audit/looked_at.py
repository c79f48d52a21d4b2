"""That somebody looked at the anomalies: a line of the audit itself. The check reports what came after it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from getpass import getuser

from security.audit.anomalies import moment
from security.audit.chain import Chain
from security.audit.events import Event

_STORE = "audit"
_ACTION = "look at anomalies"


def mark(chain: Chain, at: datetime) -> None:
    """Note that whoever runs this looked at what was until then. Raises PlatformError if the audit can't be written."""
    event = Event(f"{at:%Y-%m-%dT%H:%M:%S.%f}000Z", _STORE, _STORE, "", _ACTION, f"of the time until then, by {_user()}", "done")
    with chain.adding():
        chain.add([event], chain.positions())


def last(events: Iterable[Event], begin: datetime) -> datetime:
    """When somebody looked last by the events since `begin`; `begin` if nobody has."""
    times = (moment(event.time) for event in events if (event.store, event.action) == (_STORE, _ACTION))
    return max(times, default=begin)


def _user() -> str:
    try:
        return getuser()
    except (KeyError, OSError):
        return "a user without a name"
