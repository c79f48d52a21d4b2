"""The newest candle of every symbol. A candle without updates expires; outdated ones are never served."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from christmas.blueprint.keyspaces_and_ttls import MARKET_LATEST
from christmas.candle import Candle
from christmas.errors import UNREACHABLE, StoreUnavailableError
from christmas.operations import Batch, Operation, run, run_async
from christmas.ticks import Replies, Tick
from christmas.values import ValueRefused, decode

if TYPE_CHECKING:
    import redis
    import redis.asyncio

__all__ = ["AsyncMarketCache", "Candle", "MarketCache"]

_CHUNK = 65_536
_ENDLESS = -1  # PTTL's answer for a key without an expiry


def _read(symbols: list[str]) -> Operation[dict[str, Candle]]:
    if not symbols:
        return {}
    keys = [MARKET_LATEST.key(symbol) for symbol in symbols]
    answers = yield Batch([command for key in keys for command in (("HGETALL", key), ("PTTL", key))])
    rows = zip(symbols, answers[::2], answers[1::2], strict=True)
    # A writer that died between writing a candle and its expiry left one that would never expire.
    return {symbol: candle for symbol, raw, left in rows if int(left) != _ENDLESS and (candle := _candle(raw))}


def _candle(raw: Any) -> Candle | None:
    if not raw:
        return None
    try:
        return Candle(**decode(MARKET_LATEST, raw))
    except ValueRefused:
        return None  # an unreadable cache counts as empty


def _exchange(connection: Any, tick: Tick) -> None:
    """Send a tick and read its answers without the client's parser, which would take most of the time for 2,000 short lines."""
    connection.connect()
    connection.send_packed_command(tick.chunks())
    replies = Replies(len(tick))
    while not replies.feed(connection._sock.recv(_CHUNK)):
        pass


async def _exchange_async(connection: Any, tick: Tick) -> None:
    await connection.connect()
    for chunk in tick.chunks():
        await connection.send_packed_command([chunk])
    replies = Replies(len(tick))
    async with asyncio.timeout(connection.socket_timeout):
        while not replies.feed(await connection._reader.read(_CHUNK)):
            pass


class MarketCache:
    """The cache over a client from `christmas.pools.connect`.

    Reading needs the `api` account or another one with read access, writing the `ingest` account.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def write(self, candles: Mapping[str, Candle]) -> int:
        """Write a tick, all symbols in one round trip; returns the number of symbols.

        If the connection breaks halfway, some symbols have the new candle and others their old one until it expires.
        Raises ValueRefused or BlueprintError for an invalid candle or symbol, StoreUnavailableError if Redis can't be asked.
        """
        if not candles:
            return 0
        tick = Tick(candles)
        try:
            return self._send(tick)
        except UNREACHABLE as error:
            raise StoreUnavailableError(f"the tick was not written: {type(error).__name__}") from error

    def _send(self, tick: Tick) -> int:
        """Writing a tick twice is harmless, so after a broken connection it is tried again, as the client does."""
        pool: Any = self._client.connection_pool
        connection: Any = pool.get_connection()
        try:
            connection.retry.call_with_retry(lambda: _exchange(connection, tick), lambda _error: connection.disconnect())
        except BaseException:
            connection.disconnect()  # answers to the old commands may still arrive
            raise
        finally:
            pool.release(connection)
        return len(tick)

    def read(self, symbols: Iterable[str]) -> dict[str, Candle]:
        """The newest candles of the symbols that have one. Empty if Redis can't be asked: the database has them too."""
        try:
            return run(self._client, _read(list(symbols)))
        except UNREACHABLE:
            return {}


class AsyncMarketCache:
    """The same for asyncio, over a client from `christmas.pools.connect_async`."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._client = client

    async def write(self, candles: Mapping[str, Candle]) -> int:
        """Write a tick; see MarketCache.write."""
        if not candles:
            return 0
        tick = Tick(candles)
        try:
            return await self._send(tick)
        except UNREACHABLE as error:
            raise StoreUnavailableError(f"the tick was not written: {type(error).__name__}") from error

    async def _send(self, tick: Tick) -> int:
        pool: Any = self._client.connection_pool
        connection = await pool.get_connection()
        try:
            await connection.retry.call_with_retry(
                lambda: _exchange_async(connection, tick), lambda _error: connection.disconnect(nowait=True)
            )
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        finally:
            await pool.release(connection)
        return len(tick)

    async def read(self, symbols: Iterable[str]) -> dict[str, Candle]:
        """The newest candles of the symbols that have one; see MarketCache.read."""
        try:
            return await run_async(self._client, _read(list(symbols)))
        except UNREACHABLE:
            return {}
