"""The Docker engine of the stack's containers, for tasks that look into them."""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from core.chosen_engine import chosen_engine
from core.errors import PlatformError

if TYPE_CHECKING:
    import docker


@contextlib.contextmanager
def docker_host() -> Iterator[docker.DockerClient]:
    """A client of the engine named by DOCKER_HOST or the current Docker context, else of the local one.

    Raises PlatformError if it doesn't answer.
    """
    client = connect()
    try:
        yield client
    finally:
        client.close()


def connect(timeout: int = 120) -> docker.DockerClient:
    """The same client without a `with` block; a call that takes longer than `timeout` seconds fails."""
    import docker.errors

    from core import docker_client

    try:
        return docker_client.connect(timeout)
    except docker.errors.DockerException as error:
        raise PlatformError(
            what=f"the Docker engine does not answer: {error}",
            where=str(chosen_engine()),
            next_step="start it (make up does), or check that you may use its socket",
        ) from None


def gateways(network: Mapping[str, Any]) -> list[str]:
    """This machine's addresses in a network, from what Docker says of it.

    Docker does not say that of its own bridge before the engine is started a second time: it is the subnet's first address.
    """
    pools = network["IPAM"].get("Config") or ()
    return [pool.get("Gateway") or str(next(ipaddress.ip_network(pool["Subnet"]).hosts())) for pool in pools]
