"""Wrong logins and refused commands against real servers turn the checks, with account and address and without a value."""

from __future__ import annotations

import urllib.error

import psycopg
import pytest
import redis

from christmas.blueprint.refusal_alarms import REFUSAL_ALARMS
from infra import clients
from infra.connections import Platform
from monitor import wire
from monitor.checks import run
from monitor.result import CheckResult
from tests.support.scratch_platform import ScratchPlatform, run_scratch_platform
from tests.support.waiting import wait_for

SECRET = "hunter2-mistyped"


@pytest.fixture(scope="module")
def platform() -> object:
    """Its own: the others' checks must not see these refusals."""
    running: ScratchPlatform
    with run_scratch_platform() as running:
        yield running.platform


def only(platform: Platform, name: str) -> CheckResult:
    (found,) = run(platform, [name])
    return found


def turned(platform: Platform, name: str) -> CheckResult:
    """A log is written a moment after the answer."""
    wait_for(lambda: only(platform, name).status == "warning", f"{name} warns")
    return only(platform, name)


def test_all_is_quiet_before(platform: Platform) -> None:
    assert {name: only(platform, name).status for name in ("postgres.refusals", "redis.refusals", "weaviate.refusals")} == dict.fromkeys(
        ("postgres.refusals", "redis.refusals", "weaviate.refusals"), "ok"
    )
    run(platform)
    assert {name: only(platform, f"{name}.refusals").value for name in ("postgres", "redis", "weaviate")} == dict.fromkeys(
        ("postgres", "redis", "weaviate"), 0
    )


def test_wrong_logins_to_postgresql(platform: Platform) -> None:
    url = platform.postgres_url("api")
    for wrong in (url.replace(platform.secret("api", "postgres"), "wrong"), url.replace("//api:", f"//{SECRET}:")):
        for _ in range(REFUSAL_ALARMS.logins_warn // 2 + 1):
            with pytest.raises(psycopg.OperationalError):
                psycopg.connect(wrong)
    found = turned(platform, "postgres.refusals")
    assert "api from " in found.message
    assert "an unknown account from " in found.message
    assert SECRET not in found.message + found.next_step
    assert "rotate" in found.next_step


def test_wrong_logins_and_refused_commands_to_redis(platform: Platform) -> None:
    url = platform.redis_url("api")
    for wrong in (url.replace(platform.secret("api", "redis"), "wrong"), url.replace("//api:", f"//{SECRET}:")):
        for _ in range(REFUSAL_ALARMS.logins_warn // 2 + 1):
            with redis.Redis.from_url(wrong) as client, pytest.raises(redis.exceptions.AuthenticationError):
                client.ping()
    found = turned(platform, "redis.refusals")
    assert "api from " in found.message
    assert SECRET not in found.message
    with clients.redis_client(platform, "ingest") as client:
        for _ in range(REFUSAL_ALARMS.denials_warn):
            with pytest.raises(redis.exceptions.NoPermissionError):
                client.get("session:x")
    assert f"{REFUSAL_ALARMS.denials_warn} commands refused" in turned(platform, "redis.refusals").message
    with clients.redis_client(platform, "monitor") as client:
        client.acl_log_reset()
    emptied = only(platform, "redis.refusals")
    assert emptied.status == "critical"
    assert "emptied" in emptied.next_step


def test_refused_actions_of_weaviate(platform: Platform) -> None:
    for _ in range(REFUSAL_ALARMS.denials_warn):
        with pytest.raises(urllib.error.HTTPError):
            wire.get_json(platform.weaviate_url(), platform.ca_file, platform.secret("rag", "weaviate"), "/v1/cluster/statistics")
    assert "rag from " in turned(platform, "weaviate.refusals").message


def test_a_log_that_can_not_be_read_is_unknown(platform: Platform) -> None:
    import dataclasses

    gone = dataclasses.replace(platform, containers={**platform.containers, "timescaledb": "christmas-no-such-container"})
    found = only(gone, "postgres.refusals")
    assert found.status == "unknown"
    assert "docker logs" in found.next_step
