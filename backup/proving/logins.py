"""Whether an account gets into a store. Each function returns why not, or nothing.

A store that refuses an account has told something. One that is slow, is starting, has no connection to spare or hangs up in the middle
has told nothing: that is `Unlearned`, a reason like the others, which a proof takes for a failure and a check for something unknown.
"""

from __future__ import annotations

import http.client
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from json import loads

from core.patience import patience
from infra import clients
from infra.connections import Platform

_SECONDS = 10.0
_TRIES = 3
_AGAIN_WITHIN_SECONDS = 3.0
# Begins of SQLSTATEs that say nothing about the account: connection broken, no resources, interference by an operator (a server that
# starts or stops, a statement's time limit), the server's own trouble.
_PASSING = ("08", "53", "57", "58", "XX")
# The same where libpq has only the server's words.
_PASSING_WORDS = (
    "starting up", "shutting down", "not yet accepting connections", "recovery mode", "too many connections", "too many clients",
    "connection slots are reserved", "terminating connection", "canceling authentication due to timeout", "out of memory", "could not fork",
)  # fmt: skip
# What libpq says where nothing was refused by words, and yet it was seen that it does not work.
_SEEN = ("FATAL: ", "certificate verify failed", "does not match host name", "does not support SSL", "onnection refused")
# Redis' words for a state that passes.
_BUSY = ("LOADING", "BUSY", "MASTERDOWN", "TRYAGAIN", "max number of clients reached")


class Unlearned(str):
    """Why it could not be learned whether an account gets in."""

    __slots__ = ()


def postgres(platform: Platform, account: str) -> str:
    """Log in to PostgreSQL and ask who that is."""
    return _patiently(lambda: _postgres(platform, account))


def redis(platform: Platform, account: str) -> str:
    """Log in to Redis."""
    return _patiently(lambda: _redis(platform, account))


def weaviate(platform: Platform, account: str) -> str:
    """Show Weaviate the account's key and ask whose it is."""
    return _patiently(lambda: _weaviate(platform, account))


def _patiently(login: Callable[[], str]) -> str:
    """Try again where a quick answer told nothing: a connection that was cut says nothing about the next one."""
    began = time.monotonic()
    for _ in range(_TRIES - 1):
        problem = login()
        if not isinstance(problem, Unlearned) or time.monotonic() - began > patience(_AGAIN_WITHIN_SECONDS):
            return problem
        time.sleep(0.2)
    return login()


def _postgres(platform: Platform, account: str) -> str:
    import psycopg

    try:
        with clients.postgres(platform, account) as connection:
            row = connection.execute("select session_user").fetchone()
    except psycopg.Error as error:
        told = _told(error)
        return told if postgres_refused(error.sqlstate, str(error)) else Unlearned(told)
    return "" if row == (account,) else f"is {row}"


def postgres_refused(sqlstate: str | None, said: str) -> bool:
    """Whether a failed login or its first question was refused, rather than slow, cut or put off. Pure."""
    if sqlstate is not None:
        return not sqlstate.startswith(_PASSING)
    return any(sign in said for sign in _SEEN) and not any(sign in said for sign in _PASSING_WORDS)


def _redis(platform: Platform, account: str) -> str:
    import redis as driver

    try:
        with clients.redis_client(platform, account) as client:
            return "" if client.ping() else "no answer"
    except (driver.RedisError, OSError) as error:
        return _told(error) if redis_refused(error) else Unlearned(_told(error))


def redis_refused(error: Exception) -> bool:
    """The same for Redis. Pure."""
    import redis as driver

    if any(sign in str(error) for sign in _BUSY):
        return False
    # A refused password is a kind of connection trouble to the client library.
    if isinstance(error, driver.AuthenticationError | driver.ResponseError):
        return True
    return _seen_broken(error) or "certificate verify failed" in str(error) or "Connection refused" in str(error)


def _weaviate(platform: Platform, account: str) -> str:
    headers = {"Authorization": f"Bearer {platform.secret(account, 'weaviate')}"}
    request = urllib.request.Request(f"{platform.weaviate_url()}/v1/users/own-info", headers=headers)  # noqa: S310
    trusted = ssl.create_default_context(cafile=str(platform.ca_file))
    try:
        with urllib.request.urlopen(request, timeout=patience(_SECONDS), context=trusted) as answer:  # noqa: S310 - the scheme is ours
            told = loads(answer.read())
    except urllib.error.HTTPError as error:
        return f"HTTP {error.code}" if error.code < 500 and error.code != 429 else Unlearned(f"HTTP {error.code}")
    except (OSError, http.client.HTTPException, ValueError) as error:
        return _told(error) if _seen_broken(getattr(error, "reason", error)) else Unlearned(_told(error))
    return "" if told["username"] == account else f"is {told['username']}"


def _seen_broken(error: object) -> bool:
    """Nobody listens, or a certificate is not to be trusted."""
    return isinstance(error, ConnectionRefusedError | ssl.SSLCertVerificationError)


def _told(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
