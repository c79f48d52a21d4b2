"""Passwords, hashed by argon2 as the database wants them. Two at a time: each takes 64 MiB and a processor for a moment."""

from __future__ import annotations

from anyio import CapacityLimiter, to_thread
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

_HASHER = PasswordHasher()
_NOBODYS = _HASHER.hash("the password of nobody")
_AT_ONCE = CapacityLimiter(2)


async def hashed(password: str) -> str:
    """What is stored of a password."""
    return await to_thread.run_sync(_HASHER.hash, password, limiter=_AT_ONCE)


async def fits(password: str, stored: str | None) -> bool:
    """Whether it is the password. Takes as long for a user that there isn't (None), so that the time tells nobody who has an account."""

    def verify() -> bool:
        try:
            return _HASHER.verify(stored or _NOBODYS, password) and stored is not None
        except VerifyMismatchError:
            return False

    return await to_thread.run_sync(verify, limiter=_AT_ONCE)
