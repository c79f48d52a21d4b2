"""The stack's networks. Only published ports are reachable from outside."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

import pulumi
import pulumi_docker as docker

from christmas.blueprint.model import Service
from infra.components.placement import Placement, labels
from infra.provider.subnets import SubnetBlock


@dataclass(frozen=True, slots=True)
class NetworkArgs:
    """`placement` names the network; its settings may fix the subnet."""

    placement: Placement


class PlatformNetwork(pulumi.ComponentResource):
    """Two bridge networks: applications are in that with `name`. Access rules use `subnet` and `gateway`.

    In the inner one are a service that applications reach through another alone, and that other.
    """

    name: pulumi.Output[str]
    subnet: pulumi.Output[str]
    gateway: pulumi.Output[str]
    inner_gateway: pulumi.Output[str]
    inner_server: pulumi.Output[str]
    inner_front: pulumi.Output[str]
    """Fixed addresses: of the service in the inner network, and of that which stands in front of it."""

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("christmas:infra:Network", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        placement = args.placement
        fixed = placement.settings.subnet
        block = SubnetBlock(f"{name}-subnet", preferred=str(fixed) if fixed else None, opts=child)
        outer = self._bridge(placement, name, "network", docker.NetworkIpamConfigArgs(subnet=block.subnet, gateway=block.gateway))
        # It looks for what is free, so the first must be there. It is not cut off: Weaviate may have to reach a vendor's embeddings.
        inner = SubnetBlock(f"{name}-inner-subnet", opts=pulumi.ResourceOptions(parent=self, depends_on=[outer]))
        self.name = outer.name
        self._inner_name = self._bridge(
            placement,
            f"{name}-inner",
            # The host's ports lead into the network whose name comes first: not this one.
            "network-inner",
            docker.NetworkIpamConfigArgs(
                subnet=inner.subnet,
                gateway=inner.gateway,
                # The upper half is for fixed addresses.
                ip_range=inner.subnet.apply(lambda subnet: str(next(ip_network(subnet).subnets()))),
            ),
        ).name
        self.subnet = block.subnet
        # A client that comes through a published port has the bridge's gateway as its address.
        self.gateway = block.gateway
        self.inner_gateway = inner.gateway
        self.inner_server = inner.subnet.apply(lambda subnet: str(ip_network(subnet)[-2]))
        self.inner_front = inner.subnet.apply(lambda subnet: str(ip_network(subnet)[-3]))
        self.register_outputs({"name": self.name, "subnet": self.subnet, "gateway": self.gateway})

    def of(self, service: Service) -> list[dict[str, Any]]:
        """Where a service's container is, and under which names."""
        outer = {"name": self.name, "aliases": [service.name, *service.aliases]}
        inner = {
            "name": self._inner_name,
            "aliases": [service.name, *service.inner_aliases],
            "ipv4_address": self.inner_server if service.inner else self.inner_front,
        }
        if service.inner:
            return [inner]
        return [outer, inner] if service.inner_ports else [outer]

    def _bridge(self, placement: Placement, name: str, part: str, addresses: docker.NetworkIpamConfigArgs) -> docker.Network:
        return docker.Network(
            name,
            name=placement.name(part),
            driver="bridge",
            ipam_configs=[addresses],
            labels=labels(placement, part),
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True),
        )
