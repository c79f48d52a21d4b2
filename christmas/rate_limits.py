"""Limits on a client's requests: one counter per client, for one window from its first request.

One transaction counts and sets the window's end, so no counter can exist without an end, even after a crash,
and no script runs in the server. While a window is known to be open, counting alone is enough.

An application takes the client's address from its connection, or behind a proxy from `client_behind`.
"""

from __future__ import annotations

import ipaddress
import re
import time
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from christmas.blueprint.keyspaces_and_ttls import CLIENT_PREFIX_BITS, RATE_LIMIT
from christmas.errors import UNREACHABLE
from christmas.operations import Batch, Operation, run, run_async

if TYPE_CHECKING:
    import redis
    import redis.asyncio

_WINDOW_MS = round(RATE_LIMIT.ttl.total_seconds() * 1000)
_MARGIN = 2.0
"""Seconds before a window's end when it stops counting as open: more than the time of a request."""
_REMEMBERED = 16_384
"""The number of addresses with remembered open windows."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a request may pass. `remaining` of the window's requests; `retry_after` in seconds if it may not.

    `counted` is False if Redis could not be asked and `when_down` decided.
    """

    allowed: bool
    remaining: int
    retry_after: float
    counted: bool = True


@lru_cache(maxsize=_REMEMBERED)
def normalized(address: str) -> str:
    """The address that identifies a client: an IPv4 address, or the first address of an IPv6 address's /64.

    Accepts the forms of servers and gateways: `192.0.2.1`, `192.0.2.1:51234`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:443`,
    blanks around it, a zone (`fe80::1%eth0`, which is dropped), and IPv4 mapped into IPv6, which is counted as IPv4. Without
    brackets, everything after an IPv6 address belongs to it. A link-local or loopback address counts by itself: all
    machines of a link share that prefix.
    Raises ValueError for anything else, and for a list of addresses. Don't count unknown clients under one name: they would
    be refused together. Use the connection's own address, or see `client_behind`.
    """
    return str(_client(_parsed(address)))


def client_behind(proxies: Collection[str], peer: str, forwarded_for: str) -> str:
    """The client's address for requests through our own proxies, from the connection's `peer` and `X-Forwarded-For`.

    Each proxy appends the address of its client on the right, and a client can write anything on the left. So the
    list is read from the right: the first address that is not in `proxies` (addresses or networks) is the client, and everything
    left of it is ignored. If all are proxies, it is the leftmost; if one is unreadable, the proxy that wrote it.
    Raises ValueError for an invalid `peer`.
    """
    networks = [ipaddress.ip_network(proxy) for proxy in proxies]
    client = _parsed(peer)
    for written in reversed([part for part in forwarded_for.split(",") if part.strip()]):
        if not any(client.version == network.version and client in network for network in networks):
            break
        try:
            client = _parsed(written)
        except ValueError:
            break
    return str(client)


_WITH_PORT = re.compile(r"(?:\[(?P<bracketed>[^][]+)\]|(?P<plain>[^][:]+))(?::(?P<port>[0-9]{1,5}))?")


def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    text = address.strip(" \t")
    if "," in text:
        raise ValueError(f"{address[:100]!r} is a list of addresses, of which a client can write all but the last: see client_behind")
    parts = _WITH_PORT.fullmatch(text)
    if parts and (parts["port"] is None or 0 < int(parts["port"]) < 65_536):
        text = parts["bracketed"] or parts["plain"]
    parsed = ipaddress.ip_address(text)
    if parts and parts["bracketed"] and parsed.version == 4:
        raise ValueError(f"{address[:100]!r} does not appear to be an address: only IPv6 is written in brackets")
    if isinstance(parsed, ipaddress.IPv6Address):
        # Without a zone: it names a link of this machine, not a client.
        return parsed.ipv4_mapped or ipaddress.IPv6Address(int(parsed))
    return parsed


def _client(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    if address.is_link_local or address.is_loopback:
        return address
    return ipaddress.ip_network((address, CLIENT_PREFIX_BITS[address.version]), strict=False).network_address


@lru_cache(maxsize=_REMEMBERED)
def _key(address: str) -> str:
    return RATE_LIMIT.key(normalized(address))


def _decide(key: str, limit: int, windows: dict[str, float]) -> Operation[Decision]:
    """`windows` has, by key, the time until which a counter certainly exists with an end."""
    if time.monotonic() < windows.get(key, 0.0):
        (count,) = yield Batch([("INCR", key)])
        if count == 1:
            # It was evicted or flushed early: the counter that INCR made has no end yet.
            windows.pop(key, None)
            yield Batch([("PEXPIRE", key, _WINDOW_MS, "NX")])
    else:
        sent_at = time.monotonic()
        count, _, left = yield Batch([("INCR", key), ("PEXPIRE", key, _WINDOW_MS, "NX"), ("PTTL", key)], transaction=True)
        if len(windows) >= _REMEMBERED:
            windows.clear()
        windows[key] = sent_at + int(left) / 1000 - _MARGIN
    if count <= limit:
        return Decision(allowed=True, remaining=limit - int(count), retry_after=0.0)
    (left,) = yield Batch([("PTTL", key)])
    return Decision(allowed=False, remaining=0, retry_after=max(0, int(left)) / 1000)


class RateLimiter:
    """A limiter over a client from `christmas.pools.connect`.

    `when_down` decides about requests while Redis can't be asked: `allow` keeps the service available, `refuse` keeps it safe.
    """

    def __init__(self, client: redis.Redis, limit: int, *, when_down: str = "allow") -> None:
        _check(limit, when_down)
        self._client = client
        self._limit = limit
        self._allow_when_down = when_down == "allow"
        self._windows: dict[str, float] = {}

    def check(self, address: str) -> Decision:
        """Count a request of that address' client (see `normalized`) and decide. Raises ValueError for an invalid address."""
        key = _key(address)
        try:
            return run(self._client, _decide(key, self._limit, self._windows))
        except UNREACHABLE:
            return Decision(allowed=self._allow_when_down, remaining=0, retry_after=0.0, counted=False)


class AsyncRateLimiter:
    """The same for asyncio, over a client from `christmas.pools.connect_async`."""

    def __init__(self, client: redis.asyncio.Redis, limit: int, *, when_down: str = "allow") -> None:
        _check(limit, when_down)
        self._client = client
        self._limit = limit
        self._allow_when_down = when_down == "allow"
        self._windows: dict[str, float] = {}

    async def check(self, address: str) -> Decision:
        """Count a request of that address' client (see `normalized`) and decide. Raises ValueError for an invalid address."""
        key = _key(address)
        try:
            return await run_async(self._client, _decide(key, self._limit, self._windows))
        except UNREACHABLE:
            return Decision(allowed=self._allow_when_down, remaining=0, retry_after=0.0, counted=False)


def _check(limit: int, when_down: str) -> None:
    if limit < 1:
        raise ValueError("a limit below one request refuses everybody")
    if when_down not in ("allow", "refuse"):
        raise ValueError("when_down is allow or refuse")
