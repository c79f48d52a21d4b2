"""A subnet for the stack's network: free, and chosen once, so that rules written with it stay right."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable
from hashlib import sha256
from ipaddress import IPv4Network, ip_network
from pathlib import Path
from typing import Any

from core.errors import PlatformError
from infra.provider.declaration import Input, Output, Resource, gives, takes
from infra.provider.kind import Call, ResourceKind, Values

# A private range that Docker, home routers and cluster networks do not use by default.
POOL = IPv4Network("10.213.0.0/16")
PREFIX = 24


def choose(taken: Iterable[IPv4Network], seed: str) -> IPv4Network:
    """The first free /24 of the pool, starting at a place that depends on `seed`: two stacks start at different places.

    Raises PlatformError if the whole pool is taken.
    """
    candidates = list(POOL.subnets(new_prefix=PREFIX))
    start = int.from_bytes(sha256(seed.encode()).digest()[:4]) % len(candidates)
    occupied = list(taken)
    for candidate in candidates[start:] + candidates[:start]:
        if not any(candidate.overlaps(other) for other in occupied):
            return candidate
    raise PlatformError(
        what=f"no free /{PREFIX} is left in {POOL}", where="this Docker host", next_step="set christmas:subnet to one that is free"
    )


def routed(table: str) -> list[IPv4Network]:
    """The networks in a Linux routing table (/proc/net/route, little-endian hexadecimal), without the default route."""
    networks = []
    for line in table.splitlines()[1:]:
        columns = line.split()
        if len(columns) > 7 and columns[1] != "00000000":
            address, mask = (socket.inet_ntoa(struct.pack("<L", int(columns[at], 16))) for at in (1, 7))
            networks.append(IPv4Network(f"{address}/{mask}", strict=False))
    return networks


def _taken() -> list[IPv4Network]:
    from core.docker_client import docker_host

    with docker_host() as client:
        configurations = [entry for network in client.networks.list() for entry in (network.attrs.get("IPAM") or {}).get("Config") or []]
    subnets = [ip_network(configuration["Subnet"], strict=False) for configuration in configurations if configuration.get("Subnet")]
    routes = Path("/proc/net/route")
    return [subnet for subnet in subnets if isinstance(subnet, IPv4Network)] + (routed(routes.read_text()) if routes.exists() else [])


def _network(value: Any) -> str | None:
    try:
        return None if isinstance(ip_network(value), IPv4Network) else "must be an IPv4 network"
    except ValueError:
        return "must be a network such as 10.213.7.0/24"


class SubnetBlock(Resource):
    """A subnet and its gateway (the first address) for the stack's network: `preferred`, or a free one, chosen once and kept."""

    preferred: Input[str] | None = takes(default=None, rule=_network, replaces=True)
    subnet: Output[str] = gives()
    gateway: Output[str] = gives()


class SubnetBlockKind(ResourceKind):
    """Chooses it."""

    declared = SubnetBlock

    def create(self, call: Call, inputs: Values) -> tuple[str, Values]:  # noqa: D102
        subnet = ip_network(inputs["preferred"]) if inputs.get("preferred") else choose(_taken(), call.stack)
        return call.name, {"subnet": str(subnet), "gateway": str(subnet[1])}

    def update(self, call: Call, state: Values, old: Values, inputs: Values) -> Values:  # noqa: D102
        del call, old, inputs
        return state
