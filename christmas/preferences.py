"""A user's settings: a cache in front of `user_profiles.preferences`, dropped when the row changes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from redis.exceptions import WatchError

from christmas.blueprint.keyspaces_and_ttls import USER_PREFERENCES
from christmas.errors import UNREACHABLE
from christmas.operations import Batch, Operation, run, run_async
from christmas.values import ValueRefused, decode, encode

if TYPE_CHECKING:
    import redis
    import redis.asyncio

_TTL_MS = round(USER_PREFERENCES.ttl.total_seconds() * 1000)

Values = dict[str, Any]
Load = Callable[[int], Mapping[str, Any] | None]
"""Reads a user's preferences from the database; None for a user without a profile."""
AsyncLoad = Callable[[int], Awaitable[Mapping[str, Any] | None]]


def _drop(user_id: int) -> Operation[None]:
    key = USER_PREFERENCES.key(user_id)
    # Another process may be filling the key from the row's old state. It would not notice the deletion of a missing key; the write
    # before makes its transaction fail.
    yield Batch([("SET", key, "{}", "PX", _TTL_MS), ("DEL", key)], transaction=True)


def _decoded(raw: str | None) -> Values | None:
    if raw is None:
        return None
    try:
        return decode(USER_PREFERENCES, raw)
    except ValueRefused:
        return None  # an unreadable cache counts as empty


def _encoded(values: Mapping[str, Any]) -> str | None:
    """The cached form; None for settings that are too big or that the keyspace refuses: those are read from the row each time."""
    try:
        return str(encode(USER_PREFERENCES, values))
    except ValueRefused:
        return None


class Preferences:
    """The settings' cache over a client from `christmas.pools.connect`. Without Redis every read goes to the database."""

    def __init__(self, client: redis.Redis, load: Load) -> None:
        self._client = client
        self._load = load

    def read(self, user_id: int) -> Values | None:
        """The user's settings; None for a user without a profile. Raises the errors of `load`."""
        key = USER_PREFERENCES.key(user_id)
        try:
            cached = _decoded(self._client.get(key))  # type: ignore[arg-type]
        except UNREACHABLE:
            cached, key = None, ""
        return cached if cached is not None else self._fill(key, user_id)

    def _fill(self, key: str, user_id: int) -> Values | None:
        if not key:
            return self._plain(self._load(user_id))
        loaded: Mapping[str, Any] | None = None
        has_read = False
        try:
            with self._client.pipeline(transaction=True) as pipeline:
                pipeline.watch(key)  # type: ignore[no-untyped-call]
                loaded, has_read = self._load(user_id), True
                text = _encoded(loaded) if loaded is not None else None
                if text is not None:
                    pipeline.multi()
                    pipeline.set(key, text, px=_TTL_MS)
                    pipeline.execute()
        except WatchError:
            pass  # dropped or filled in the meantime: don't cache the loaded value
        except UNREACHABLE:
            loaded = loaded if has_read else self._load(user_id)
        return self._plain(loaded)

    @staticmethod
    def _plain(loaded: Mapping[str, Any] | None) -> Values | None:
        return None if loaded is None else dict(loaded)

    def drop(self, user_id: int) -> bool:
        """Call it after the row's change is committed. False if Redis can't be asked: old settings then last an hour at most."""
        try:
            run(self._client, _drop(user_id))
        except UNREACHABLE:
            return False
        return True


class AsyncPreferences:
    """The same for asyncio, over a client from `christmas.pools.connect_async`."""

    def __init__(self, client: redis.asyncio.Redis, load: AsyncLoad) -> None:
        self._client = client
        self._load = load

    async def read(self, user_id: int) -> Values | None:
        """The user's settings; see Preferences.read."""
        key = USER_PREFERENCES.key(user_id)
        try:
            cached = _decoded(await self._client.get(key))  # type: ignore[arg-type]
        except UNREACHABLE:
            loaded = await self._load(user_id)
            return None if loaded is None else dict(loaded)
        return cached if cached is not None else await self._fill(key, user_id)

    async def _fill(self, key: str, user_id: int) -> Values | None:
        loaded: Mapping[str, Any] | None = None
        has_read = False
        try:
            async with self._client.pipeline(transaction=True) as pipeline:
                await pipeline.watch(key)
                loaded, has_read = await self._load(user_id), True
                text = _encoded(loaded) if loaded is not None else None
                if text is not None:
                    pipeline.multi()  # type: ignore[no-untyped-call]
                    pipeline.set(key, text, px=_TTL_MS)
                    await pipeline.execute()
        except WatchError:
            pass  # dropped or filled in the meantime: don't cache the loaded value
        except UNREACHABLE:
            loaded = loaded if has_read else await self._load(user_id)
        return None if loaded is None else dict(loaded)

    async def drop(self, user_id: int) -> bool:
        """Call it after the row's change is committed; see Preferences.drop."""
        try:
            await run_async(self._client, _drop(user_id))
        except UNREACHABLE:
            return False
        return True
