"""A store that is cut off from the network: it runs and is well by its own account, and nobody reaches it."""

from __future__ import annotations

import docker
import pytest

from core.health import is_well
from infra.connections import Platform
from monitor.checks import run
from tests.support.checking import only, turned
from tests.support.scratch_platform import ScratchPlatform

pytestmark = pytest.mark.exhaustive

STORES = ("redis", "postgres", "weaviate")
SERVICES = {"redis": "redis", "postgres": "timescaledb", "weaviate": "weaviate"}


@pytest.fixture
def platform(scratch_platform: ScratchPlatform) -> Platform:
    return scratch_platform.platform


@pytest.mark.parametrize("store", STORES)
def test_it_is_named_and_no_other(platform: Platform, store: str) -> None:
    client = docker.from_env()
    container = client.containers.get(platform.containers[SERVICES[store]])
    network = client.networks.get(platform.network)
    attached = container.attrs["NetworkSettings"]["Networks"][platform.network]
    assert only(platform, f"{store}.reachable").status == "ok"
    network.disconnect(container)
    try:
        turned(lambda: only(platform, f"{store}.reachable"), "critical", "it is not reached")
        assert is_well(container), "its own health check passes: only from outside is this seen"
        found = {result.name: result.status for result in run(platform, [f"{each}.reachable" for each in STORES], timeout=120)}
        assert [name for name, status in found.items() if status == "critical"] == [f"{store}.reachable"]
    finally:
        network.connect(container, aliases=attached["Aliases"], ipv4_address=attached["IPAddress"])
    turned(lambda: only(platform, f"{store}.reachable"), "ok", "it is reached again")
