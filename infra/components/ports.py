"""The stack's host ports: fixed by its settings, or chosen once and kept."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from christmas.blueprint.services import EMBEDDER, HAPROXY, MONITORING, REDIS, TIMESCALEDB, WEAVIATE
from infra.components.placement import Placement
from infra.provider.ports import PortBlock

# Name of an endpoint: its service and port inside the network, and the host port where the search begins.
ENDPOINTS: dict[str, tuple[str, int, int]] = {
    "postgres": (TIMESCALEDB.name, TIMESCALEDB.ports["postgres"], TIMESCALEDB.published["postgres"]),
    "redis": (REDIS.name, REDIS.ports["redis"], REDIS.published["redis"]),
    "weaviate": (WEAVIATE.name, HAPROXY.ports["https"], HAPROXY.published["https"]),
    "weaviate_grpc": (WEAVIATE.name, HAPROXY.ports["grpc"], HAPROXY.published["grpc"]),
    "embedder": (EMBEDDER.name, EMBEDDER.ports["https"], EMBEDDER.published["https"]),
    "prometheus": (MONITORING.name, MONITORING.ports["prometheus"], MONITORING.published["prometheus"]),
}


def endpoints_of(placement: Placement) -> dict[str, tuple[str, int, int]]:
    """The endpoints of the services that this stack has."""
    names = {service.name for service in placement.services}
    return {endpoint: at for endpoint, at in ENDPOINTS.items() if at[0] in names}


@dataclass(frozen=True, slots=True)
class PortsArgs:
    """The placement's settings may fix any of them."""

    placement: Placement


class Ports(pulumi.ComponentResource):
    """`ports[endpoint]` is the host's port."""

    def __init__(self, name: str, args: PortsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("christmas:infra:Ports", name, {}, opts)
        wished = args.placement.settings.ports.model_dump()
        endpoints = endpoints_of(args.placement)
        fixed = {endpoint: wished[endpoint] for endpoint in endpoints}
        preferred = {endpoint: at[2] for endpoint, at in endpoints.items() if fixed[endpoint] is None}
        self._ports = {endpoint: pulumi.Output.from_input(port) for endpoint, port in fixed.items()}
        if preferred:
            address = str(args.placement.settings.bind_address)
            block = PortBlock(name, preferred=preferred, address=address, opts=pulumi.ResourceOptions(parent=self))
            self._ports |= {endpoint: _chosen(block, endpoint) for endpoint in preferred}
        self.register_outputs({})

    def __getitem__(self, endpoint: str) -> pulumi.Output[int]:
        return self._ports[endpoint]


def _chosen(block: PortBlock, endpoint: str) -> pulumi.Output[int]:
    # Pulumi's state returns numbers as floats.
    return block.ports.apply(lambda ports: int(ports[endpoint]))
