"""From where accounts log in, as the stores take it: addresses for `pg_hba.conf`, and the setting of Redis' module (docs/adr/0014).

A file of its own: the checks need it, and nothing else of the provider.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from christmas.blueprint.accounts import MONITOR
from christmas.blueprint.model import Account, Network

MODULE = "/usr/local/lib/christmas/addresses.so"
SETTING = "addresses.rules"


def resolved(subnet: str, gateway: str) -> tuple[IPv4Network | IPv6Network, IPv4Address | IPv6Address]:
    """The stack's network, and the address that a client on the host has in it. Raises ValueError for a gateway outside the subnet."""
    net, host = ip_network(subnet), ip_address(gateway)
    if host not in net:
        raise ValueError(f"gateway {gateway} is not in {subnet}")
    return net, host


def of_account(name: str, declared: tuple[Network, ...], *, monitoring: bool) -> tuple[Network, ...]:
    """Where an account comes in from. With `monitoring` the one that watches comes in from the network too, where the exporters run."""
    return (Network.PLATFORM, Network.HOST) if monitoring and name == MONITOR.name else declared


def address_rules(
    accounts: Iterable[Account], subnet: str, gateway: str, *, monitoring: bool = False, elsewhere: Sequence[str] = ()
) -> str:
    """The module's setting: in words `NAME@NETWORK`, who comes in from where; `!` refuses. The first that fits decides; else nobody.

    A client on the host has the bridge's `gateway` as its address. The server's own loopback, where tools come in that the host starts in
    its container, needs no word. With `monitoring` the account that watches comes in from the network as well, where Prometheus' exporter
    runs. Who comes in from the stack's network does so from the networks of other machines in `elsewhere`, too.
    Raises ValueError for a gateway outside the subnet.
    """
    net, host = resolved(subnet, gateway)
    words = []
    for account in accounts:
        if account.redis is None:
            continue
        networks = of_account(account.name, account.redis.networks, monitoring=monitoring)
        if Network.HOST not in networks:
            words.append(f"!{account.name}@{host}")
        elif Network.PLATFORM not in networks:
            words.append(f"{account.name}@{host}")
        if Network.PLATFORM in networks:
            words.append(f"{account.name}@{net}")
        if Network.PLATFORM in account.redis.networks:
            words += [f"{account.name}@{network}" for network in elsewhere]
    return " ".join(words)


def configuration(rules: str) -> str:
    """The lines of a configuration file that set them at the server's start."""
    return f'{SETTING} "{rules}"\n'
