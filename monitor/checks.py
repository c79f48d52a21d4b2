"""The checks by name, and the runner: all at once, none longer than its time."""

from __future__ import annotations

import functools
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from core import docker_client
from core.errors import PlatformError
from core.patience import patience
from infra.connections import Platform
from monitor.result import CheckResult, Finding, Status

Check = Callable[[Platform], Finding]

TIMEOUT_SECONDS = 15.0
_REACHABLE = ".reachable"


@dataclass(frozen=True, slots=True)
class Registered:
    """A check under its name, and how long it may take."""

    name: str
    function: Check
    timeout: float = TIMEOUT_SECONDS


def every() -> tuple[Registered, ...]:
    """All checks, in the order in which they are shown."""
    from monitor import (
        accounts,
        advice,
        audit,
        backup_alarms,
        backups,
        collections,
        container_settings,
        containers,
        host,
        keyspaces,
        locks,
        losses,
        ports_and_certificates,
        postgres_server,
        redis_addresses,
        redis_health,
        redis_settings,
        refusals,
        relational,
        rights,
        schedule,
        sealed_fields,
        stalled_logins,
        weaviate_clients,
        weaviate_server,
    )

    ports = (
        Registered(f"{port.endpoint}.{name}", functools.partial(function, port))
        for port in ports_and_certificates.PORTS
        for name, function in (
            ("reachable", ports_and_certificates.reachable),
            ("tls", ports_and_certificates.encrypted),
            ("certificate", ports_and_certificates.certificate),
        )
    )
    return (
        Registered("containers.health", containers.health),
        Registered("containers.settings", container_settings.settings),
        Registered("host.disk", host.disk),
        Registered("host.memory", host.memory),
        Registered("host.oom", host.out_of_memory),
        Registered("host.load", host.load),
        Registered("host.clock", host.clock),
        Registered("host.engine", host.engine),
        *ports,
        Registered("accounts.rotation", accounts.rotations),
        Registered("accounts.authority", accounts.authority),
        Registered("postgres.accounts", accounts.postgres),
        Registered("postgres.rights", rights.rights),
        Registered("postgres.sessions", rights.sessions),
        Registered("postgres.logins", stalled_logins.stalled),
        Registered("redis.accounts", accounts.redis),
        Registered("redis.addresses", redis_addresses.bound),
        Registered("weaviate.accounts", accounts.weaviate),
        Registered("postgres.refusals", refusals.postgres),
        Registered("redis.refusals", refusals.redis),
        Registered("weaviate.refusals", refusals.weaviate),
        Registered("embedder.refusals", refusals.embedder),
        Registered("postgres.revision", relational.revision),
        Registered("postgres.tables", relational.tables),
        Registered("postgres.queries", advice.queries),
        Registered("postgres.indexes", advice.indexes),
        Registered("postgres.bloat", advice.bloat),
        Registered("postgres.statistics", advice.statistics),
        Registered("postgres.chunks", locks.chunks),
        Registered("postgres.encryption", sealed_fields.fields),
        Registered("postgres.settings", postgres_server.settings),
        Registered("postgres.connections", postgres_server.connections),
        Registered("postgres.locks", postgres_server.locks),
        Registered("postgres.slots", postgres_server.slots),
        Registered("postgres.wraparound", postgres_server.wraparound),
        Registered("postgres.sequences", postgres_server.sequences),
        Registered("postgres.checkpoints", postgres_server.checkpoints),
        Registered("postgres.commits", postgres_server.commits),
        Registered("postgres.temporary", postgres_server.temporary),
        Registered("postgres.deadlocks", postgres_server.deadlocks),
        Registered("postgres.checksums", postgres_server.checksums),
        Registered("postgres.invalid_indexes", postgres_server.invalid_indexes),
        Registered("redis.keyspaces", keyspaces.expiry),
        Registered("redis.memory", redis_health.memory),
        Registered("redis.policy", redis_settings.policy),
        Registered("redis.persistence", redis_health.persistence),
        Registered("redis.clients", redis_health.connected),
        Registered("redis.blocked", redis_health.blocked),
        Registered("redis.evictions", redis_health.evictions),
        Registered("redis.fragmentation", redis_health.fragmentation),
        Registered("redis.latency", redis_health.latency),
        Registered("weaviate.collections", collections.shape),
        Registered("weaviate.shards", weaviate_server.shards),
        Registered("weaviate.index", weaviate_server.index),
        Registered("weaviate.queue", weaviate_server.queue),
        Registered("weaviate.clients", weaviate_clients.connected),
        Registered("schedule.alive", schedule.alive),
        Registered("audit.anomalies", audit.anomalies),
        Registered("backup.newest", backups.newest),
        Registered("backup.full", backups.full),
        Registered("backup.timeline", backups.timeline),
        Registered("backup.redundancy", backups.redundancy),
        Registered("backup.unproven", backups.unproven),
        Registered("backup.archive", backups.archive),
        Registered("backup.waiting", backup_alarms.waiting),
        Registered("backup.drill", backup_alarms.drill),
        Registered("backup.verified", backup_alarms.verified),
        Registered("backup.growth", backup_alarms.growth),
        Registered("backup.space", backup_alarms.space),
        Registered("backup.copies", losses.copies),
        Registered("backup.kit", losses.kit),
    )


STORES: Mapping[str, tuple[str, ...]] = {
    "postgres": ("postgres", "backup.timeline", "backup.archive", "backup.waiting"),
    "redis": ("redis",),
    "weaviate": ("weaviate", "weaviate_grpc"),
    "embedder": ("embedder",),
    "host": ("host", "containers", "backup.space"),
}
"""The values of `--store`: names or prefixes of the checks of a store or its machine."""


