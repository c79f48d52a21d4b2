"""Whether Redis' accounts log in from their declared networks alone, as the running server has it."""

from __future__ import annotations

from christmas.blueprint.accounts import ACCOUNTS
from core.docker_client import docker_host, gateways
from infra import clients
from infra.connections import Platform
from infra.provider.address_rules import SETTING, address_rules
from monitor.result import Finding, critical, ok, unknown, warning

_READER = "monitor"


def bound(platform: Platform) -> Finding:
    """The server's rules are those of the blueprint, for the network that the stack is in."""
    import docker.errors

    try:
        with docker_host() as client:
            network = client.networks.get(platform.network).attrs
        pool = network["IPAM"]["Config"][0]
    except (docker.errors.DockerException, LookupError, TypeError) as error:
        name = platform.network
        return unknown(f"the addresses of network {name} are not known: {type(error).__name__}", f"docker network inspect {name}")
    declared = address_rules(
        ACCOUNTS,
        pool["Subnet"],
        gateways(network)[0],
        monitoring="monitoring" in platform.containers,
        elsewhere=platform.client_networks,
    )
    with clients.redis_client(platform, _READER) as redis:
        live = redis.config_get(SETTING).get(SETTING)
    return judge(declared, None if live is None else str(live), platform.stack, foreign="redis" in platform.foreign_images)


def judge(declared: str, live: str | None, stack: str, *, foreign: bool) -> Finding:
    """Judge the server's rules; None where it runs without the module. Pure."""
    if live is None and foreign:
        return warning(
            "accounts are bound to no address: this image is another's and has no module for that", "docs/security.md says how to add it"
        )
    if live is None:
        return critical(
            "accounts are bound to no address: the server runs without the module that its image should have",
            f"docker image rm the image of christmas-{stack}-redis, then invoke up --stack {stack} builds it and starts Redis with it",
        )
    words, wanted = set(live.split()), set(declared.split())
    if live != declared:
        changed = [f"{word} is not declared" for word in sorted(words - wanted)] + [f"{word} is missing" for word in sorted(wanted - words)]
        return critical(
            f"accounts are bound to other addresses: {'; '.join(changed[:3]) or 'in another order'}",
            f"invoke up --refresh --stack {stack} sets them as declared; then find out who changed them",
            len(changed),
            "rules",
        )
    return ok(f"{len(wanted)} rules as declared", len(wanted), "rules")
