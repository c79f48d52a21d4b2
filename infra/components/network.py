"""The stack's network. Only published ports are reachable from outside."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_docker as docker

from infra.components.placement import Placement, network_labels
from infra.provider.subnets import SubnetBlock


@dataclass(frozen=True, slots=True)
class NetworkArgs:
    """`placement` names the network; its settings may fix the subnet."""

    placement: Placement


class PlatformNetwork(pulumi.ComponentResource):
    """A bridge network. Access rules use `subnet` and `gateway`."""

    name: pulumi.Output[str]
    subnet: pulumi.Output[str]
    gateway: pulumi.Output[str]

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("christmas:infra:Network", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        placement = args.placement
        fixed = placement.settings.subnet
        block = SubnetBlock(f"{name}-subnet", preferred=str(fixed) if fixed else None, opts=child)
        network = docker.Network(
            name,
            name=placement.name("network"),
            driver="bridge",
            ipam_configs=[docker.NetworkIpamConfigArgs(subnet=block.subnet, gateway=block.gateway)],
            labels=network_labels(placement, "network"),
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True),
        )
        self.name = network.name
        self.subnet = block.subnet
        # A client that comes through a published port has the bridge's gateway as its address.
        self.gateway = block.gateway
        self.register_outputs({"name": self.name, "subnet": self.subnet, "gateway": self.gateway})
