"""Rewriting Redis' append-only file in a test."""

from core.container_commands import execute
from infra.clients import redis_client
from infra.components.names import redis_cli
from infra.connections import Platform
from tests.support.waiting import wait_for


def rewrite_log(platform: Platform) -> None:
    """Begin a rewrite. Redis refuses a second one beside it, and begins some itself (a full sync, a log that grew)."""
    wait_for_rewrites(platform)
    execute(platform.containers["redis"], ["sh", "-c", f"{redis_cli('admin')} -e bgrewriteaof"])


def wait_for_rewrites(platform: Platform) -> None:
    """Wait until no rewrite runs or is scheduled."""
    with redis_client(platform, "backup") as client:
        states = ("aof_rewrite_in_progress", "aof_rewrite_scheduled")
        wait_for(lambda: not any(client.info("persistence")[state] for state in states), "no rewrite runs")
