"""Whether the containers run, are healthy, and stay up."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from core.container_logs import moment
from core.docker_client import docker_host
from core.errors import PlatformError
from core.health import is_well
from infra.connections import Platform
from monitor.result import Finding, critical, ok, warning

_YOUNG = timedelta(minutes=10)


def health(platform: Platform) -> Finding:
    """Every container runs, is healthy and has not just been restarted."""
    from docker.errors import NotFound

    bad: list[str] = []
    shaky: list[str] = []
    with docker_host() as client:
        for service, name in sorted(platform.containers.items()):
            try:
                container = client.containers.get(name)
            except NotFound:
                bad.append(f"{service} has no container")
                continue
            state = container.attrs
            problem = _problem(state)
            if problem:
                bad.append(f"{service} {problem}")
            elif state["RestartCount"] and datetime.now(UTC) - moment(state["State"]["StartedAt"]) < _YOUNG:
                shaky.append(f"{service} restarted {state['RestartCount']} times, last within {_YOUNG.seconds // 60} minutes")
            elif state["State"].get("Health", {}).get("Status") in ("starting", "unhealthy") and not is_well(container):
                shaky.append(f"{service} is starting")
    if bad:
        return critical(
            "; ".join(bad + shaky), f"docker logs --tail 50 of it, then: invoke up --stack {platform.stack}", len(bad), "containers"
        )
    if shaky:
        return warning("; ".join(shaky), "watch its log: docker logs --tail 50", len(shaky), "containers")
    return ok(f"{len(platform.containers)} containers run and are healthy", len(platform.containers), "containers")


def problem_of(platform: Platform, service: str) -> str:
    """What is wrong with a service's container, in words after its name; empty where it is well, or Docker can't tell."""
    from docker.errors import DockerException, NotFound

    try:
        with docker_host() as client:
            return _problem(client.containers.get(platform.containers[service]).attrs)
    except NotFound:
        return "does not exist"
    except (DockerException, PlatformError, OSError, KeyError):
        return ""


def _problem(attributes: dict[str, Any]) -> str:
    state = attributes["State"]
    if state["Status"] != "running":
        killed = " (out of memory)" if state.get("OOMKilled") else ""
        return f"is {state['Status']}, exit code {state['ExitCode']}{killed}"
    health = state.get("Health", {})
    # Docker also calls a container unhealthy that was paused, without one failure, until it looks again.
    return "is unhealthy" if health.get("Status") == "unhealthy" and health.get("FailingStreak", 1) else ""


def memory_of(stats: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """A container's memory without page cache (as `docker stats`) and its limit, in bytes. Pure.

    `stats` is the engine's answer. None for missing values, as of a stopped container.
    """
    memory = stats.get("memory_stats") or {}
    if "usage" not in memory:
        return None, None
    details = memory.get("stats") or {}
    cache = details.get("total_inactive_file", details.get("inactive_file", 0))
    return max(0, int(memory["usage"]) - int(cache)), int(memory["limit"]) if memory.get("limit") else None
