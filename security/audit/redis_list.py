"""Events in Redis' list of refusals (ACL LOG). Redis records nothing of what it carried out: docs/adr/0019."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from security.audit.events import UNKNOWN_ADDRESS, Event, account_of

STORE = "redis"
Seen = dict[str, int]
"""By the number of an entry, how many refusals of it are already in the audit."""


def events_of(entries: Iterable[Mapping[str, Any]], seen: Seen) -> tuple[list[Event], Seen]:
    """Refusals that the audit does not have yet, and what it has then. One entry counts equal refusals of a minute."""
    events, now_seen = [], {}
    for entry in entries:
        number, count = str(entry["entry-id"]), int(entry["count"])
        now_seen[number] = count
        new = count - seen.get(number, 0)
        if new <= 0 or asked_by_exporter(entry):
            continue
        client = client_of(entry)
        login = entry["reason"] == "auth"
        moment = datetime.fromtimestamp(int(entry["timestamp-last-updated"]) / 1000, UTC)
        events.append(
            Event(
                time=f"{moment:%Y-%m-%dT%H:%M:%S.%f}000Z",
                store=STORE,
                account=account_of(str(entry["username"])),
                address=address_of(entry) or UNKNOWN_ADDRESS,
                action="login" if login else f"{entry['reason']}: {_command(entry)}",
                # A key's or channel's name may contain what a client typed: the command is enough.
                object="server" if login else str(entry["context"]),
                outcome="denied",
                session=client.get("id", ""),
                count=new,
            )
        )
    return events, now_seen


def asked_by_exporter(entry: Mapping[str, Any]) -> bool:
    """Whether a refusal is that of `slowlog get`, which Prometheus' exporter asks at every scrape and no option keeps it from.

    `monitor` may not run it, since it shows written values; the exporter goes on without. docs/adr/0707.
    """
    return (
        entry["reason"] == "command"
        and entry["username"] == "monitor"
        and str(entry["object"]).lower() in {"slowlog", "slowlog|get"}
        and client_of(entry).get("name") == "redis_exporter"
    )


def _command(entry: Mapping[str, Any]) -> str:
    """The refused command. For a refused key, Redis gives the key as object, and the command among the client's facts."""
    if entry["reason"] == "command":
        return str(entry["object"]).lower()
    return client_of(entry).get("cmd", "").lower()


def client_of(entry: Mapping[str, Any]) -> dict[str, str]:
    """What an entry says of the client, e.g. `id`, `addr` and `cmd`. redis-py takes it apart in RESP2, and leaves it one text in RESP3."""
    said = entry.get("client-info") or ""
    if isinstance(said, Mapping):
        return {str(name): str(value) for name, value in said.items()}
    return dict(part.split("=", 1) for part in str(said).split(" ") if "=" in part)


def address_of(entry: Mapping[str, Any]) -> str:
    """The client's address without its port; empty if the entry does not have it."""
    return client_of(entry).get("addr", "").rpartition(":")[0].strip("[]")
