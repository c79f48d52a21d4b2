"""Whether each account of the blueprint can log in where it should exist."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from backup import logins
from blueprint.accounts import ACCOUNTS
from infra.connections import Platform
from monitor.result import Finding, critical, ok


def _judge(platform: Platform, store: str, names: list[str], login: Callable[[Platform, str], str]) -> Finding:
    """Log in as each account, all at once."""
    with ThreadPoolExecutor(max_workers=len(names)) as pool:
        answers = pool.map(lambda name: login(platform, name), names)
        problems = {name: problem for name, problem in zip(names, answers, strict=True) if problem}
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
    return _judge(platform, "PostgreSQL", [each.name for each in ACCOUNTS if each.postgres], logins.postgres)


def redis(platform: Platform) -> Finding:
    """Each Redis account logs in."""
    return _judge(platform, "Redis", [each.name for each in ACCOUNTS if each.redis], logins.redis)


def weaviate(platform: Platform) -> Finding:
    """Each Weaviate account's key is taken, and belongs to it."""
    return _judge(platform, "Weaviate", [each.name for each in ACCOUNTS if each.weaviate], logins.weaviate)
