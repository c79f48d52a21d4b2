"""The three stores of a stack for one account: `connect()` needs only the file that `invoke env` writes.

Each store's client is imported at first use: an application with Redis alone needs only Redis' client.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import psycopg_pool
    import redis
    import redis.asyncio
    import weaviate

    from christmas.market import AsyncMarketCache, MarketCache
    from christmas.preferences import AsyncPreferences, Preferences
    from christmas.profiles import AsyncProfiles, Profiles
    from christmas.rate_limits import AsyncRateLimiter, RateLimiter
    from christmas.sealed.cipher import FieldCipher
    from christmas.sessions import AsyncSessions, Sessions
    from christmas.weaviate_access import WeaviateAccess

_POOL = 8
_PREFERENCES = "select preferences from user_profiles where user_id = %s"


class MissingSettingError(LookupError):
    """The account's file lacks this setting: the account is not in that store, or it is another account's file."""


def read_settings(source: str | Path | Mapping[str, str] | None = None) -> dict[str, str]:
    """The settings by name: from a file of `invoke env` (either form), from a mapping, or from this process's environment.

    Raises OSError if the file can't be read.
    """
    if source is None:
        return dict(os.environ)
    if isinstance(source, Mapping):
        return dict(source)
    lines = [
        line.partition("=") for line in Path(source).read_text(encoding="utf-8").splitlines() if "=" in line and not line.startswith("#")
    ]
    return {name: "".join(shlex.split(value)) if value[:1] in {"'", '"'} else value for name, _, value in lines}


class _Connected:
    """The common part of both kinds of access."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        self._settings = settings

    def __repr__(self) -> str:
        return f"{type(self).__name__}(stack {self._settings.get('CHRISTMAS_STACK')}, account {self._settings.get('CHRISTMAS_ACCOUNT')})"

    def setting(self, name: str) -> str:
        """A setting's value. Raises MissingSettingError if it is missing."""
        if value := self._settings.get(name):
            return value
        account = self._settings.get("CHRISTMAS_ACCOUNT", "of no name")
        raise MissingSettingError(f"account {account} has no {name}: it is not in that store, or `invoke env --account …` was not read")

    @cached_property
    def cipher(self) -> FieldCipher:
        """The cipher of encrypted fields; reads the key ring again when it meets an unknown key."""
        from christmas.sealed import ring
        from christmas.sealed.cipher import FieldCipher

        path = self.setting("FIELD_KEYS_FILE")
        return FieldCipher(ring.from_file(path), renew=lambda: ring.from_file(path))

    @property
    def certainty(self) -> float:
        """The minimum certainty of an answer from the documents with this stack's embedding model: `certainty` of a near-text search."""
        return float(self.setting("CHRISTMAS_SEARCH_CERTAINTY"))

    def _weaviate_access(self) -> WeaviateAccess:
        from christmas.weaviate_access import WeaviateAccess

        rest = urlsplit(self.setting("WEAVIATE_URL"))
        return WeaviateAccess(
            host=rest.hostname or "",
            port=rest.port or 443,
            grpc_host=self.setting("WEAVIATE_GRPC_HOST"),
            grpc_port=int(self.setting("WEAVIATE_GRPC_PORT")),
            ca_file=Path(self.setting("CHRISTMAS_CA_FILE")),
            key=self.setting("WEAVIATE_API_KEY"),
            embedding_key=self._settings.get("OPENAI_API_KEY", ""),
        )


class Stores(_Connected):
    """One account's access to the stores, for threads. Connects at first use; leaving the block closes all connections."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all open connections."""
        for name in ("redis", "postgres", "weaviate"):
            if connection := self.__dict__.pop(name, None):
                connection.close()

    @cached_property
    def redis(self) -> redis.Redis:
        """A client of Redis, safe to share between threads."""
        from christmas import pools

        return pools.connect(self.setting("REDIS_URL"))

    @cached_property
    def postgres(self) -> psycopg_pool.ConnectionPool:
        """A pool of PostgreSQL: `with stores.postgres.connection() as connection`."""
        import psycopg_pool

        # A server that was started again has ended the connections that wait here: they are tried before they are handed out.
        check = psycopg_pool.ConnectionPool.check_connection
        return psycopg_pool.ConnectionPool(self.setting("DATABASE_URL"), min_size=0, max_size=_POOL, open=True, check=check)

    @cached_property
    def weaviate(self) -> weaviate.WeaviateClient:
        """A connected client of Weaviate."""
        client = self._weaviate_access().client()
        client.connect()
        return client

    @cached_property
    def sessions(self) -> Sessions:
        """Login sessions."""
        from christmas.sessions import Sessions

        return Sessions(self.redis)

    @cached_property
    def market(self) -> MarketCache:
        """The newest candle of every symbol."""
        from christmas.market import MarketCache

        return MarketCache(self.redis)

    def rate_limiter(self, limit: int, *, when_down: str = "allow") -> RateLimiter:
        """A limit on a client's requests per minute: see `RateLimiter`."""
        from christmas.rate_limits import RateLimiter

        return RateLimiter(self.redis, limit, when_down=when_down)

    @cached_property
    def preferences(self) -> Preferences:
        """Users' settings, from the cache, else from the database."""
        from christmas.preferences import Preferences

        def load(user_id: int) -> Mapping[str, Any] | None:
            with self.postgres.connection() as connection:
                row = connection.execute(_PREFERENCES, (user_id,)).fetchone()
            return None if row is None else row[0] or {}

        return Preferences(self.redis, load)

    @cached_property
    def profiles(self) -> Profiles:
        """Users' profiles, on connections of `postgres`."""
        from christmas.profiles import Profiles

        return Profiles(self.cipher)


