"""What Docker says of a network, and this machine's address in it."""

from __future__ import annotations

from typing import Any

import pytest

from core.docker_client import gateways


@pytest.mark.parametrize(
    ("pools", "expected"),
    [
        ([{"Subnet": "172.18.0.0/16", "Gateway": "172.18.0.1"}], ["172.18.0.1"]),
        # Docker's own bridge after the engine's first start.
        ([{"Subnet": "172.17.0.0/16"}], ["172.17.0.1"]),
        ([{"Subnet": "10.9.8.0/24", "Gateway": "10.9.8.254"}, {"Subnet": "fd00:1::/64"}], ["10.9.8.254", "fd00:1::1"]),
        ([], []),
        (None, []),
    ],
)
def test_a_gateway_that_docker_does_not_name_is_the_first_address(pools: list[dict[str, str]] | None, expected: list[str]) -> None:
    network: dict[str, Any] = {"IPAM": {"Config": pools}}
    assert gateways(network) == expected
