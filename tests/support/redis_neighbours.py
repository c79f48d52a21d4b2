"""Clients of a scratch Redis in containers beside it: in its network, and in another one that it is in, too."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import docker
from docker.models.containers import Container
from docker.types import IPAMConfig, IPAMPool

from core.container_sessions import execute_short
from tests.support.scratch import image, labels


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Runs redis-cli in a container; `server` is the address of Redis there."""

    container: Container
    server: str

    def asks(self, account: str, password: str, *options: str, command: str = "acl whoami") -> str:
        """What a client gets that logs in as the account: the answer, or the refusal."""
        cli = f"redis-cli --tls --insecure --no-auth-warning -h {self.server} --user {account} {' '.join(options)} {command} 2>&1"
        ended = execute_short(self.container, ["sh", "-c", f"read -r REDISCLI_AUTH; export REDISCLI_AUTH; {cli}"], text=f"{password}\n")
        return ended.text().strip()


@contextlib.contextmanager
def beside(server: Container, network: str = "bridge") -> Iterator[Neighbour]:
    """A client in a network that the server is in."""
    server.reload()
    address = server.attrs["NetworkSettings"]["Networks"][network]
    container = docker.from_env().containers.run(
        image("redis"), ["sleep", "infinity"], entrypoint="", detach=True, network=network, labels=labels(), init=True
    )
    try:
        yield Neighbour(container, address["GlobalIPv6Address"] or address["IPAddress"])
    finally:
        container.remove(force=True)


@contextlib.contextmanager
def elsewhere(server: Container, pools: list[str]) -> Iterator[Neighbour]:
    """A client whose address is in another network, which the server is put into beside its own."""
    network = docker.from_env().networks.create(
        f"christmas-tests-{uuid.uuid4().hex[:8]}",
        driver="bridge",
        internal=True,  # or the server's published port would move to it
        labels=labels(),
        enable_ipv6=any(":" in pool for pool in pools),
        ipam=IPAMConfig(pool_configs=[IPAMPool(subnet=pool) for pool in pools]),
    )
    try:
        network.connect(server)
        try:
            with beside(server, str(network.name)) as neighbour:
                yield neighbour
        finally:
            network.disconnect(server)
    finally:
        network.remove()
