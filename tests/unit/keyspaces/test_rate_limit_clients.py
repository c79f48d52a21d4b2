"""Who counts as one client: what gateways write is read, a /64 is one client, and nobody shares a counter by accident."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from christmas.blueprint.keyspaces_and_ttls import CLIENT_PREFIX_BITS, RATE_LIMIT
from christmas.rate_limits import client_behind, normalized

V4 = st.ip_addresses(v=4)
V6 = st.ip_addresses(v=6, network="2000::/3")
PORTS = st.integers(1, 65_535)


@pytest.mark.parametrize(
    ("written", "client"),
    [
        ("203.0.113.7", "203.0.113.7"),
        (" 203.0.113.7\t", "203.0.113.7"),
        ("203.0.113.7:51234", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("[::ffff:203.0.113.7]:443", "203.0.113.7"),
        ("2001:db8:77:1::9", "2001:db8:77:1::"),
        ("2001:DB8:77:1:ffff:ffff:ffff:ffff", "2001:db8:77:1::"),
        ("[2001:db8:77:1::9]", "2001:db8:77:1::"),
        ("[2001:db8:77:1::9]:443", "2001:db8:77:1::"),
        ("2001:db8:77:1::9%eth0", "2001:db8:77:1::"),
        ("2001:db8:77:2::9", "2001:db8:77:2::"),
        ("fe80::1%eth0", "fe80::1"),
        ("fe80::2%eth0", "fe80::2"),
        ("::1", "::1"),
    ],
)
def test_what_servers_and_gateways_write_is_read(written: str, client: str) -> None:
    assert normalized(written) == client
    assert RATE_LIMIT.key(client) == f"rate_limit:{client}"


@pytest.mark.parametrize(
    "written",
    ["", " ", "unknown", "_hidden", "-", "localhost", "203.0.113.007", "203.0.113.7:", "203.0.113.7:0", "203.0.113.7:65536",
     "203.0.113.7:x", "[203.0.113.7]:80",
     "[2001:db8::1", "2001:db8::1]", "[2001:db8::1]443", "[]:443", "203.0.113.0/24", "2001:db8::/64", "192.0.2.1\n",
     "203.0.113.7, 10.0.0.1", "203.0.113.7,", "for=203.0.113.7", "1:2:3:4:5:6:7:8:443", "203.0.113.7:\uff18\uff10", "3405803783"],
)  # fmt: skip
def test_what_is_no_single_address_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"does not appear|is a list of addresses"):
        normalized(written)


@given(V6, st.integers(0, 2**64 - 1), PORTS)
def test_a_64_is_one_client_however_it_is_written(address: object, rest: int, port: int) -> None:
    neighbour = ipaddress.IPv6Address(int(ipaddress.IPv6Address(str(address))) >> 64 << 64 | rest)
    spellings = [str(address), str(neighbour), f"[{neighbour}]", f"[{neighbour.exploded}]:{port}", f"{neighbour}%eth0"]
    assert {normalized(spelling) for spelling in spellings} == {
        str(ipaddress.ip_network(f"{address}/{CLIENT_PREFIX_BITS[6]}", strict=False)[0])
    }


@given(V6, V6)
def test_two_of_these_are_two_clients(one: ipaddress.IPv6Address, other: ipaddress.IPv6Address) -> None:
    assert (normalized(str(one)) == normalized(str(other))) is (int(one) >> 64 == int(other) >> 64)


@given(V4, PORTS)
def test_an_ipv4_address_is_one_client(address: ipaddress.IPv4Address, port: int) -> None:
    assert {normalized(f"{address}"), normalized(f"{address}:{port}"), normalized(f"::ffff:{address}")} == {str(address)}


@pytest.mark.parametrize(
    ("proxies", "peer", "header", "client"),
    [
        ([], "203.0.113.7", "198.51.100.1", "203.0.113.7"),  # no proxy of ours: whatever it claims
        (["10.0.0.0/8"], "203.0.113.7", "198.51.100.1", "203.0.113.7"),
        (["10.0.0.0/8"], "10.0.0.1", "198.51.100.1", "198.51.100.1"),
        (["10.0.0.0/8"], "10.0.0.1", "192.0.2.9, 198.51.100.1", "198.51.100.1"),  # the left one is the client's own claim
        (["10.0.0.0/8"], "10.0.0.1", "192.0.2.9, 198.51.100.1:4711, 10.0.0.2", "198.51.100.1"),
        (["10.0.0.0/8"], "10.0.0.1", "192.0.2.9, 10.0.0.3, 10.0.0.2", "192.0.2.9"),
        (["10.0.0.0/8"], "10.0.0.1", "10.0.0.9, 10.0.0.2", "10.0.0.9"),
        (["10.0.0.0/8"], "10.0.0.1", "", "10.0.0.1"),
        (["10.0.0.0/8"], "10.0.0.1", "198.51.100.1, unknown, 10.0.0.2", "10.0.0.2"),
        (["10.0.0.0/8", "2001:db8:1::/48"], "::ffff:10.0.0.1", "[2001:db8:2::7]:443, 2001:db8:1::1", "2001:db8:2::7"),
    ],
)
def test_the_client_is_what_the_outermost_proxy_of_ours_saw(proxies: list[str], peer: str, header: str, client: str) -> None:
    assert client_behind(proxies, peer, header) == client


@given(st.lists(V4, max_size=5), V4)
def test_nothing_that_a_client_writes_changes_who_it_is(claims: list[ipaddress.IPv4Address], client: ipaddress.IPv4Address) -> None:
    proxy = ipaddress.IPv4Address("10.0.0.1")
    assume(client != proxy)
    assert client_behind([str(proxy)], str(proxy), ", ".join(map(str, [*claims, client]))) == str(client)
