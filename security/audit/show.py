"""The audit on the terminal."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from christmas.blueprint.audit_rules import AUDIT_RULES
from core.terminal import json_text
from core.words import parse_since
from infra.connections import Platform
from security.audit import anomalies, looked_at
from security.audit.chain import Chain, newest
from security.audit.collect import collect, folder_of
from security.audit.events import Event

_FOLLOW_SECONDS = 2.0


def chosen(*, account: str, store: str, action: str, denied: bool) -> Callable[[Event], bool]:
    """Whether an event is one that these options ask for."""

    def fits(event: Event) -> bool:
        return (
            account in ("", event.account)
            and store in ("", event.store)
            and action.lower() in event.action
            and (not denied or event.outcome == "denied")
        )

    return fits


def line_of(event: Event) -> str:
    """An event on one line."""
    times = f" ({event.count} times)" if event.count > 1 else ""
    outcome = "" if event.outcome == "done" else event.outcome.upper() + " "
    where = f" from {event.address}" if event.address else ""
    return f"{event.time[:19].replace('T', ' ')}  {event.store:<10}  {event.account}{where}: {outcome}{event.action} {event.object}{times}"


def recent(platform: Platform, fits: Callable[[Event], bool], *, since: str, count: int, as_json: bool) -> list[Event]:
    """Collect what is new, then print the newest events."""
    _collect(platform)
    events = Chain(folder_of(platform.stack)).events(parse_since(since, datetime.now(UTC)))
    shown = newest((event for event in events if fits(event)), count)
    if as_json:
        print(json_text([event.as_dict() for event in shown]))
    else:
        print("\n".join(map(line_of, shown)) or f"no such event in the last {since}")
    return shown


def follow(platform: Platform, fits: Callable[[Event], bool], *, as_json: bool) -> Iterator[None]:
    """Print events as they come, until stopped."""
    chain = Chain(folder_of(platform.stack))
    _collect(platform)
    number = chain.head().number
    while True:
        time.sleep(_FOLLOW_SECONDS)
        _collect(platform)
        if chain.head().number == number:
            yield
            continue
        for event in chain.after(number):
            if fits(event):
                print(json.dumps(event.as_dict(), ensure_ascii=False) if as_json else line_of(event), flush=True)
        number = chain.head().number
        yield


def show_anomalies(platform: Platform, *, since: str, as_json: bool, seen: bool) -> int:
    """Print the anomalies; returns 1 if there are any. With `seen` the check no longer reports them."""
    now = datetime.now(UTC)
    _collect(platform)
    chain = Chain(folder_of(platform.stack))
    listed = anomalies.since(chain, parse_since(since, now), AUDIT_RULES)
    if seen:
        # What came while this ran is reported once more.
        looked_at.mark(chain, now)
    if as_json:
        print(json_text(list(listed)))
    else:
        for anomaly in listed:
            print(f"{anomaly.time[:19].replace('T', ' ')}  {anomaly.store:<10}  {anomaly.rule}: {anomaly.words}")
        if not listed:
            print(f"nothing out of the ordinary in the last {since}")
    return int(bool(listed))


def _collect(platform: Platform) -> None:
    import sys

    collected = collect(platform)
    for store, why in collected.unread.items():
        print(f"warning: {store} could not be read: {why}", file=sys.stderr)
