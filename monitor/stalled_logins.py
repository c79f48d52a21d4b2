"""Whether somebody keeps others out of PostgreSQL by connections that never log in. Asked of the container, so that no login is needed."""

from __future__ import annotations

import time
from collections.abc import Mapping

from christmas.blueprint.postgres_bounds import STALLED_LOGINS
from christmas.blueprint.services import TIMESCALEDB
from core.container_commands import running
from core.errors import PlatformError
from infra import clients
from infra.components.names import CONFIG_DIRECTORY
from infra.connections import Platform
from infra.provider import stalled_logins
from monitor.result import Finding, critical, ok, unknown

_AGAIN_AFTER_SECONDS = 1.2


def stalled(platform: Platform) -> Finding:
    """No address has more connections on their way in than one ever needs."""
    container = running(platform.containers[TIMESCALEDB.name])
    counts = _count(stalled_logins.stalled(container))
    if any(count > STALLED_LOGINS for count in counts.values()):
        # A pool that has just been started opens many at once; a moment later they are in.
        time.sleep(_AGAIN_AFTER_SECONDS)
        counts = _count(stalled_logins.stalled(container))
    too_many = any(count > STALLED_LOGINS for count in counts.values())
    return judge(counts, _names(platform) if too_many else {}, str(container.name), clients.unanswered_logins())


def judge(counts: Mapping[str, int], names: Mapping[str, str], container: str, own: int = 0) -> Finding:
    """Judge the number of connections that have not logged in, by address; `names` says who has an address. Pure.

    `own` is how many of them may be this process's: on a slow network its own checks wait for their logins, from an unknown address.
    """
    total = sum(counts.values())
    most = max(counts.values(), default=0)
    if STALLED_LOGINS < most <= STALLED_LOGINS + own:
        return unknown(
            f"{total} connections have not logged in; up to {own} of them are this command's own, which got no answer in time",
            "ask again: invoke check --only postgres.logins; docker stats shows what is busy",
        )
    problems = [
        f"{address} ({names.get(address, 'of no container')}) has {count} connections that have not logged in"
        for address, count in counts.items()
        if count > STALLED_LOGINS
    ]
    if problems:
        return critical(
            "; ".join(problems),
            f"stop what runs there; docker exec {container} sh {CONFIG_DIRECTORY}/{stalled_logins.FILE} end makes room at once",
            total,
            "connections",
        )
    return ok(f"{total} connections are on their way in", total, "connections")


def _count(waiting: list[stalled_logins.Stalled]) -> dict[str, int]:
    return {address: len(those) for address, those in stalled_logins.by_address(waiting).items()}


def _names(platform: Platform) -> dict[str, str]:
    """Who has each address of the platform's network; empty if Docker does not say."""
    from docker.errors import DockerException

    from core.docker_client import docker_host, gateways

    try:
        with docker_host() as client:
            network = client.networks.get(platform.network).attrs
    except (DockerException, PlatformError):
        return {}
    names = {end["IPv4Address"].partition("/")[0]: f"container {end['Name']}" for end in network.get("Containers", {}).values()}
    return names | dict.fromkeys(gateways(network), "this machine, through the published port")
