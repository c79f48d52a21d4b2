"""The platform as a Pulumi program: declare, compose, export."""

from __future__ import annotations

import pulumi

from christmas.blueprint.accounts import MONITOR
from infra import ownership, settings
from infra.components.container import ServiceArgs
from infra.components.credentials import Credentials, CredentialsArgs
from infra.components.embedder import Embedder
from infra.components.monitoring import Monitoring, MonitoringArgs
from infra.components.network import NetworkArgs, PlatformNetwork
from infra.components.pki import Pki, PkiArgs
from infra.components.placement import Placement
from infra.components.ports import Ports, PortsArgs
from infra.components.redis import Redis
from infra.components.timescaledb import TimescaleDb
from infra.components.weaviate import Weaviate, WeaviateArgs
from infra.outputs import export

loaded = settings.load()
ownership.claim_in_program()

placement = Placement(pulumi.get_project(), pulumi.get_stack(), loaded)
network = PlatformNetwork("network", NetworkArgs(placement))
ports = Ports("ports", PortsArgs(placement))
pki = Pki("pki", PkiArgs(placement))
credentials = Credentials("credentials", CredentialsArgs(placement))

embedder = Embedder("embedder", ServiceArgs(placement, network, pki, credentials, ports["embedder"]))
timescaledb = TimescaleDb("timescaledb", ServiceArgs(placement, network, pki, credentials, ports["postgres"]))
redis = Redis("redis", ServiceArgs(placement, network, pki, credentials, ports["redis"]))
weaviate = Weaviate("weaviate", WeaviateArgs(placement, network, pki, credentials, ports["weaviate"], ports["weaviate_grpc"]))
# It reaches the stores by their names in the network.
watcher = timescaledb.logins[MONITOR.name], redis.logins[MONITOR.name]
monitoring = (
    Monitoring("monitoring", MonitoringArgs(placement, network, pki, credentials, ports["prometheus"], *watcher))
    if loaded.monitoring
    else None
)

export(placement, network, ports, pki, credentials, embedder, timescaledb, redis, weaviate, monitoring)
