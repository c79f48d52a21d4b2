"""What the stores refused recently: logins, and commands that an account may not run. Counted by account and address, never with values.

Redis keeps a list of them; PostgreSQL, Weaviate and the embedder say it in their logs. What none of them reports is in docs/adr/0611.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from christmas.blueprint.refusal_alarms import REFUSAL_ALARMS, RefusalAlarms
from core.container_logs import lines_of, moment
from core.docker_client import docker_host
from core.errors import PlatformError
from core.words import span_text
from infra import clients
from infra.connections import Platform
from monitor import own_refusals
from monitor.result import Finding, critical, ok, unknown, warning
from security.audit import haproxy_log, redis_list
from security.audit.events import UNKNOWN_ADDRESS, account_of
from security.audit.postgresql import REFUSED_LOGIN

Kind = Literal["login", "denial"]

_READER = "monitor"
_SHOWN = 4
_INSIDE = ("127.", "::1", "[local]")
"""Addresses of the container itself: its health check asks without a password, and is answered by a refusal."""

_POSTGRES_FATAL = re.compile(rb"FATAL:  (?P<said>.*)$")
_POSTGRES_PREFIX = re.compile(rb"^\S+ \S+ \S+ \[\d+\] user=(?P<user>\S*) db=\S* client=(?P<client>\S*) FATAL:  ")
# What weaviate-client asks by itself while it writes batches (`batch.dynamic`), to pace itself; it goes on without an answer.
_CLIENTS_OWN_QUESTIONS = (("read_nodes", "Verbosity: minimal"), ("read_tenants", "Tenant: *"))
# The path is the client's own, so it is the end of the line that counts.
_EMBEDDER_LINE = re.compile(rb"^(?P<client>\S+) [A-Z]+ .* 401 \d+ ms$")
_POSTGRES_IN_THE_CLEAR = b"no encryption"


@dataclass(frozen=True, slots=True)
class Refusal:
    """So many of one kind, of one account, from one address. A name that the blueprint hasn't is not kept: it may be a password."""

    kind: Kind
    account: str
    address: str
    count: int = 1


@dataclass(slots=True)
class LoggedRefusals:
    """The refusals in a store's log. `since` is later than asked if the log begins later; `lost` counts refusals that were deleted."""

    refusals: list[Refusal] = field(default_factory=list)
    since: datetime | None = None
    lost: int = 0


def of_postgres(line: bytes) -> Refusal | None:
    """The refused login in a line of PostgreSQL's log; None for other lines."""
    fatal = _POSTGRES_FATAL.search(line)
    if fatal is None or not REFUSED_LOGIN.search(fatal["said"]):
        return None
    prefix = _POSTGRES_PREFIX.match(line)
    if prefix is None or line.count(b"client=") > 1:
        # The client chooses the name, and with it a part of the line: a name must not look like another kind of line.
        return Refusal("login", account_of(""), UNKNOWN_ADDRESS)
    address, account = prefix["client"].decode(errors="replace"), account_of(prefix["user"].decode(errors="replace"))
    if address.startswith(_INSIDE):
        return None
    if account == _READER and fatal["said"].endswith(_POSTGRES_IN_THE_CLEAR):
        return None  # the check of encryption asks in the clear, to be refused
    return Refusal("login", account, address)


def of_weaviate(line: bytes) -> Refusal | None:
    """The refused action in a line of Weaviate's log; None for other lines."""
    entry = denied_by_weaviate(line)
    if entry is None or any(
        entry.get("perm") == action and scope in str(entry.get("resource")) for action, scope in _CLIENTS_OWN_QUESTIONS
    ):
        return None
    return Refusal("denial", account_of(str(entry.get("user"))), str(entry.get("source_ip") or UNKNOWN_ADDRESS))


def of_haproxy(line: bytes) -> Refusal | None:
    """The request that was refused in front of Weaviate, in a line of that log; None for other lines."""
    event = haproxy_log.event_of("", line)
    return Refusal("login", event.account, event.address) if event else None


