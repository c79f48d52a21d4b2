"""Checks of the Redis server: clients, persistence, memory, latency, from its own statistics."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from christmas.blueprint.redis_policy import REDIS_POLICY
from christmas.blueprint.server_alarms import COUNTED, REDIS_ALARMS, RedisAlarms
from core.words import size_text, span_text
from infra import clients
from infra.connections import Platform
from monitor import samples
from monitor.redis_settings import ACCOUNT
from monitor.result import Finding, bounded, critical, ok, warning
from monitor.samples import Increase

_FIRST_LOOK = "first sample: the next check shows the increase"


def _info(platform: Platform, section: str) -> dict[str, Any]:
    with clients.redis_client(platform, ACCOUNT) as client:
        section_values: dict[str, Any] = client.info(section)
        return section_values


def memory(platform: Platform) -> Finding:
    """Well below the bound from which on keys are evicted; above it, caches go first and sessions last."""
    with clients.redis_client(platform, ACCOUNT) as client:
        used = client.info("memory")
        evicted = int(client.info("stats")["evicted_keys"])
    bound = int(used["maxmemory"])
    if bound == 0:
        return critical("there is no bound: the kernel would end the server", "invoke up writes its configuration again", 0, "share")
    share = int(used["used_memory"]) / bound
    message = f"{int(used['used_memory']) / 2**20:.0f} of {bound / 2**20:.0f} MiB in use, {evicted} keys evicted since the start"
    if share < REDIS_POLICY.warn_from:
        return ok(message, round(share, 3), "share")
    judged = critical if share >= REDIS_POLICY.critical_from else warning
    return judged(message, "give the server more memory, or find what grows: invoke check --only redis.keyspaces", round(share, 3), "share")


def fragmentation(platform: Platform, alarms: RedisAlarms = REDIS_ALARMS) -> Finding:
    """Little memory is lost to fragmentation."""
    return judge_fragmentation(_info(platform, "memory"), alarms)


def judge_fragmentation(info: Mapping[str, Any], alarms: RedisAlarms = REDIS_ALARMS) -> Finding:
    """Judge INFO memory. The ratio of a small data set is always high, so it counts only above some waste. Pure."""
    ratio, lost = float(info["mem_fragmentation_ratio"]), int(info.get("mem_fragmentation_bytes", 0))
    message = f"fragmentation ratio {ratio:.2f}, {size_text(max(0, lost))} wasted"
    step = "invoke shell redis --account admin -c 'memory purge'; builds with activedefrag do it themselves; else restart at a quiet time"
    counts = lost >= alarms.fragmentation_bytes
    finding = bounded(ratio, "ratio", message, step, warn=alarms.fragmentation_warn)
    return finding if counts else ok(message, round(ratio, 4), "ratio")


def connected(platform: Platform) -> Finding:
    """More clients can connect, and none was rejected."""
    with clients.redis_client(platform, ACCOUNT) as client:
        now, rejected = client.info("clients"), int(client.info("stats")["rejected_connections"])
        most = int(client.config_get("maxclients")["maxclients"] or 0)
    return judge_clients(int(now["connected_clients"]), most, samples.increase(platform, "redis.rejected", rejected))


def judge_clients(count: int, most: int, rejected: Increase | None, alarms: RedisAlarms = REDIS_ALARMS) -> Finding:
    """Judge the number of clients, its limit, and rejected ones. Pure."""
    share, message = count / max(most, 1), f"{count} of {most} clients"
    step = "invoke shell redis --account admin -c 'client list' shows whose they are; limit them by a pool in each application"
    if rejected and rejected.count >= alarms.rejected_critical:
        return critical(f"{rejected.count:.0f} clients were rejected {rejected}; {message}", step, round(share, 4), "share")
    return bounded(share, "share", message, step, warn=alarms.clients_warn, critical=alarms.clients_critical)


def blocked(platform: Platform, alarms: RedisAlarms = REDIS_ALARMS) -> Finding:
    """Few clients are blocked: no keyspace is a queue."""
    return judge_blocked(int(_info(platform, "clients")["blocked_clients"]), alarms)


def judge_blocked(count: int, alarms: RedisAlarms = REDIS_ALARMS) -> Finding:
    """Judge the number of blocked clients. Pure."""
    step = "invoke shell redis --account admin -c 'client list' shows them (flags=b) with their command"
    return bounded(count, "clients", f"{count} clients are blocked in a command", step, warn=alarms.blocked_warn)


def evictions(platform: Platform) -> Finding:
    """No key was evicted."""
    evicted = int(_info(platform, "stats")["evicted_keys"])
    return judge_evictions(samples.increase(platform, "redis.evicted", evicted))


def judge_evictions(risen: Increase | None, alarms: RedisAlarms = REDIS_ALARMS) -> Finding:
    """Judge the increase of evicted keys. Pure."""
    message = _FIRST_LOOK if risen is None else f"{risen.count:.0f} keys were evicted {risen}"
    step = "sessions may be next: raise christmas:limits.redis.memoryMib, or find what grows: invoke check --only redis.keyspaces"
    return bounded(risen.count if risen else 0, "keys", message, step, warn=alarms.evictions_warn, critical=alarms.evictions_critical)


def persistence(platform: Platform) -> Finding:
    """The append-only file and snapshots are written."""
    info = _info(platform, "persistence")
    delayed = samples.increase(platform, "redis.delayed", int(info.get("aof_delayed_fsync", 0)))
    return judge_persistence(info, delayed)


def judge_persistence(info: Mapping[str, Any], delayed: Increase | None, alarms: RedisAlarms = REDIS_ALARMS) -> Finding:
    """Judge INFO persistence. Pure."""
    step = "invoke logs redis --since 1h shows the reason: full disk, folder permissions, memory for the fork"
    wrong = [
        f"{what} failed"
        for field, what in (
            ("aof_last_write_status", "the last write of the append-only file"),
            ("rdb_last_bgsave_status", "the last snapshot"),
            ("aof_last_bgrewrite_status", "the last rewrite of the append-only file"),
        )
        if info.get(field, "ok") != "ok"
    ]
    if not int(info.get("aof_enabled", 0)):
        wrong.append("the append-only file is off")
    changes, age = int(info.get("rdb_changes_since_last_save", 0)), _age(info)
    message = f"{changes} changes since the last snapshot" + (f", {span_text(timedelta(seconds=age))} ago" if age else "")
    if wrong:
        return critical("; ".join([*wrong, message]), step, changes, "changes")
    if delayed and delayed.count >= alarms.delayed_warn:
        return warning(
            f"fsync of the append-only file was delayed {delayed.count:.0f} times {delayed}: clients waited",
            "find what keeps the disk busy: invoke check --only host",
            delayed.count,
            "delays",
        )
    if changes and age > alarms.snapshot_warn.total_seconds():
        return warning(message, step, changes, "changes")
    return ok(f"the append-only file is on; {message}", changes, "changes")


def _age(info: Mapping[str, Any]) -> float:
    """The age of the last snapshot in seconds, by this machine's clock."""
    saved = float(info.get("rdb_last_save_time", 0))
    return max(0.0, time.time() - saved) if saved else 0.0


