"""Collects new events of a stack's stores into its audit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from christmas.blueprint.audit_rules import AUDIT_RULES
from core.docker_client import docker_host
from core.errors import PlatformError
from infra import clients
from infra.connections import LOCAL, Platform
from security.audit import haproxy_log, logs, postgresql, redis_list, weaviate_log
from security.audit.chain import Chain, Head, Positions
from security.audit.events import Event, counted

REPLACED = "if any: the container was replaced"
"""How the words of a gap end that was left by a container which was replaced: what its log still had can't be read."""

_LOGS: dict[str, tuple[str, str, Callable[[str, bytes], Event | None]]] = {
    postgresql.STORE: (postgresql.STORE, "timescaledb", postgresql.event_of),
    weaviate_log.STORE: (weaviate_log.STORE, "weaviate", weaviate_log.event_of),
    haproxy_log.SERVICE: (weaviate_log.STORE, haproxy_log.SERVICE, haproxy_log.event_of),
}
"""The logs by the names under which the audit keeps how far each was read: of which store, and whose."""


@dataclass(frozen=True, slots=True)
class Collected:
    """`events` were added; `unread` says by store why it could not be read: its events come with the next collection."""

    events: int
    head: Head
    unread: dict[str, str]


def folder_of(stack: str) -> Path:
    """Where a stack's audit is."""
    return LOCAL / "audit" / stack


def collect(platform: Platform, folder: Path | None = None) -> Collected:
    """Add what happened since the last collection. A store that can't be read does not keep the others from being read.

    Raises PlatformError if the audit can't be written.
    """
    chain = Chain(folder or folder_of(platform.stack))
    now = datetime.now(UTC)
    with chain.adding():
        positions = chain.positions()
        events: list[Event] = []
        unread: dict[str, str] = {}
        for log, (store, service, event_of) in _LOGS.items():
            if log == haproxy_log.SERVICE and service not in platform.containers:
                continue  # a stack of a former version, until its next `up`
            try:
                new, positions[log] = _of_log(platform, store, service, event_of, positions.get(log, {}), now)
                events += new
            except (PlatformError, OSError) as error:
                unread[log] = _why(error)
        try:
            new, positions[redis_list.STORE] = _of_redis(platform, positions.get(redis_list.STORE, {}))
            events += new
        except (PlatformError, OSError) as error:
            unread[redis_list.STORE] = _why(error)
        grouped = counted(events)
        head = chain.add(grouped, positions, now)
    chain.prune(AUDIT_RULES.keep_for, now)
    return Collected(len(grouped), head, unread)


def _of_log(
    platform: Platform, store: str, service: str, event_of: Callable[[str, bytes], Event | None], position: Positions, now: datetime
) -> tuple[list[Event], Positions]:
    import docker.errors

    with docker_host() as host:
        try:
            container = host.containers.get(platform.containers[service])
            replaced = position.get("container") not in (None, container.id)
            new = logs.after(container, "" if replaced else position.get("time", ""))
        except docker.errors.DockerException as error:
            raise PlatformError(what=f"the log of {service} can't be read: {type(error).__name__}", where="Docker") from error
    events = [event for line in new.lines if (event := event_of(line.time, line.line)) is not None]
    last = new.lines[-1].time if new.lines else position.get("time", "")
    if new.gap:
        events.insert(0, _lost(now, store, f"log lines after {position.get('time')}: Docker has thrown them away"))
    elif replaced:
        events.insert(0, _lost(now, store, f"log lines after {position.get('time')}, {REPLACED}"))
    return events, {"container": str(container.id), "time": last}


def _lost(now: datetime, store: str, what: str) -> Event:
    return Event(f"{now:%Y-%m-%dT%H:%M:%S.%f}000Z", store, "audit", "", "read the log", what, "lost")


def _of_redis(platform: Platform, position: Positions) -> tuple[list[Event], Positions]:
    import redis

    try:
        with clients.redis_client(platform, "monitor") as client:
            run = str(client.info("server")["run_id"])
            entries: Any = client.acl_log(int(client.config_get("acllog-max-len")["acllog-max-len"] or 0))
    except redis.RedisError as error:
        raise PlatformError(what=f"Redis' list of refusals can't be read: {type(error).__name__}", where="ACL LOG") from error
    seen = position.get("seen", {}) if position.get("run") == run else {}
    events, now_seen = redis_list.events_of(entries, seen)
    return events, {"run": run, "seen": now_seen}


def _why(error: Exception) -> str:
    return error.what if isinstance(error, PlatformError) else type(error).__name__