def denied_by_weaviate(line: bytes) -> Mapping[str, Any] | None:
    """The fields of a line of Weaviate's log about a refused action; None for other lines."""
    if b'"authorization denied"' not in line:
        return None
    try:
        document = json.loads(line)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def of_embedder(line: bytes) -> Refusal | None:
    """The request with a wrong key in a line of the bundled embedder's log, if it is one. The embedder has one key and no accounts."""
    match = _EMBEDDER_LINE.match(line)
    return Refusal("login", "a client", match["client"].decode(errors="replace")) if match else None


def of_redis(entries: Iterable[Mapping[str, Any]], window: timedelta) -> list[Refusal]:
    """What Redis' list has of the last while. One entry stands for all that were alike within a minute."""
    refusals = []
    for entry in entries:
        if float(entry["age-seconds"]) > window.total_seconds() or redis_list.asked_by_exporter(entry):
            continue
        kind: Kind = "login" if entry["reason"] == "auth" else "denial"
        host = redis_list.address_of(entry) or UNKNOWN_ADDRESS
        refusals.append(Refusal(kind, account_of(str(entry["username"])), host, int(entry["count"])))
    return refusals


def judge(store: str, logged: LoggedRefusals, kinds: Sequence[Kind], now: datetime, alarms: RefusalAlarms = REFUSAL_ALARMS) -> Finding:
    """Judge the refusals of a store. Pure."""
    names = {"login": "logins", "denial": "commands"}
    bounds = {"login": (alarms.logins_warn, alarms.logins_critical), "denial": (alarms.denials_warn, alarms.denials_critical)}
    counts = {kind: sum(refusal.count for refusal in logged.refusals if refusal.kind == kind) for kind in kinds}
    span = span_text(now - logged.since) if logged.since else span_text(alarms.window)
    shown = f"{' and '.join(f'{counts[kind]} {names[kind]}' for kind in kinds)} refused in the last {span}"
    total = sum(counts.values())
    if groups := _groups(logged.refusals):
        shown += f" ({groups})"
    if logged.lost:
        return critical(
            f"{shown}; {logged.lost} more are no longer listed",
            f"somebody emptied {store}'s list (ACL LOG RESET, which monitor and admin may): rotate the two (invoke accounts.rotate)",
            total,
            "refusals",
        )
    step = "find out who it is; if nobody's you know, rotate the account: invoke accounts.rotate ACCOUNT (docs/checks.md, 'Refusals')"
    if any(counts[kind] >= bounds[kind][1] for kind in kinds):
        return critical(shown, step, total, "refusals")
    if any(counts[kind] >= bounds[kind][0] for kind in kinds):
        return warning(shown, step, total, "refusals")
    return ok(shown, total, "refusals")


def _groups(refusals: Iterable[Refusal]) -> str:
    counted: Counter[tuple[Kind, str, str]] = Counter()
    for refusal in refusals:
        counted[refusal.kind, refusal.account, refusal.address] += refusal.count
    words = {"login": "{} logins", "denial": "{} commands"}
    shown = [f"{account} from {address}: {words[kind].format(count)}" for (kind, account, address), count in counted.most_common(_SHOWN)]
    left = sum(count for _, count in counted.most_common()[_SHOWN:])
    return "; ".join([*shown, *([f"{left} more"] if left else [])])


def _log(platform: Platform, service: str, now: datetime, recognize: Callable[[bytes], Refusal | None]) -> LoggedRefusals | Finding:
    """The recent refusals in a container's log; a Finding if it can't be read."""
    return read_log(platform, service, now - REFUSAL_ALARMS.window, recognize)


def read_log(platform: Platform, service: str, begin: datetime, recognize: Callable[[bytes], Refusal | None]) -> LoggedRefusals | Finding:
    """The refusals in a container's log since `begin`; a Finding if it can't be read."""
    import docker.errors

    logged = LoggedRefusals()
    with docker_host() as client:
        try:
            container = client.containers.get(platform.containers[service])
            lines = lines_of(container.logs(stream=True, follow=False, since=begin.timestamp(), timestamps=True))
            first = True
            for stamped in lines:
                stamp, _, line = stamped.partition(b" ")
                if first:
                    logged.since = _later(stamp, begin, str(container.attrs["State"]["StartedAt"]))
                    first = False
                if refusal := recognize(line):
                    logged.refusals.append(refusal)
        except (docker.errors.DockerException, OSError, KeyError) as error:
            return unknown(
                f"the log of {service} can't be read: {type(error).__name__}",
                f"docker logs --tail 5 {platform.containers.get(service, service)} has to answer: the log driver is json-file or local",
            )
    return logged


