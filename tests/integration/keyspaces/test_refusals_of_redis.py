"""Wrong logins and refused commands turn the check of a real Redis, with account and address and without a value."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import redis

from christmas.blueprint.refusal_alarms import REFUSAL_ALARMS
from infra import clients
from infra.connections import Platform
from monitor.checks import run
from monitor.result import CheckResult
from tests.support.redis_server import run_scratch_redis

SECRET = "hunter2-mistyped"


@pytest.fixture
def platform() -> Iterator[Platform]:
    with run_scratch_redis() as (platform, _container):
        yield platform


def look(platform: Platform) -> CheckResult:
    (found,) = run(platform, ["redis.refusals"], timeout=120)
    return found


def test_wrong_logins_and_refused_commands_to_redis(platform: Platform) -> None:
    assert (look(platform).status, look(platform).value) == ("ok", 0)
    url = platform.redis_url("api")
    for wrong in (url.replace(platform.secret("api", "redis"), "wrong"), url.replace("//api:", f"//{SECRET}:")):
        for _ in range(REFUSAL_ALARMS.logins_warn // 2 + 1):
            with redis.Redis.from_url(wrong) as client, pytest.raises(redis.exceptions.AuthenticationError):
                client.ping()
    found = look(platform)
    assert found.status == "warning"
    assert re.search(r"api from \d+\.", found.message)
    assert SECRET not in found.message
    with clients.redis_client(platform, "ingest") as client:
        for _ in range(REFUSAL_ALARMS.denials_warn):
            with pytest.raises(redis.exceptions.NoPermissionError):
                client.get("session:x")
    assert f"{REFUSAL_ALARMS.denials_warn} commands refused" in look(platform).message
    with clients.redis_client(platform, "monitor") as client:
        client.acl_log_reset()
    emptied = look(platform)
    assert emptied.status == "critical"
    assert "emptied" in emptied.next_step
