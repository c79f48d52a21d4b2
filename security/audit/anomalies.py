"""What in the audit is out of the ordinary, by declared rules, with the reason in words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from christmas.blueprint.audit_rules import AuditRules
from core.words import span_text
from security.audit import habits
from security.audit.chain import Chain
from security.audit.events import UNKNOWN_ACCOUNT, Event
from security.audit.habits import Everybodys, Habits

_SUPERUSERS = ("postgres", "root")
_LOCAL = ("[local]", "127.0.0.1", "::1", "")
_MIGRATES = ("migrator", *_SUPERUSERS)
# Only migrations and the provider change schema and rights; a temporary table concerns its session alone.
_OWN_TABLES = "pg_temp"


@dataclass(frozen=True, slots=True)
class Anomaly:
    """`rule` is its name, `words` say what happened and why that is out of the ordinary."""

    time: str
    rule: str
    store: str
    account: str
    words: str


def anomalies(history: Iterable[Event], events: Sequence[Event], rules: AuditRules) -> list[Anomaly]:
    """The anomalies among `events`, oldest first; `history` has earlier events, which say what is ordinary."""
    return judged(habits.habits(history), events, rules)


def since(chain: Chain, begin: datetime, rules: AuditRules, events: Iterable[Event] | None = None) -> list[Anomaly]:
    """The anomalies in an audit from `begin` on, oldest first. `events` are those from then or earlier on, where they are read already."""
    first = f"{begin:%Y-%m-%dT%H:%M:%S}"
    those = [event for event in (chain.events(begin) if events is None else events) if event.time >= first]
    return judged(habits.before(chain, begin - rules.history, begin), those, rules)


def judged(ordinary: Everybodys, events: Sequence[Event], rules: AuditRules) -> list[Anomaly]:
    """The anomalies among `events`, oldest first, for accounts with these habits."""
    judged_so_far: list[Anomaly] = []
    for event in events:
        judged_so_far += [Anomaly(event.time, rule, event.store, event.account, words) for rule, words in _of_one(event)]
    for rule, most, counts, words in _bursts(rules):
        judged_so_far += _burst(events, rule, most, rules.burst_window, counts, words)
    for (store, account), new in habits.habits(events).items():
        own = ordinary.get((store, account))
        judged_so_far += [
            Anomaly(time, "mass read", store, account, words) for time, words in _mass_reads(account, own or Habits(), new, rules)
        ]
        if own is None:
            continue  # nothing else is unusual for an account without a history
        judged_so_far += [Anomaly(time, rule, store, account, words) for time, rule, words in _unusual(account, own, new, rules)]
    return sorted(judged_so_far, key=lambda anomaly: anomaly.time)


def _unusual(account: str, own: Habits, new: Habits, rules: AuditRules) -> Iterator[tuple[str, str, str]]:
    """What is new in these habits: time, rule and words."""
    for address, days in new.addresses.items():
        if address and len(own.addresses.get(address, ())) < rules.known_after:
            usual = ", ".join(sorted(own.addresses)[:3])
            yield min(days) + "T00", "new address", f"{account} came from {address}, where it never came from before (usual: {usual})"
    if own.days < rules.baseline_days:
        return
    for hour, days in new.hours.items():
        ordinary_days = own.days_around(hour)
        if ordinary_days <= rules.unusual_days:
            words = f"{account} was at work at {hour:02} h UTC, which it was on {ordinary_days} of {own.days} days before"
            yield f"{min(days)}T{hour:02}", "unusual hour", words
    busiest = habits.busiest(own.events)
    for hour_of_day, count in new.events.items():
        if count >= max(rules.busy_factor * busiest, rules.busy_at_least):
            words = (
                f"{account} did {count} things in the hour from {hour_of_day[11:]} h UTC; its busiest hour of {own.days} days had {busiest}"
            )
            yield hour_of_day, "unusually busy", words


def _mass_reads(account: str, own: Habits, new: Habits, rules: AuditRules) -> Iterator[tuple[str, str]]:
    """Hours in which it read tables with sensitive columns far more often than ever, with what is said of them."""
    known = own.days >= rules.baseline_days
    usual = habits.busiest(own.reads)
    bound = max(rules.mass_reads, rules.busy_factor * usual) if known else rules.mass_reads_of_strangers
    for hour, count in new.reads.items():
        if count >= bound:
            compared = (
                f"its busiest hour of {own.days} days had {usual}" if known else f"{own.days} days of history are too few to compare with"
            )
            yield hour, f"{account} read tables with sensitive columns {count} times in the hour from {hour[11:]} h UTC; {compared}"


def _of_one(event: Event) -> Iterator[tuple[str, str]]:
    if event.outcome == "lost":
        yield "events lost", f"{event.object}: what happened then is not in the audit"
    if event.account == UNKNOWN_ACCOUNT and event.action == "login":
        yield "unknown account", f"a login as an account that the blueprint does not have, from {event.address}"
    if event.account in _SUPERUSERS and event.address not in _LOCAL and event.store == "postgresql" and event.outcome == "done":
        yield "superuser", f"{event.account} came from {event.address}: it only works inside its container"
    if habits.reads(event) and event.account in _MIGRATES:
        times = f" {event.count} times" if event.count > 1 else ""
        yield "read by an administrator", f"{event.account} read {event.object}{times}: no task of the platform does that as this account"
    kind = event.action.partition(":")[0]
    if kind in ("ddl", "role") and event.account not in _MIGRATES and _OWN_TABLES not in event.object:
        yield "change of schema or rights", f"{event.account} did {event.action} on {event.object}: only migrations and `up` do that"


Counts = Callable[[Event], bool]


def _bursts(rules: AuditRules) -> Iterator[tuple[str, int, Counts, str]]:
    yield "failed logins", rules.failed_logins, lambda event: event.action == "login" and event.outcome == "denied", "failed logins"
    yield (
        "refused actions",
        rules.refused_actions,
        lambda event: event.action != "login" and event.outcome == "denied",
        "refused actions",
    )
    yield "removals", rules.removals, _removes, "tables, collections or users removed or emptied"


def _removes(event: Event) -> bool:
    word = event.action.rpartition(": ")[2].partition(" ")[0]
    # One statement that deletes rows is ordinary; dropping, truncating, and deleting whole collections or users are not.
    structural = word in ("drop", "truncate") or (event.store == "weaviate" and word == "delete" and "domain data" not in event.object)
    return structural and event.outcome == "done" and event.account not in _MIGRATES


def _burst(events: Sequence[Event], rule: str, most: int, window: timedelta, counts: Counts, words: str) -> Iterator[Anomaly]:
    """One anomaly for each run of events that reaches the bound within the window."""
    chosen: dict[tuple[str, str], list[Event]] = defaultdict(list)
    for event in events:
        if counts(event):
            chosen[event.store, event.account].append(event)
    for (store, account), those in chosen.items():
        for run in _runs(sorted(those, key=lambda event: event.time), window):
            total = sum(event.count for event in run)
            if total >= most:
                addresses = ", ".join(sorted({event.address for event in run})[:3])
                span = span_text(moment(run[-1].time) - moment(run[0].time))
                yield Anomaly(run[0].time, rule, store, account, f"{total} {words} of {account} within {span}, from {addresses}")


def _runs(events: list[Event], window: timedelta) -> Iterator[list[Event]]:
    """Events of which each follows the one before within the window."""
    run = events[:1]
    for before, event in pairwise(events):
        if moment(event.time) - moment(before.time) > window:
            yield run
            run = []
        run.append(event)
    if run:
        yield run


def moment(time: str) -> datetime:
    """The time of an event; what is shorter than a microsecond is left out."""
    return datetime.fromisoformat(time[:26].rstrip("Z")).replace(tzinfo=UTC)
