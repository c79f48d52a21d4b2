"""The newest candle of every symbol. A candle that is no longer refreshed disappears; nothing older is ever served."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from access.errors import UNREACHABLE, StoreUnavailableError
from access.operations import Batch, Operation, run, run_async
from access.ticks import Replies, payload
from access.values import ValueRefused, decode
from blueprint.keyspaces import MARKET_LATEST

if TYPE_CHECKING:
    import redis
    import redis.asyncio

_CHUNK = 65_536


@dataclass(frozen=True, slots=True)
class Candle:
    """What a symbol's price did in one interval."""

    timestamp: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal

    def fields(self) -> dict[str, Any]:
        """The candle as its keyspace declares it."""
        return {name: getattr(self, name) for name in self.__slots__}


def _read(symbols: list[str]) -> Operation[dict[str, Candle]]:
    if not symbols:
        return {}
    raws = yield Batch([("HGETALL", MARKET_LATEST.key(symbol)) for symbol in symbols])
    return {symbol: candle for symbol, raw in zip(symbols, raws, strict=True) if (candle := _candle(raw))}


def _candle(raw: Any) -> Candle | None:
    if not raw:
        return None
    try:
        return Candle(**decode(MARKET_LATEST, raw))
    except ValueRefused:
        return None  # a cache that can't be read is a cache that is empty


def _exchange(connection: Any, data: bytes, candles: int) -> None:
    """Send a tick and read its answers past the client's parser, whose cost for 4,000 short lines is most of the tick's."""
    connection.connect()
    connection.send_packed_command([data])
    replies = Replies(candles)
    while not replies.feed(connection._sock.recv(_CHUNK)):
        pass


async def _exchange_async(connection: Any, data: bytes, candles: int) -> None:
    await connection.connect()
    await connection.send_packed_command([data])
    replies = Replies(candles)
    async with asyncio.timeout(connection.socket_timeout):
        while not replies.feed(await connection._reader.read(_CHUNK)):
            pass


class MarketCache:
    """The cache over a client from `access.pools.connect`.

    Reading needs the `api` account or another that may read, writing the `ingest` account.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def write(self, candles: Mapping[str, Candle]) -> int:
        """Write a tick, all symbols in one round trip and all of them or none; returns how many.

        Raises ValueRefused or BlueprintError for a candle or symbol that does not fit, StoreUnavailableError where Redis can't be asked.
        """
        if not candles:
            return 0
        data = payload(candles)
        try:
            return self._send(data, len(candles))
        except UNREACHABLE as error:
            raise StoreUnavailableError(f"the tick was not written: {type(error).__name__}") from error

    def _send(self, data: bytes, candles: int) -> int:
        """Writing the same tick twice does no harm, so a broken connection is simply tried again, as the client does."""
        pool: Any = self._client.connection_pool
        connection: Any = pool.get_connection()
        try:
            connection.retry.call_with_retry(lambda: _exchange(connection, data, candles), lambda _error: connection.disconnect())
        except BaseException:
            connection.disconnect()  # answers may be under way that belong to no question
            raise
        finally:
            pool.release(connection)
        return candles

    def read(self, symbols: Iterable[str]) -> dict[str, Candle]:
        """The newest candles of those symbols that have one. Empty where Redis can't be asked: the database has them too."""
        try:
            return run(self._client, _read(list(symbols)))
        except UNREACHABLE:
            return {}


class AsyncMarketCache:
    """The same for asyncio, over a client from `access.pools.connect_async`."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._client = client

    async def write(self, candles: Mapping[str, Candle]) -> int:
        """Write a tick; see MarketCache.write."""
        if not candles:
            return 0
        data = payload(candles)
        try:
            return await self._send(data, len(candles))
        except UNREACHABLE as error:
            raise StoreUnavailableError(f"the tick was not written: {type(error).__name__}") from error

    async def _send(self, data: bytes, candles: int) -> int:
        pool: Any = self._client.connection_pool
        connection = await pool.get_connection()
        try:
            await connection.retry.call_with_retry(
                lambda: _exchange_async(connection, data, candles), lambda _error: connection.disconnect(nowait=True)
            )
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        finally:
            await pool.release(connection)
        return candles

    async def read(self, symbols: Iterable[str]) -> dict[str, Candle]:
        """The newest candles of those symbols that have one; see MarketCache.read."""
        try:
            return await run_async(self._client, _read(list(symbols)))
        except UNREACHABLE:
            return {}
