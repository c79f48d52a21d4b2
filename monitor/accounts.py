"""Whether each account of the blueprint can log in where it should exist."""

from __future__ import annotations

import urllib.error
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from blueprint.accounts import ACCOUNTS
from infra import clients
from infra.connections import Platform
from monitor import wire
from monitor.result import Finding, critical, ok


def _judge(platform: Platform, store: str, names: list[str], login: Callable[[str], str]) -> Finding:
    """Log in as each account at once; `login` returns why it failed, or nothing."""
    with ThreadPoolExecutor(max_workers=len(names)) as pool:
        problems = {name: problem for name, problem in zip(names, pool.map(login, names), strict=True) if problem}
    if problems:
        told = "; ".join(f"{name}: {problem}" for name, problem in problems.items())
        return critical(
            f"{len(problems)} of {len(names)} accounts can't log in: {told}",
            f"invoke up --refresh --stack {platform.stack} puts {store}'s accounts back",
            len(problems),
            "accounts",
        )
    return ok(f"{len(names)} accounts log in: {', '.join(names)}", len(names), "accounts")


def postgres(platform: Platform) -> Finding:
    """Each PostgreSQL account logs in and is who it should be."""
    import psycopg

    def login(name: str) -> str:
        try:
            with clients.postgres(platform, name) as connection:
                row = connection.execute("select session_user").fetchone()
        except psycopg.OperationalError as error:
            return " ".join(str(error).split())[:200]
        return "" if row == (name,) else f"is {row}"

    return _judge(platform, "PostgreSQL", [each.name for each in ACCOUNTS if each.postgres], login)


def redis(platform: Platform) -> Finding:
    """Each Redis account logs in."""
    import redis as driver

    def login(name: str) -> str:
        try:
            with clients.redis_client(platform, name) as client:
                return "" if client.ping() else "no answer"
        except (driver.RedisError, OSError) as error:
            return " ".join(str(error).split())[:200]

    return _judge(platform, "Redis", [each.name for each in ACCOUNTS if each.redis], login)


def weaviate(platform: Platform) -> Finding:
    """Each Weaviate account's key is taken, and belongs to it."""

    def login(name: str) -> str:
        try:
            told = wire.get_json(platform.weaviate_url(), platform.ca_file, platform.secret(name, "weaviate"), "/v1/users/own-info")
        except urllib.error.HTTPError as error:
            return f"HTTP {error.code}"
        except OSError as error:
            return " ".join(str(error).split())[:200]
        return "" if told["username"] == name else f"is {told['username']}"

    return _judge(platform, "Weaviate", [each.name for each in ACCOUNTS if each.weaviate], login)
