"""Events in Weaviate's log: each decision of its authorization."""

from __future__ import annotations

import json
import re

from security.audit.events import UNKNOWN_ADDRESS, Event, account_of

STORE = "weaviate"

_ACTIONS = {"C": "create", "R": "read", "U": "update", "D": "delete", "A": "assign", "E": "execute"}
_PART = re.compile(r"([A-Za-z]+): ?([^,\]]*)")
# Names of objects may be anything that a client sends; these parts say of what kind it is, and which collection, role or user.
_KEPT = ("Domain", "Collection", "Role", "User", "Alias", "Verbosity")


def event_of(time: str, line: bytes) -> Event | None:
    """The decision that a line of the log reports, if it reports one."""
    if b'"authoriz' not in line:
        return None
    try:
        said = json.loads(line)
    except ValueError:
        return None
    if said.get("action") != "authorize" and said.get("msg") != "authorization denied":
        return None
    permissions = said.get("permissions") or []
    denied = said.get("msg") == "authorization denied" or any(str(permission.get("results")) != "success" for permission in permissions)
    resource = str(said.get("resource") or next((permission.get("resource") for permission in permissions), ""))
    action = str(said.get("request_action") or said.get("perm") or "access")
    parts = [
        f"{name.lower()} {value.strip()}" for name, value in _PART.findall(resource) if name in _KEPT and value.strip() not in ("", "*")
    ]
    return Event(
        time,
        STORE,
        account_of(str(said.get("user"))),
        str(said.get("source_ip") or UNKNOWN_ADDRESS),
        _ACTIONS.get(action, action),
        ", ".join(parts) or "everything",
        "denied" if denied else "done",
    )
