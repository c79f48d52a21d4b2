"""How often one address may ask: a counter for each, running for one window from its first request.

Counting and the window's end are set by two commands in one transaction, so no counter can stay without an end, whatever
dies in between, and no script runs in the server.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from access.errors import UNREACHABLE
from access.operations import Batch, Operation, run, run_async
from blueprint.keyspaces import RATE_LIMIT

if TYPE_CHECKING:
    import redis
    import redis.asyncio

_WINDOW_MS = round(RATE_LIMIT.ttl.total_seconds() * 1000)


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a request may pass. `remaining` of the window's requests, `retry_after` in seconds where it may not.

    `counted` is False where Redis could not be asked and the declared choice was taken.
    """

    allowed: bool
    remaining: int
    retry_after: float
    counted: bool = True


def normalized(address: str) -> str:
    """One spelling for each address: `2001:DB8:0::1` and `2001:db8::1` share a counter, as do IPv4 and its mapping into IPv6.

    Raises ValueError for what is no address.
    """
    parsed = ipaddress.ip_address(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.IPv6Address(int(parsed)))  # without a zone: it names a link of this machine, not a client
    return str(parsed)


def _decide(key: str, limit: int) -> Operation[Decision]:
    count, _ = yield Batch([("INCR", key), ("PEXPIRE", key, _WINDOW_MS, "NX")], transaction=True)
    if count <= limit:
        return Decision(allowed=True, remaining=limit - int(count), retry_after=0.0)
    (left,) = yield Batch([("PTTL", key)])
    return Decision(allowed=False, remaining=0, retry_after=max(0, int(left)) / 1000)


class RateLimiter:
    """A limiter over a client from `access.pools.connect`.

    `when_down` declares what happens to a request while Redis can't be asked: `allow` keeps the service up, `refuse` keeps it safe.
    """

    def __init__(self, client: redis.Redis, limit: int, *, when_down: str = "allow") -> None:
        _check(limit, when_down)
        self._client = client
        self._limit = limit
        self._allow_when_down = when_down == "allow"

    def check(self, address: str) -> Decision:
        """Count a request of that address and decide. Raises ValueError for what is no address."""
        key = RATE_LIMIT.key(normalized(address))
        try:
            return run(self._client, _decide(key, self._limit))
        except UNREACHABLE:
            return Decision(allowed=self._allow_when_down, remaining=0, retry_after=0.0, counted=False)


class AsyncRateLimiter:
    """The same for asyncio, over a client from `access.pools.connect_async`."""

    def __init__(self, client: redis.asyncio.Redis, limit: int, *, when_down: str = "allow") -> None:
        _check(limit, when_down)
        self._client = client
        self._limit = limit
        self._allow_when_down = when_down == "allow"

    async def check(self, address: str) -> Decision:
        """Count a request of that address and decide. Raises ValueError for what is no address."""
        key = RATE_LIMIT.key(normalized(address))
        try:
            return await run_async(self._client, _decide(key, self._limit))
        except UNREACHABLE:
            return Decision(allowed=self._allow_when_down, remaining=0, retry_after=0.0, counted=False)


def _check(limit: int, when_down: str) -> None:
    if limit < 1:
        raise ValueError("a limit below one request refuses everybody")
    if when_down not in ("allow", "refuse"):
        raise ValueError("when_down is allow or refuse")
