"""The newest candle of every symbol. A candle that is no longer refreshed disappears; nothing older is ever served."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from access.errors import UNREACHABLE, StoreUnavailableError
from access.operations import Batch, Operation, run, run_async
from access.values import ValueRefused, decode, encode
from blueprint.keyspaces import MARKET_LATEST

if TYPE_CHECKING:
    import redis
    import redis.asyncio

_TTL_MS = round(MARKET_LATEST.ttl.total_seconds() * 1000)


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


def _write(candles: Mapping[str, Candle]) -> Operation[int]:
    commands: list[tuple[str | int | bytes, ...]] = []
    for symbol, candle in candles.items():
        raw = encode(MARKET_LATEST, candle.fields())
        key = MARKET_LATEST.key(symbol)
        assert isinstance(raw, dict)  # noqa: S101 - a hash by its declaration
        commands += [("HSET", key, *(each for pair in raw.items() for each in pair)), ("PEXPIRE", key, _TTL_MS)]
    if commands:
        yield Batch(commands, transaction=True)
    return len(candles)


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
        try:
            return run(self._client, _write(candles))
        except UNREACHABLE as error:
            raise StoreUnavailableError(f"the tick was not written: {type(error).__name__}") from error

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
        try:
            return await run_async(self._client, _write(candles))
        except UNREACHABLE as error:
            raise StoreUnavailableError(f"the tick was not written: {type(error).__name__}") from error

    async def read(self, symbols: Iterable[str]) -> dict[str, Candle]:
        """The newest candles of those symbols that have one; see MarketCache.read."""
        try:
            return await run_async(self._client, _read(list(symbols)))
        except UNREACHABLE:
            return {}
