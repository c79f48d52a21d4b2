"""Whether the audit shows anomalies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from christmas.blueprint.audit_rules import AUDIT_RULES
from core.words import shortened
from infra.connections import Platform
from monitor import own_refusals
from monitor.result import Finding, critical, ok, unknown, warning
from security.audit import anomalies as audit_anomalies
from security.audit import looked_at
from security.audit.anomalies import Anomaly, moment
from security.audit.chain import Chain
from security.audit.collect import REPLACED, collect, folder_of

# Nobody does this in ordinary work: a single one is critical.
_GRAVE = frozenset({"superuser", "change of schema or rights", "mass read", "removals"})
# What `accounts.matrix --prove` does by itself: it asks for what is refused, and reads as every account.
_OF_A_TRIAL = frozenset({"failed logins", "refused actions", "read by an administrator"})
_LOGGED_WITHIN = timedelta(seconds=10)
_SHOWN = 3
_NEXT = "invoke audit.anomalies lists all of them; with --seen this check reports later ones only; invoke audit shows who did what"


def anomalies(platform: Platform) -> Finding:
    """The audit of the last day has no anomaly that nobody has looked at yet.

    An audit that the schedule has not collected for a while is collected first.
    """
    chain, now = Chain(folder_of(platform.stack)), datetime.now(UTC)
    unread: dict[str, str] = {}
    collected = chain.collected_at()
    if collected is None or now - collected > AUDIT_RULES.late_after:
        unread = collect(platform).unread
    begin = now - AUDIT_RULES.told_for
    events = list(chain.events(begin))
    recent = audit_anomalies.since(chain, looked_at.last(events, begin), AUDIT_RULES, events)
    return judge(recent, unread, own_refusals.spans(platform.stack))


def judge(anomalies_seen: Sequence[Anomaly], unread: dict[str, str], trials: Sequence[tuple[datetime, datetime]] = ()) -> Finding:
    """Judge anomalies, and stores that could not be read. `trials` are the spans in which rights were tried. Pure."""
    problems = [anomaly for anomaly in anomalies_seen if not _is_ours(anomaly, trials)]
    if problems:
        by_rule = Counter(anomaly.rule for anomaly in problems)
        newest = sorted(problems, key=lambda anomaly: (anomaly.rule in _GRAVE, anomaly.time), reverse=True)
        rules = ", ".join(f"{rule} ({count})" if count > 1 else rule for rule, count in sorted(by_rule.items()))
        words = shortened((f"{anomaly.time[:16].replace('T', ' ')} {anomaly.store}: {anomaly.words}" for anomaly in newest), _SHOWN)
        grave = any(anomaly.rule in _GRAVE for anomaly in problems)
        return (critical if grave else warning)(f"{rules}: {words}", _NEXT, len(problems), "anomalies")
    if unread:
        return unknown(
            f"the audit has not all: {'; '.join(f'{store}: {why}' for store, why in sorted(unread.items()))}",
            "invoke check --only containers shows what is wrong with the service",
        )
    return ok("nothing is out of the ordinary", 0, "anomalies")


def _is_ours(anomaly: Anomaly, trials: Sequence[tuple[datetime, datetime]]) -> bool:
    """Whether the platform's own work left it: an `up` that replaced a container, or a trial of the access matrix."""
    if REPLACED in anomaly.words:
        return True
    return anomaly.rule in _OF_A_TRIAL and any(began <= moment(anomaly.time) <= ended + _LOGGED_WITHIN for began, ended in trials)
