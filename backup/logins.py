"""Whether an account gets into a store. Each function returns why not, or nothing."""

from __future__ import annotations

import urllib.error
import urllib.request
from json import loads
from ssl import create_default_context

from infra import clients
from infra.connections import Platform

_SECONDS = 10


def postgres(platform: Platform, account: str) -> str:
    """Log in to PostgreSQL and ask who that is."""
    import psycopg

    try:
        with clients.postgres(platform, account) as connection:
            row = connection.execute("select session_user").fetchone()
    except psycopg.Error as error:
        return " ".join(str(error).split())[:200]
    return "" if row == (account,) else f"is {row}"


def redis(platform: Platform, account: str) -> str:
    """Log in to Redis."""
    import redis as driver

    try:
        with clients.redis_client(platform, account) as client:
            return "" if client.ping() else "no answer"
    except (driver.RedisError, OSError) as error:
        return " ".join(str(error).split())[:200]


def weaviate(platform: Platform, account: str) -> str:
    """Show Weaviate the account's key and ask whose it is."""
    headers = {"Authorization": f"Bearer {platform.secret(account, 'weaviate')}"}
    request = urllib.request.Request(f"{platform.weaviate_url()}/v1/users/own-info", headers=headers)  # noqa: S310
    trusted = create_default_context(cafile=str(platform.ca_file))
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS, context=trusted) as answer:  # noqa: S310 - the scheme is ours
            told = loads(answer.read())
    except urllib.error.HTTPError as error:
        return f"HTTP {error.code}"
    except OSError as error:
        return " ".join(str(error).split())[:200]
    return "" if told["username"] == account else f"is {told['username']}"
