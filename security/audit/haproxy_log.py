"""Events in the log of what stands in front of Weaviate: the requests that it refused. What it lets through, Weaviate logs."""

from __future__ import annotations

import json

from christmas.blueprint.services import HAPROXY
from security.audit.events import UNKNOWN_ACCOUNT, UNKNOWN_ADDRESS, Event, account_of
from security.audit.weaviate_log import STORE

SERVICE = HAPROXY.name
_REFUSED = (401, 403)


def event_of(time: str, line: bytes) -> Event | None:
    """The refusal that a line of the log reports, if it reports one: of an unknown key, or one from outside its account's networks."""
    if not line.startswith(b'{"address"'):
        return None
    try:
        said = json.loads(line)
    except ValueError:
        return None
    if said.get("status") not in _REFUSED:
        return None
    account = account_of(said["account"]) if said.get("account") else UNKNOWN_ACCOUNT
    return Event(time, STORE, account, str(said["address"] or UNKNOWN_ADDRESS), "login", str(said.get("asked")), "denied")
