"""How often one address may ask: a counter for each, running for one window from its first request.

Counting and the window's end are set by two commands in one transaction, so no counter can stay without an end, whatever
dies in between, and no script runs in the server. While a window is known to be open, counting alone is enough.
"""

from __future__ import annotations

import ipaddress
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from access.errors import UNREACHABLE
from access.operations import Batch, Operation, run, run_async
from blueprint.keyspaces import RATE_LIMIT

if TYPE_CHECKING:
    import redis
    import redis.asyncio

_WINDOW_MS = round(RATE_LIMIT.ttl.total_seconds() * 1000)
_MARGIN = 2.0
"""Seconds before a window's end from which on it is no longer relied upon: more than a request waits for its answer."""
_REMEMBERED = 16_384
"""Addresses whose open windows are remembered."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a request may pass. `remaining` of the window's requests, `retry_after` in seconds where it may not.

    `counted` is False where Redis could not be asked and the declared choice was taken.
    """

    allowed: bool
    remaining: int
    retry_after: float
    counted: bool = True


@lru_cache(maxsize=_REMEMBERED)
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


@lru_cache(maxsize=_REMEMBERED)
def _key(address: str) -> str:
    return RATE_LIMIT.key(normalized(address))


def _decide(key: str, limit: int, windows: dict[str, float]) -> Operation[Decision]:
    """`windows` has, by key, the time up to which a counter is known to exist with an end."""
    if time.monotonic() < windows.get(key, 0.0):
        (count,) = yield Batch([("INCR", key)])
        if count == 1:
            # Evicted or flushed before its time: what INCR made anew has no end yet.
            windows.pop(key, None)
            yield Batch([("PEXPIRE", key, _WINDOW_MS, "NX")])
    else:
        asked = time.monotonic()
        count, _, left = yield Batch([("INCR", key), ("PEXPIRE", key, _WINDOW_MS, "NX"), ("PTTL", key)], transaction=True)
        if len(windows) >= _REMEMBERED:
            windows.clear()
        windows[key] = asked + int(left) / 1000 - _MARGIN
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
        self._windows: dict[str, float] = {}

    def check(self, address: str) -> Decision:
        """Count a request of that address and decide. Raises ValueError for what is no address."""
        key = _key(address)
        try:
            return run(self._client, _decide(key, self._limit, self._windows))
        except UNREACHABLE:
            return Decision(allowed=self._allow_when_down, remaining=0, retry_after=0.0, counted=False)


class AsyncRateLimiter:
    """The same for asyncio, over a client from `access.pools.connect_async`."""

    def __init__(self, client: redis.asyncio.Redis, limit: int, *, when_down: str = "allow") -> None:
        _check(limit, when_down)
        self._client = client
        self._limit = limit
        self._allow_when_down = when_down == "allow"
        self._windows: dict[str, float] = {}

    async def check(self, address: str) -> Decision:
        """Count a request of that address and decide. Raises ValueError for what is no address."""
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