def choose(names: Sequence[str] | None, stores: Sequence[str] = ()) -> tuple[Registered, ...]:
    """The checks of these names and stores; all without either.

    A name without its last part means all with that prefix (`postgres` includes `postgres.tls`). A check must match both, if given.
    Raises PlatformError for an unknown name or store, and if no check is left.
    """
    available = every()
    chosen = _named(available, names, "--only")
    for store in stores:
        if store not in STORES:
            raise PlatformError(what=f"there is no store {store}", where="--store", next_step=f"use one of: {', '.join(STORES)}")
    if stores:
        wanted = _named(available, [name for store in stores for name in STORES[store]], "--store")
        chosen = tuple(check for check in chosen if check in wanted)
    if not chosen:
        raise PlatformError(what="no check matches both", where="--only, --store", next_step="leave out one of them")
    return chosen


def _named(available: Sequence[Registered], names: Sequence[str] | None, where: str) -> tuple[Registered, ...]:
    if not names:
        return tuple(available)
    chosen: list[Registered] = []
    for name in names:
        matching = [check for check in available if check.name == name or check.name.startswith(f"{name}.")]
        if not matching:
            raise PlatformError(
                what=f"there is no check {name}", where=where, next_step=f"use one of: {', '.join(check.name for check in available)}"
            )
        chosen += [check for check in matching if check not in chosen]
    return tuple(chosen)


def run(platform: Platform, names: Sequence[str] | None = None, *, timeout: float | None = None) -> list[CheckResult]:
    """Run the checks of these names, all by default, at the same time; one result each, in their order.

    A check that raises, or takes longer than its time (`timeout` overrides it), is `unknown`.
    """
    return run_checks(platform, choose(names), timeout=timeout)


def run_checks(platform: Platform, checks: Sequence[Registered], *, timeout: float | None = None) -> list[CheckResult]:
    """The same for these checks."""
    answers: queue.SimpleQueue[CheckResult] = queue.SimpleQueue()
    docker_client.load()
    started = time.monotonic()
    for check in checks:
        # A thread that hangs in a driver can't be ended; as a daemon it doesn't keep the process alive either.
        threading.Thread(target=_answer, args=(check, platform, answers), name=check.name, daemon=True).start()
    waiting = {check.name: timeout or patience(check.timeout) for check in checks}
    results: dict[str, CheckResult] = {}
    while waiting:
        left = min(waiting.values()) - (time.monotonic() - started)
        try:
            result = answers.get(timeout=max(0.0, left))
        except queue.Empty:
            for name in [name for name, seconds in waiting.items() if time.monotonic() - started >= seconds]:
                results[name] = _too_slow(name, waiting.pop(name))
            continue
        if waiting.pop(result.name, None) is not None:
            results[result.name] = result
    return follow_from([results[check.name] for check in checks])


def run_present(platform: Platform, load: Callable[[], Platform], checks: Sequence[Registered]) -> tuple[Platform, list[CheckResult]]:
    """The same, with `load` asked once more where something is wrong: that is looked at again if the stack was changed meanwhile.

    Else whoever checks while passwords or keys are rotated is told of secrets that nobody knows. Returns the newest platform, too.
    """
    results = run_checks(platform, checks)
    wrong = {result.name for result in results if result.status in (Status.CRITICAL, Status.UNKNOWN)}
    try:
        present = load() if wrong else platform
    except PlatformError:
        return platform, results  # the state can't be read either: what was seen stands
    if present == platform:
        return platform, results
    again = {result.name: result for result in run_checks(present, [check for check in checks if check.name in wrong])}
    return present, follow_from([again.get(result.name, result) for result in results])


def follow_from(results: Sequence[CheckResult]) -> list[CheckResult]:
    """The results, where a store can't be reached with the one cause in place of a dozen consequences. Pure."""
    down = {result.name: result for result in results if result.name.endswith(_REACHABLE) and result.status is Status.CRITICAL}

    def judged(result: CheckResult) -> CheckResult:
        cause = result.name.partition(".")[0] + _REACHABLE
        if cause not in down or result.name == cause or result.status not in (Status.UNKNOWN, Status.CRITICAL):
            return result
        if result.status is Status.UNKNOWN:
            return replace(result, message=f"could not be checked: see {cause}", next_step="")
        return replace(result, next_step=f"first {cause}")

    return [judged(result) for result in results]


def _answer(check: Registered, platform: Platform, answers: queue.SimpleQueue[CheckResult]) -> None:
    started = time.monotonic()
    try:
        finding = check.function(platform)
    except PlatformError as error:
        finding = Finding(Status.UNKNOWN, f"could not be checked: {_one_line(error.what)}", error.next_step)
    except Exception as error:  # a check that can't be done says so, whatever the reason
        finding = Finding(Status.UNKNOWN, f"could not be checked: {type(error).__name__}: {_one_line(str(error))}", _HELP)
    answers.put(
        CheckResult(
            name=check.name,
            status=finding.status,
            message=finding.message,
            next_step=finding.next_step,
            value=finding.value,
            unit=finding.unit,
            warn_from=finding.warn_from,
            critical_from=finding.critical_from,
            seconds=time.monotonic() - started,
        )
    )


_HELP = "see the reachability checks first; if those are ok, this is a fault of the check"


def _one_line(text: str) -> str:
    return " ".join(text.split())[:300]


def _too_slow(name: str, seconds: float) -> CheckResult:
    return CheckResult(
        name=name,
        status=Status.UNKNOWN,
        message=f"no answer within {round(seconds, 1):g} s",
        next_step="the service hangs or the machine is overloaded: docker stats",
        seconds=seconds,
    )
