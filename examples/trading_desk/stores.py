"""How the desk asks the three stores: with a time limit, and with one error for all that means "it can't be asked"."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import DictRow, dict_row
from weaviate.exceptions import WeaviateBaseError

from christmas import AsyncStores
from christmas.blueprint.collections_and_properties import CHRISTMAS_DOCUMENT
from christmas.blueprint.queries import LATEST_CANDLES
from christmas.candle import Candle
from christmas.errors import UNREACHABLE, StoreUnavailableError
from christmas.profiles import Profile

SYMBOLS = ("AAPL", "FB", "GOOG", "IBM", "MSFT")
"""What is traded here: the symbols of the sample candles."""
POSTGRES, REDIS, WEAVIATE = "PostgreSQL", "Redis", "The document store"
_CHECKS = {POSTGRES: "postgres", REDIS: "redis", WEAVIATE: "weaviate --store embedder"}
_SECONDS = 5.0
_ANSWERS = 3
_DOWN = (*UNREACHABLE, TimeoutError, psycopg.OperationalError, StoreUnavailableError, WeaviateBaseError)


class StoreDownError(Exception):
    """A store can't be asked now. What was sent to it may have been done or not."""

    def __init__(self, store: str) -> None:
        super().__init__(f"{store} can't be asked")
        self.store = store
        self.check = f"invoke check --store {_CHECKS[store]}"


@contextlib.asynccontextmanager
async def asking(store: str) -> AsyncIterator[None]:
    """Ask a store in this block. Raises StoreDownError if it is not reached or takes too long."""
    try:
        async with asyncio.timeout(_SECONDS):
            yield
    except _DOWN as error:
        # The name alone: a client's own words can hold addresses and values.
        logging.getLogger("uvicorn.error").warning("%s can't be asked: %s", store, type(error).__name__)
        raise StoreDownError(store) from error


@contextlib.asynccontextmanager
async def transaction(stores: AsyncStores) -> AsyncIterator[psycopg.AsyncConnection]:
    """A connection of PostgreSQL, whose work is kept at the block's end."""
    async with asking(POSTGRES), (await stores.postgres()).connection(timeout=_SECONDS) as connection:
        yield connection


async def rows(stores: AsyncStores, statement: bytes, **values: Any) -> list[DictRow]:
    """Run one statement in a transaction of its own, and return its rows by column name."""
    async with transaction(stores) as connection, connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(statement, values)
        return await cursor.fetchall()


@functools.cache
def sql(name: str) -> bytes:
    """The statement in `sql/NAME.sql`."""
    return (Path(__file__).parent / "sql" / f"{name}.sql").read_bytes()


async def newest_candles(stores: AsyncStores) -> dict[str, Candle]:
    """By symbol: from the cache while the market is open, else from the database, which has the others too."""
    async with asking(REDIS):
        candles = await stores.market.read(SYMBOLS)
    missing = [symbol for symbol in SYMBOLS if symbol not in candles]
    if missing:
        for row in await rows(stores, LATEST_CANDLES.sql.encode(), symbols=missing):
            symbol = row.pop("symbol")
            candles[symbol] = Candle(**row)
    return {symbol: candles[symbol] for symbol in SYMBOLS if symbol in candles}


async def write_profile(stores: AsyncStores, user_id: int, fields: Mapping[str, str | None]) -> None:
    """Seal and write what a user tells about themselves; preferences, which this application doesn't show, stay as they are."""
    async with transaction(stores) as connection:
        former = await stores.profiles.read(connection, user_id)
        preferences = former.preferences if former else None
        await stores.profiles.write(connection, Profile(user_id=user_id, preferences=preferences, **fields))


async def read_profile(stores: AsyncStores, user_id: int) -> Profile:
    """What a user has told, opened; an empty profile for one who has told nothing."""
    async with transaction(stores) as connection:
        return await stores.profiles.read(connection, user_id) or Profile(user_id=user_id)


async def passages(stores: AsyncStores, question: str) -> Sequence[Mapping[str, Any]]:
    """The passages that answer a question, best first, each with `content`, `section` and `file_path`; none if nothing is near enough."""
    async with asking(WEAVIATE):
        documents = (await stores.weaviate()).collections.use(CHRISTMAS_DOCUMENT.name)
        answer = await documents.query.near_text(question, certainty=stores.certainty, limit=_ANSWERS)
        return [passage.properties for passage in answer.objects]


async def state_of(stores: AsyncStores) -> dict[str, bool]:
    """Whether each store can be asked."""

    async def is_up(store: str) -> bool:
        with contextlib.suppress(StoreDownError):
            async with asking(store):
                if store == POSTGRES:
                    await rows(stores, b"select 1")
                elif store == REDIS:
                    await stores.redis.ping()
                else:
                    return await (await stores.weaviate()).is_ready()
                return True
        return False

    names = (POSTGRES, REDIS, WEAVIATE)
    return dict(zip(names, await asyncio.gather(*map(is_up, names)), strict=True))