def _later(stamp: bytes, begin: datetime, started: str) -> datetime | None:
    """When the log begins, where that is after what was asked for and later than the server's start: earlier parts were thrown away."""
    try:
        first, begun = moment(stamp.decode()), moment(started)
    except ValueError:
        return None
    quiet = timedelta(minutes=5)  # a store that has nothing to say for so long is seldom
    return first if first - max(begin, begun) > quiet else None


def postgres(platform: Platform) -> Finding:
    """Few logins were refused recently."""
    now = datetime.now(UTC)
    logged = _log(platform, "timescaledb", now, of_postgres)
    return logged if isinstance(logged, Finding) else judge("PostgreSQL", _others(platform, "postgres", logged, now), ("login",), now)


def weaviate(platform: Platform) -> Finding:
    """Few keys and actions were refused recently."""
    now = datetime.now(UTC)
    both = LoggedRefusals()
    for service, recognize in (("weaviate", of_weaviate), (haproxy_log.SERVICE, of_haproxy)):
        if service == haproxy_log.SERVICE and service not in platform.containers:
            continue  # of a former version: nothing stands in front yet
        logged = _log(platform, service, now, recognize)
        if isinstance(logged, Finding):
            return logged
        both.refusals += logged.refusals
        both.since = max(filter(None, (both.since, logged.since)), default=None)
    return judge("Weaviate", _others(platform, "weaviate", both, now), ("login", "denial"), now)


def embedder(platform: Platform) -> Finding:
    """Few requests had a wrong key recently."""
    now = datetime.now(UTC)
    logged = _log(platform, "embedder", now, of_embedder)
    return logged if isinstance(logged, Finding) else judge("the embedder", logged, ("login",), now)


def redis(platform: Platform) -> Finding:
    """Few logins and commands were refused recently, and nobody emptied the list of them."""
    with clients.redis_client(platform, _READER) as client:
        before = _counted(client.info("stats"))
        most = int(client.config_get("acllog-max-len")["acllog-max-len"] or 0)
        entries: Any = client.acl_log(most)
        if before is None:
            raise PlatformError(
                what="this Redis doesn't count what it refuses", where="INFO stats", next_step="use 7.2 or later, as the blueprint's image"
            )
    listed = sum(int(entry["count"]) for entry in entries)
    lost = max(0, before - listed) if len(entries) < most else 0
    now = datetime.now(UTC)
    logged = LoggedRefusals(of_redis(entries, REFUSAL_ALARMS.window), lost=lost)
    return judge("Redis", _others(platform, "redis", logged, now), ("login", "denial"), now)


def _others(platform: Platform, store: str, logged: LoggedRefusals, now: datetime) -> LoggedRefusals:
    """Without those that `accounts.matrix --prove` caused itself."""
    own = own_refusals.of_late(platform.stack, store, now - REFUSAL_ALARMS.window)
    return LoggedRefusals(without(logged.refusals, own), logged.since, logged.lost)


def without(refusals: Iterable[Refusal], own: Mapping[tuple[str, str], int]) -> list[Refusal]:
    """Refusals less so many of each account's from an address; an address of no name stands for any. Pure."""
    left = Counter(own)
    remaining = []
    for refusal in refusals:
        count = refusal.count
        for key in ((refusal.account, refusal.address), (refusal.account, "")):
            taken = min(count, left[key])
            left[key] -= taken
            count -= taken
        if count:
            remaining.append(replace(refusal, count=count))
    return remaining


def _counted(stats: Mapping[str, Any]) -> int | None:
    counts = [int(stats[name]) for name in stats if name.startswith("acl_access_denied_")]
    return sum(counts) if counts else None
