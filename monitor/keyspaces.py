"""Whether every Redis key is what a keyspace declares, at a rate that other clients hardly notice; and mending what may be mended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from christmas.blueprint.accounts import writer_of
from christmas.blueprint.keyspaces_and_ttls import KEYSPACES
from core.words import size_text
from infra import clients
from infra.connections import Platform
from monitor import keyspace_audit as audits
from monitor.keyspace_audit import FIXABLE, Audit, Fault
from monitor.result import Finding, critical, ok, warning

ACCOUNT = "monitor"
MAX_KEYS = 2_500
"""Keys that a check looks at: five seconds at its rate. `check --fix` looks at all."""
MENDED_AT_ONCE = 10_000
"""Keys that one upkeep looks at: twenty seconds at most."""
_SHOWN = 10


def expiry(platform: Platform) -> Finding:
    """Keys belong to a declared keyspace, have its type, shape and size, and expire no later than it says."""
    with clients.redis_client(platform, ACCOUNT) as client:
        total = int(client.dbsize())
        result = audits.audit(client, max_keys=MAX_KEYS)
    return judge(result, total)


def judge(result: Audit, total: int) -> Finding:
    """Judge an audit of some of `total` keys, with the memory of each keyspace."""
    seen = f"{result.total} keys looked at" if result.complete else f"{result.total} of {total} keys looked at"
    message = "; ".join(
        [seen, *(f"{name or 'no keyspace'} {result.keys[name]} in {size_text(result.memory[name])}" for name in _order(result))]
    )
    if not result.findings:
        return ok(message, result.total, "keys")
    counted = Counter(map(str, result.findings))
    faults = [f"{count} {text}" for text, count in counted.most_common(_SHOWN)]
    faults += [f"{len(counted) - _SHOWN} kinds of fault more"] if len(counted) > _SHOWN else []
    mendable = sum(finding.fault in FIXABLE and finding.keyspace is not None for finding in result.findings)
    step = "invoke check --fix gives those that live too long their end; " if mendable else ""
    judged = critical if any(finding.fault is Fault.NO_EXPIRY for finding in result.findings) else warning
    return judged(f"{', '.join(faults)}; {message}", f"{step}docs/checks.md says how to find who writes them", len(result.findings), "keys")


def mend(platform: Platform) -> int:
    """Look at every key and give those that live too long their keyspace's expiry; returns how many. Nothing else is changed."""
    with clients.redis_client(platform, ACCOUNT) as client:
        findings = audits.audit(client).findings
    return _mend(platform, findings)


def mend_next(platform: Platform, begin: int) -> tuple[int, int]:
    """The same for the next `MENDED_AT_ONCE` keys or so, by their expiries alone; returns how many, and where to begin the next time.

    No account can be kept from making a key without an expiry (docs/adr/0611), so the schedule goes round by and by.
    """
    with clients.redis_client(platform, ACCOUNT) as client:
        findings, after = audits.outliving(client, begin, most=MENDED_AT_ONCE)
    return _mend(platform, findings), after


def _mend(platform: Platform, findings: Sequence[audits.Finding]) -> int:
    mended = 0
    for account in sorted({writer_of(keyspace.name).name for keyspace in KEYSPACES}):
        mine = [finding for finding in findings if finding.keyspace and writer_of(finding.keyspace).name == account]
        if not mine:
            continue
        with clients.redis_client(platform, account) as client:
            mended += audits.fix(client, mine)
    return mended


def _order(result: Audit) -> list[str | None]:
    return sorted(result.keys, key=lambda name: -result.memory[name])