def latency(platform: Platform, alarms: RedisAlarms = REDIS_ALARMS) -> Finding:
    """No long latency event in the last hour."""
    with clients.redis_client(platform, ACCOUNT) as client:
        latest: list[Any] = client.latency_latest()
        now = int(client.info("server")["server_time_usec"]) / 1_000_000
    events = [(str(name), float(at), float(last)) for name, at, last, *_ in latest]
    return judge_latency(events, now, alarms)


def judge_latency(events: Sequence[tuple[str, float, float]], now: float, alarms: RedisAlarms = REDIS_ALARMS) -> Finding:
    """Judge latency events, as (name, time in seconds since 1970, milliseconds), by the server's clock. Pure."""
    recent = sorted(((taken, name) for name, at, taken in events if now - at <= COUNTED.total_seconds()), reverse=True)
    message = ", ".join(f"{name} {taken:.0f} ms" for taken, name in recent[:3])
    step = "invoke shell redis --account admin -c 'latency doctor', and -c 'slowlog get 10'"
    return bounded(
        recent[0][0] if recent else 0.0,
        "milliseconds",
        f"latest event of each kind in the last hour: {message}" if recent else "no latency event in the last hour",
        step,
        warn=alarms.latency_warn.total_seconds() * 1000,
        critical=alarms.latency_critical.total_seconds() * 1000,
    )
