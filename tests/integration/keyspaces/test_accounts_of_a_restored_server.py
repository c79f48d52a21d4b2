"""What a drill asks of each account of a restored Redis, from which keys go meanwhile: their time was over before the restore."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from backup.proving import account_queries
from christmas.blueprint.accounts import ACCOUNTS
from infra.connections import Platform


@pytest.mark.parametrize("account", [each.name for each in ACCOUNTS if each.redis])
def test_keys_that_go_while_they_are_asked_for_are_no_fault_of_an_account(
    redis_platform: Platform, admin: redis.Redis, monkeypatch: pytest.MonkeyPatch, account: str
) -> None:
    for number in range(10):
        admin.set(f"rate_limit:192.0.2.{number}", 1, ex=60)
    exists, size = redis.Redis.exists, redis.Redis.dbsize

    def after_its_end(client: redis.Redis, *names: Any) -> Any:
        admin.delete(*names)
        return exists(client, *names)

    def before_the_next_end(client: redis.Redis) -> Any:
        counted = size(client)
        admin.delete(str(admin.randomkey()))
        return counted

    monkeypatch.setattr(redis.Redis, "exists", after_its_end)
    monkeypatch.setattr(redis.Redis, "dbsize", before_the_next_end)
    assert account_queries.redis(redis_platform, account) == ""


def test_an_account_that_lost_its_keys_is_told(redis_platform: Platform, admin: redis.Redis) -> None:
    admin.set("rate_limit:192.0.2.1", 1, ex=60)
    known: Any = admin.acl_getuser("api")
    admin.execute_command("ACL", "SETUSER", "api", "resetkeys", "~elsewhere:*")
    try:
        assert "permissions" in account_queries.redis(redis_platform, "api")
    finally:
        admin.execute_command("ACL", "SETUSER", "api", "resetkeys", *known["keys"])
    assert admin.acl_getuser("api") == known
