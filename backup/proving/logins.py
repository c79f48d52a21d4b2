"""Whether an account can log in to a store. Each function returns the reason for a failure, or an empty string.

A refusal is an answer. A store that is slow, is starting, has no free connection or hangs up halfway gives no answer:
the result is then `Unlearned`, a reason that a proof treats as a failure and a check as unknown.
"""

from __future__ import annotations

import http.client
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from json import loads

from christmas.blueprint.twin_logins import account_of_login
from core.patience import patience
from infra import clients
from infra.connections import Platform

_SECONDS = 10.0
_TRIES = 3
_AGAIN_WITHIN_SECONDS = 3.0
# First two digits of SQLSTATEs that say nothing about the account: broken connection, no resources, operator intervention (a starting
# or stopping server, a statement timeout), internal trouble of the server.
_PASSING = ("08", "53", "57", "58", "XX")
# The same when libpq has only the server's message.
_PASSING_WORDS = (
    "starting up", "shutting down", "not yet accepting connections", "recovery mode", "too many connections", "too many clients",
    "connection slots are reserved", "terminating connection", "canceling authentication due to timeout", "out of memory", "could not fork",
)  # fmt: skip
# libpq's messages for a real failure without a refusal from the server.
_SEEN = ("FATAL: ", "certificate verify failed", "does not match host name", "does not support SSL", "onnection refused")
# Redis' words for a temporary state.
_BUSY = ("LOADING", "BUSY", "MASTERDOWN", "TRYAGAIN", "max number of clients reached")


class Unlearned(str):
    """Why it could not be learned whether an account can log in."""

    __slots__ = ()


def postgres(platform: Platform, account: str) -> str:
    """Log in to PostgreSQL and ask for the current user."""
    return _patiently(lambda: _postgres(platform, account))


def redis(platform: Platform, account: str) -> str:
    """Log in to Redis."""
    return _patiently(lambda: _redis(platform, account))


def weaviate(platform: Platform, account: str) -> str:
    """Send Weaviate the account's key and ask whose it is."""
    return _patiently(lambda: _weaviate(platform, account))


def _patiently(login: Callable[[], str]) -> str:
    """Try again after a quick failure without an answer: one cut connection says nothing about the next."""
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
            row = connection.execute("select current_user").fetchone()
    except psycopg.Error as error:
        problem = _message(error)
        return problem if postgres_refused(error.sqlstate, str(error)) else Unlearned(problem)
    return "" if row == (account,) else f"is {row}"


def postgres_refused(sqlstate: str | None, said: str) -> bool:
    """Whether a failed login or its first query was refused, instead of slow, cut or postponed. Pure."""
    if sqlstate is not None:
        return not sqlstate.startswith(_PASSING)
    return any(sign in said for sign in _SEEN) and not any(sign in said for sign in _PASSING_WORDS)


def _redis(platform: Platform, account: str) -> str:
    import redis as driver

    try:
        with clients.redis_client(platform, account) as client:
            return "" if client.ping() else "no answer"
    except (driver.RedisError, OSError) as error:
        return _message(error) if redis_refused(error) else Unlearned(_message(error))


def redis_refused(error: Exception) -> bool:
    """Whether Redis refused. Pure."""
    import redis as driver

    if any(sign in str(error) for sign in _BUSY):
        return False
    # The client library counts a refused password as a connection error.
    if isinstance(error, driver.AuthenticationError | driver.ResponseError):
        return True
    return _seen_broken(error) or "certificate verify failed" in str(error) or "Connection refused" in str(error)


def _weaviate(platform: Platform, account: str) -> str:
    headers = {"Authorization": f"Bearer {platform.secret(account, 'weaviate')}"}
    request = urllib.request.Request(f"{platform.weaviate_url()}/v1/users/own-info", headers=headers)  # noqa: S310
    trusted = ssl.create_default_context(cafile=str(platform.ca_file))
    try:
        with urllib.request.urlopen(request, timeout=patience(_SECONDS), context=trusted) as answer:  # noqa: S310 - the scheme is ours
            own_info = loads(answer.read())
    except urllib.error.HTTPError as error:
        return f"HTTP {error.code}" if error.code < 500 and error.code != 429 else Unlearned(f"HTTP {error.code}")
    except (OSError, http.client.HTTPException, ValueError) as error:
        return _message(error) if _seen_broken(getattr(error, "reason", error)) else Unlearned(_message(error))
    return "" if account_of_login(own_info["username"]) == account else f"is {own_info['username']}"


def _seen_broken(error: object) -> bool:
    """Whether nothing listens, or the certificate is not trusted."""
    return isinstance(error, ConnectionRefusedError | ssl.SSLCertVerificationError)


def _message(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
