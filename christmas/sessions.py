"""Who is logged in. A session lasts as long as its keyspace says since it was made or last touched."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from christmas.blueprint.keyspaces import SESSION
from christmas.blueprint.model import BlueprintError
from christmas.errors import UNREACHABLE, SessionsUnavailableError
from christmas.operations import Batch, Operation, Result, run, run_async
from christmas.values import ValueRefused, decode, encode

if TYPE_CHECKING:
    import redis
    import redis.asyncio

_TTL_MS = round(SESSION.ttl.total_seconds() * 1000)
_DECLARED = {each.name for each in SESSION.fields}
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Session:
    """One login. Whoever knows `id` is logged in; it begins with the user's number, so that a user's sessions can be found."""

    id: str = field(repr=False)
    user_id: int
    username: str
    roles: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    extra: Mapping[str, str] = field(default_factory=dict)


def _create(user_id: int, username: str, roles: Sequence[str], extra: Mapping[str, str]) -> Operation[Session]:
    if overlap := _DECLARED & extra.keys():
        raise ValueRefused(f"keyspace {SESSION.name}: {sorted(overlap)[0]} is a field of its own")
    now = datetime.now(UTC)
    made = Session(f"{user_id}.{secrets.token_urlsafe(32)}", user_id, username, tuple(roles), now, now + SESSION.ttl, dict(extra))
    values = {
        "user_id": user_id,
        "username": username,
        "roles": list(roles),
        "created_at": made.created_at,
        "expires_at": made.expires_at,
        **extra,
    }
    raw = encode(SESSION, values)
    assert isinstance(raw, dict)  # noqa: S101 - a hash by its declaration
    key = SESSION.key(made.id)
    fields = [each for pair in raw.items() for each in pair]
    yield Batch([("HSET", key, *fields), ("PEXPIRE", key, _TTL_MS)], transaction=True)
    return made


def _read(session_id: str) -> Operation[Session | None]:
    key = _key(session_id)
    if key is None:
        return None
    (raw,) = yield Batch([("HGETALL", key)])
    return _session(session_id, raw)


def _touch(session_id: str) -> Operation[bool]:
    key = _key(session_id)
    if key is None:
        return False
    expires_at = (datetime.now(UTC) + SESSION.ttl).isoformat()
    # Only where the field is there: a plain HSET would revive an ended session as a hash that never expires.
    answers = yield Batch([("HSETEX", key, "FXX", "FIELDS", 1, "expires_at", expires_at), ("PEXPIRE", key, _TTL_MS)], transaction=True)
    return bool(answers[0])


def _end(session_ids: Sequence[str]) -> Operation[int]:
    keys = [key for each in session_ids if (key := _key(each))]
    if not keys:
        return 0
    (ended,) = yield Batch([("UNLINK", *keys)])
    return int(ended)


def _ids_of(user_id: int) -> Operation[list[str]]:
    # The pattern holds a number and our own signs only.
    pattern = SESSION.key(f"{int(user_id)}.") + "*"
    cursor, found = 0, set[str]()
    while True:
        ((cursor, keys),) = yield Batch([("SCAN", cursor, "MATCH", pattern, "COUNT", _PAGE)])
        found |= {part for key in keys if (part := SESSION.part(key))}
        if int(cursor) == 0:
            return sorted(found)


def _of_user(user_id: int) -> Operation[list[Session]]:
    ids = yield from _ids_of(user_id)
    if not ids:
        return []
    raws = yield Batch([("HGETALL", SESSION.key(each)) for each in ids])
    found = [session for each, raw in zip(ids, raws, strict=True) if (session := _session(each, raw))]
    return sorted(found, key=lambda session: session.created_at)


def _end_all(user_id: int) -> Operation[int]:
    ended = 0
    while ids := (yield from _ids_of(user_id)):
        # Somebody may log in meanwhile: go on until none is found.
        ended += yield from _end(ids)
    return ended


def _key(session_id: str) -> str | None:
    """None for what can't be an id: it came from outside, and means the same as one that is not there."""
    try:
        return SESSION.key(session_id)
    except BlueprintError:
        return None


def _session(session_id: str, raw: Any) -> Session | None:
    if not raw:
        return None
    try:
        values = decode(SESSION, raw)
    except ValueRefused:
        return None  # nobody is logged in by a value that no service of ours wrote
    if values["expires_at"] <= datetime.now(UTC):
        return None
    extra = {name: value for name, value in values.items() if name not in _DECLARED}
    return Session(
        session_id, values["user_id"], values["username"], tuple(values["roles"]), values["created_at"], values["expires_at"], extra
    )


class Sessions:
    """Sessions over a client from `christmas.pools.connect`.

    Every method raises SessionsUnavailableError where Redis can't be asked.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def _run(self, operation: Operation[Result]) -> Result:
        try:
            return run(self._client, operation)
        except UNREACHABLE as error:
            raise SessionsUnavailableError(f"sessions can't be asked: {type(error).__name__}") from error

    def create(self, user_id: int, username: str, roles: Sequence[str] = (), **extra: str) -> Session:
        """Log a user in. Raises ValueRefused for a value that does not fit the keyspace."""
        return self._run(_create(user_id, username, roles, extra))

    def read(self, session_id: str) -> Session | None:
        """The session, or None where there is none any more."""
        return self._run(_read(session_id))

    def touch(self, session_id: str) -> bool:
        """Let the session last its full time from now on; False where it has ended."""
        return self._run(_touch(session_id))

    def end(self, session_id: str) -> bool:
        """Log out; False where the session had ended."""
        return bool(self._run(_end([session_id])))

    def of_user(self, user_id: int) -> list[Session]:
        """A user's sessions, oldest first."""
        return self._run(_of_user(user_id))

    def end_all(self, user_id: int) -> int:
        """Log a user out everywhere; returns how many sessions ended."""
        return self._run(_end_all(user_id))


class AsyncSessions:
    """The same for asyncio, over a client from `christmas.pools.connect_async`."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._client = client

    async def _run(self, operation: Operation[Result]) -> Result:
        try:
            return await run_async(self._client, operation)
        except UNREACHABLE as error:
            raise SessionsUnavailableError(f"sessions can't be asked: {type(error).__name__}") from error

    async def create(self, user_id: int, username: str, roles: Sequence[str] = (), **extra: str) -> Session:
        """Log a user in. Raises ValueRefused for a value that does not fit the keyspace."""
        return await self._run(_create(user_id, username, roles, extra))

    async def read(self, session_id: str) -> Session | None:
        """The session, or None where there is none any more."""
        return await self._run(_read(session_id))

    async def touch(self, session_id: str) -> bool:
        """Let the session last its full time from now on; False where it has ended."""
        return await self._run(_touch(session_id))

    async def end(self, session_id: str) -> bool:
        """Log out; False where the session had ended."""
        return bool(await self._run(_end([session_id])))

    async def of_user(self, user_id: int) -> list[Session]:
        """A user's sessions, oldest first."""
        return await self._run(_of_user(user_id))

    async def end_all(self, user_id: int) -> int:
        """Log a user out everywhere; returns how many sessions ended."""
        return await self._run(_end_all(user_id))