class AsyncStores(_Connected):
    """The same for asyncio, for one event loop. Use it with `async with`."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        import asyncio  # late: whoever imports the library without it starts faster, the wrapper before each `pulumi` command too

        super().__init__(settings)
        self._connecting = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all open connections."""
        closing: tuple[tuple[str, Callable[[Any], Awaitable[None]]], ...] = (
            ("redis", lambda connection: connection.aclose()),
            ("_postgres", lambda connection: connection.close()),
            ("_weaviate", lambda connection: connection.close()),
        )
        for name, close in closing:
            if connection := self.__dict__.pop(name, None):
                await close(connection)

    @cached_property
    def redis(self) -> redis.asyncio.Redis:
        """A client of Redis."""
        from christmas import pools

        return pools.connect_async(self.setting("REDIS_URL"))

    async def postgres(self) -> psycopg_pool.AsyncConnectionPool:
        """The opened pool of PostgreSQL: `async with (await stores.postgres()).connection() as connection`."""
        import psycopg_pool

        if "_postgres" not in self.__dict__:
            check = psycopg_pool.AsyncConnectionPool.check_connection  # as in `Stores`
            pool = psycopg_pool.AsyncConnectionPool(self.setting("DATABASE_URL"), min_size=0, max_size=_POOL, open=False, check=check)
            self.__dict__["_postgres"] = pool
            await pool.open()
        opened: psycopg_pool.AsyncConnectionPool = self.__dict__["_postgres"]
        return opened

    async def weaviate(self) -> weaviate.WeaviateAsyncClient:
        """A connected client of Weaviate."""
        async with self._connecting:  # tasks that come first together share the one client
            if "_weaviate" not in self.__dict__:
                client = self._weaviate_access().async_client()
                try:
                    await client.connect()
                except BaseException:
                    await client.close()
                    raise
                self.__dict__["_weaviate"] = client
            connected: weaviate.WeaviateAsyncClient = self.__dict__["_weaviate"]
            return connected

    @cached_property
    def sessions(self) -> AsyncSessions:
        """Login sessions."""
        from christmas.sessions import AsyncSessions

        return AsyncSessions(self.redis)

    @cached_property
    def market(self) -> AsyncMarketCache:
        """The newest candle of every symbol."""
        from christmas.market import AsyncMarketCache

        return AsyncMarketCache(self.redis)

    def rate_limiter(self, limit: int, *, when_down: str = "allow") -> AsyncRateLimiter:
        """A limit on a client's requests per minute: see `RateLimiter`."""
        from christmas.rate_limits import AsyncRateLimiter

        return AsyncRateLimiter(self.redis, limit, when_down=when_down)

    @cached_property
    def preferences(self) -> AsyncPreferences:
        """Users' settings, from the cache, else from the database."""
        from christmas.preferences import AsyncPreferences

        async def load(user_id: int) -> Mapping[str, Any] | None:
            async with (await self.postgres()).connection() as connection:
                row = await (await connection.execute(_PREFERENCES, (user_id,))).fetchone()
            return None if row is None else row[0] or {}

        return AsyncPreferences(self.redis, load)

    @cached_property
    def profiles(self) -> AsyncProfiles:
        """Users' profiles, on connections of `postgres`."""
        from christmas.profiles import AsyncProfiles

        return AsyncProfiles(self.cipher)


def connect(source: str | Path | Mapping[str, str] | None = None) -> Stores:
    """The stores, with the settings of a file of `invoke env`, else of this process's environment.

    Raises OSError if the file can't be read. Using a store without the account raises MissingSettingError.
    """
    return Stores(read_settings(source))


def connect_async(source: str | Path | Mapping[str, str] | None = None) -> AsyncStores:
    """The same for asyncio."""
    return AsyncStores(read_settings(source))
