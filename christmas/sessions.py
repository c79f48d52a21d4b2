"""Login sessions. One lasts for SESSION's TTL (christmas/blueprint/keyspaces_and_ttls.py) from when it was made or last touched.

Redis never sees a token: a session's key is named by the token's hash, so nobody who reads names, values, backups or logs can use
a session (docs/adr/0610).
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from christmas.blueprint.keyspace_model import FieldType
from christmas.blueprint.keyspaces_and_ttls import SESSION
from christmas.errors import UNREACHABLE, SessionsUnavailableError
from christmas.operations import Batch, Operation, Result, run, run_async
from christmas.values import ValueRefused, decode, encode

if TYPE_CHECKING:
    import redis
    import redis.asyncio

_TTL_MS = round(SESSION.ttl.total_seconds() * 1000)
_DECLARED = {declared.name for declared in SESSION.fields}
_PAGE = 1000
_TOKEN = re.compile(r"(-?[0-9]{1,19})\.[A-Za-z0-9_-]{43}", re.ASCII)
_ID = re.compile(r"(-?[0-9]{1,19})\.[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Session:
    """One login. `token` is the credential; it is None in a list of sessions, since Redis doesn't have it.

    `id` names the session and is no credential. It begins with the user's number, so that a user's sessions can be found.
    """

    id: str
    token: str | None = field(repr=False)
    user_id: int
    username: str
    roles: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    extra: Mapping[str, str] = field(default_factory=dict)


def id_of(token: str) -> str | None:
    """The id of a token's session; None for text that can't be a token: tokens come from outside."""
    match = _TOKEN.fullmatch(token)
    return f"{match[1]}.{hashlib.sha256(token.encode('ascii')).hexdigest()}" if match else None


def _create(user_id: int, username: str, roles: Sequence[str], extra: Mapping[str, str]) -> Operation[Session]:
    if overlap := _DECLARED & extra.keys():
        raise ValueRefused(f"keyspace {SESSION.name}: {sorted(overlap)[0]} is a field of its own")
    now = datetime.now(UTC)
    token = f"{user_id}.{secrets.token_urlsafe(32)}"
    session_id = id_of(token)
    if session_id is None:
        raise ValueRefused(f"keyspace {SESSION.name}: field user_id is not {FieldType.INTEGER.value}")
    session = Session(session_id, token, user_id, username, tuple(roles), now, now + SESSION.ttl, dict(extra))
    values = {
        "user_id": user_id,
        "username": username,
        "roles": list(roles),
        "created_at": session.created_at,
        "expires_at": session.expires_at,
        **extra,
    }
    raw = encode(SESSION, values)
    assert isinstance(raw, dict)  # noqa: S101 - a hash by its declaration
    key = SESSION.key(session.id)
    fields = [text for pair in raw.items() for text in pair]
    yield Batch([("HSET", key, *fields), ("PEXPIRE", key, _TTL_MS)], transaction=True)
    return session


def _read(token: str) -> Operation[Session | None]:
    session_id = id_of(token)
    if session_id is None:
        return None
    # Made by an older version, named by the token itself: readable until it expires. A name of the present form is not a token.
    raws = yield Batch([("HGETALL", SESSION.key(session_id)), ("HGETALL", SESSION.key(token))])
    return next((session for raw in raws if (session := _session(session_id, token, raw))), None)


def _touch(token: str) -> Operation[bool]:
    session_id = id_of(token)
    if session_id is None:
        return False
    key = SESSION.key(session_id)
    expires_at = (datetime.now(UTC) + SESSION.ttl).isoformat()
    # Only if the field exists: a plain HSET would revive an ended session as a hash that never expires.
    answers = yield Batch([("HSETEX", key, "FXX", "FIELDS", 1, "expires_at", expires_at), ("PEXPIRE", key, _TTL_MS)], transaction=True)
    if answers[0]:
        return True
    # An older version's session is not prolonged: its name is a secret that others can see, so it must end.
    (former,) = yield Batch([("EXISTS", SESSION.key(token))])
    return bool(former)


def _end(token: str) -> Operation[bool]:
    session_id = id_of(token)
    if session_id is None:
        return False
    (ended,) = yield Batch([("UNLINK", SESSION.key(session_id), SESSION.key(token))])
    return bool(ended)


def _end_listed(session_id: str) -> Operation[bool]:
    named = _ID.fullmatch(session_id)
    if named is None:
        return False
    (ended,) = yield Batch([("UNLINK", SESSION.key(session_id))])
    if ended:
        return True
    former = [part for part in (yield from _parts_of(int(named[1]))) if id_of(part) == session_id]
    if not former:
        return False
    (ended,) = yield Batch([("UNLINK", *map(SESSION.key, former))])
    return bool(ended)


def _parts_of(user_id: int) -> Operation[list[str]]:
    # The pattern contains only a number and our own punctuation.
    pattern = SESSION.key(f"{int(user_id)}.") + "*"
    cursor, parts = 0, set[str]()
    while True:
        ((cursor, keys),) = yield Batch([("SCAN", cursor, "MATCH", pattern, "COUNT", _PAGE)])
        parts |= {part for key in keys if (part := SESSION.part(key))}
        if int(cursor) == 0:
            return sorted(parts)


def _of_user(user_id: int) -> Operation[list[Session]]:
    parts = yield from _parts_of(user_id)
    if not parts:
        return []
    raws = yield Batch([("HGETALL", SESSION.key(part)) for part in parts])
    # An older version's key is named by its token: list it with the id that the token has now.
    ids = [id_of(part) or part for part in parts]
    sessions = [session for session_id, raw in zip(ids, raws, strict=True) if (session := _session(session_id, None, raw))]
    return sorted(sessions, key=lambda session: session.created_at)


def _end_all(user_id: int) -> Operation[int]:
    ended = 0
    while parts := (yield from _parts_of(user_id)):
        # The user may log in meanwhile: continue until no session is left.
        (gone,) = yield Batch([("UNLINK", *map(SESSION.key, parts))])
        ended += int(gone)
    return ended


def _session(session_id: str, token: str | None, raw: Any) -> Session | None:
    if not raw:
        return None
    try:
        values = decode(SESSION, raw)
    except ValueRefused:
        return None  # a value that our services did not write is not a login
    if values["expires_at"] <= datetime.now(UTC):
        return None
    extra = {name: value for name, value in values.items() if name not in _DECLARED}
    declared = (values["user_id"], values["username"], tuple(values["roles"]), values["created_at"], values["expires_at"])
    return Session(session_id, token, *declared, extra)


class Sessions:
    """Sessions over a client from `christmas.pools.connect`.

    Every method raises SessionsUnavailableError if Redis can't be asked.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def _run(self, operation: Operation[Result]) -> Result:
        try:
            return run(self._client, operation)
        except UNREACHABLE as error:
            raise SessionsUnavailableError(f"sessions can't be asked: {type(error).__name__}") from error

    def create(self, user_id: int, username: str, roles: Sequence[str] = (), **extra: str) -> Session:
        """Log a user in. Raises ValueRefused for a value that the keyspace refuses."""
        return self._run(_create(user_id, username, roles, extra))

    def read(self, token: str) -> Session | None:
        """The session of a token, or None if there is none."""
        return self._run(_read(token))

    def touch(self, token: str) -> bool:
        """Restart the session's lifetime; False if it has ended."""
        return self._run(_touch(token))

    def end(self, token: str) -> bool:
        """Log out; False if the session had ended."""
        return self._run(_end(token))

    def end_listed(self, session_id: str) -> bool:
        """End one session of `of_user`'s list, by its `id`; False if it had ended. Don't pass an id from outside."""
        return self._run(_end_listed(session_id))

    def of_user(self, user_id: int) -> list[Session]:
        """A user's sessions, oldest first, without their tokens."""
        return self._run(_of_user(user_id))

    def end_all(self, user_id: int) -> int:
        """Log a user out everywhere; returns the number of ended sessions."""
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
        """Log a user in. Raises ValueRefused for a value that the keyspace refuses."""
        return await self._run(_create(user_id, username, roles, extra))

    async def read(self, token: str) -> Session | None:
        """The session of a token, or None if there is none."""
        return await self._run(_read(token))

    async def touch(self, token: str) -> bool:
        """Restart the session's lifetime; False if it has ended."""
        return await self._run(_touch(token))

    async def end(self, token: str) -> bool:
        """Log out; False if the session had ended."""
        return await self._run(_end(token))

    async def end_listed(self, session_id: str) -> bool:
        """End one session of `of_user`'s list, by its `id`; False if it had ended. Don't pass an id from outside."""
        return await self._run(_end_listed(session_id))

    async def of_user(self, user_id: int) -> list[Session]:
        """A user's sessions, oldest first, without their tokens."""
        return await self._run(_of_user(user_id))

    async def end_all(self, user_id: int) -> int:
        """Log a user out everywhere; returns the number of ended sessions."""
        return await self._run(_end_all(user_id))
