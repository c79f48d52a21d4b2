"""The check of Weaviate's clients: the connections of what stands in front of it, and those that it refused."""

from __future__ import annotations

import csv

from christmas.blueprint.server_alarms import WEAVIATE_ALARMS, WeaviateAlarms
from christmas.blueprint.services import HAPROXY, WEAVIATE_CONNECTIONS
from core.container_commands import running
from core.container_sessions import execute_short
from core.errors import PlatformError
from infra.components.haproxy_container import FRONTEND, STATISTICS_PORT
from infra.connections import Platform
from monitor import samples
from monitor.result import Finding, bounded, critical, ok
from monitor.samples import Increase

_ASK = f"exec 3<>/dev/tcp/127.0.0.1/{STATISTICS_PORT} && echo 'show stat {FRONTEND} 1 -1' >&3 && cat <&3"


def connected(platform: Platform) -> Finding:
    """More clients can connect, and none was refused for being too many."""
    container = platform.containers.get(HAPROXY.name)
    if container is None:
        return ok("nothing stands in front of Weaviate yet: invoke up", 0, "share")
    statistics = execute_short(running(container), ["bash", "-c", _ASK], user=HAPROXY.user, check=True).text()
    count, refused = connections(statistics)
    return judge(count, samples.increase(platform, "weaviate.rejected", refused))


def connections(statistics: str) -> tuple[int, int]:
    """How many connections are open, and how many were refused since the configuration was loaded. `statistics` is HAProxy's CSV.

    Raises PlatformError if it is something else.
    """
    row = next(csv.DictReader(statistics.lstrip("# ").splitlines()), {})
    try:
        return int(row["scur"]), int(row["dcon"])
    except (KeyError, ValueError):
        raise PlatformError(
            what=f"HAProxy's statistics can't be read: {statistics[:80]!r}", where=HAPROXY.name, next_step="invoke logs haproxy"
        ) from None


def judge(count: int, refused: Increase | None, alarms: WeaviateAlarms = WEAVIATE_ALARMS) -> Finding:
    """Judge the number of connections, and of those refused. Pure."""
    share, message = count / WEAVIATE_CONNECTIONS, f"{count} connections, of {WEAVIATE_CONNECTIONS} for the network"
    step = "let applications keep one client each and close it; ss -Htn on the host, and in containers, shows whose they are"
    if refused and refused.count >= alarms.rejected_critical:
        return critical(
            f"{refused.count:.0f} connections were refused {refused}, for an address or the network had too many; {message}",
            step,
            round(share, 4),
            "share",
        )
    return bounded(share, "share", message, step, warn=alarms.clients_warn, critical=alarms.clients_critical)
