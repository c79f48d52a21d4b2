"""A scratch Redis server over TLS with the blueprint's accounts."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator

import docker
import redis
from docker.models.containers import Container

from christmas.blueprint.accounts import ACCOUNTS
from christmas.blueprint.model import Limits
from christmas.blueprint.services import REDIS
from core import temporary
from core.docker_client import gateways
from infra.components import redis_container
from infra.components.description import ServiceContainer
from infra.connections import Credentials, Endpoint, Platform
from infra.provider.address_rules import address_rules, configuration
from infra.provider.redis_acl import password_sha256, redis_acl_line
from tests.support import scratch

PORT = REDIS.ports["redis"]


def rules_of_bridge() -> str:
    """The blueprint's rules for a server in Docker's own network, as scratch servers are."""
    network = docker.from_env().networks.get("bridge").attrs
    return address_rules(ACCOUNTS, network["IPAM"]["Config"][0]["Subnet"], gateways(network)[0])


@contextlib.contextmanager
def run_scratch_redis(*settings: str, limits: Limits = REDIS.limits, data_mib: int = 0) -> Iterator[tuple[Platform, Container]]:
    """Start the platform's Redis with further lines of configuration; yields a Platform with its accounts, and the container.

    With `data_mib` its data lie on a file system of that size.
    """
    scratch.remove_leftovers()
    authority = scratch.new_authority()
    passwords = {account.name: secrets.token_urlsafe(24) for account in ACCOUNTS if account.redis}
    users = [
        redis_acl_line("default", None, None),
        *(redis_acl_line(account.name, account.redis, password_sha256(passwords[account.name])) for account in ACCOUNTS if account.redis),
    ]
    described: ServiceContainer[str] = redis_container.describe(
        limits,
        acl="\n".join(users) + "\n",
        addresses=configuration(rules_of_bridge()),
        admin_password=passwords["admin"],
        monitor_password=passwords["monitor"],
        settings=settings,
    )
    with temporary.folder("tests") as folder, scratch.container(described, authority, data_mib=data_mib) as running:
        ca_file = folder / "ca.crt"
        ca_file.write_bytes(authority.pem)
        platform = Platform(
            stack=str(running.name),
            endpoints={"redis": Endpoint("127.0.0.1", scratch.published(running, PORT), "redis", PORT)},
            accounts={name: Credentials(redis=password) for name, password in passwords.items()},
            ca_file=ca_file,
            containers={"redis": str(running.name)},
            volumes={},
            network="bridge",
            embedding_profile="embedded",
            embedding_key="",
        )
        scratch.wait_until(lambda: _answers(platform), running)
        yield platform, running


def _answers(platform: Platform) -> bool:
    with contextlib.closing(redis.Redis.from_url(platform.redis_url("api"))) as client:
        return bool(client.ping())
