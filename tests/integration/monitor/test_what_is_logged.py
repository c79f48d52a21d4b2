"""What the stores log of who did what, and what they don't: the guide says both ("Auditing access")."""

from __future__ import annotations

import docker
import psycopg
import pytest
import redis
import weaviate

from infra import clients
from infra.connections import Platform
from tests.support.scratch_platform import DOCUMENTS, ScratchPlatform
from tests.support.waiting import wait_for


@pytest.fixture(scope="module")
def platform(scratch_platform: ScratchPlatform) -> Platform:
    return scratch_platform.platform


def log(platform: Platform, service: str) -> list[str]:
    text: bytes = docker.from_env().containers.get(platform.containers[service]).logs(tail=3000)
    return text.decode(errors="replace").splitlines()


def test_logins_and_changes_are_logged_in_postgresql_and_neither_reads_nor_what_ingest_writes(platform: Platform) -> None:
    with psycopg.connect(platform.postgres_url("ingest")) as connection:
        connection.execute("insert into market_data (symbol, timestamp, close) values ('NOTLOGGED', now(), 1)")
        connection.rollback()
    with psycopg.connect(platform.postgres_url("api")) as connection:
        connection.execute("select count(*) as read_probe from users")
        connection.execute("update users set is_active = is_active where username = 'write_probe'")
        connection.rollback()
    found = wait_for(lambda: [line for line in log(platform, "timescaledb") if "write_probe" in line], "the change is in the log")
    assert any("AUDIT" in line and "user=api" in line for line in found)
    lines = log(platform, "timescaledb")
    assert any("connection authorized" in line and "user=ingest" in line for line in lines)
    assert not any("read_probe" in line or "NOTLOGGED" in line for line in lines)


def test_redis_keeps_what_it_refused_and_nothing_of_what_it_carried_out(platform: Platform) -> None:
    with clients.redis_client(platform, "api") as client:
        assert client.get("user:424242:preferences") is None
        with pytest.raises(redis.exceptions.NoPermissionError):
            client.get("elsewhere:424242")
    with clients.redis_client(platform, "monitor") as monitor:
        told = [(str(entry["username"]), str(entry["object"])) for entry in monitor.acl_log()]
    assert ("api", "elsewhere:424242") in told
    assert not any("user:424242" in thing for _, thing in told)
    assert not any("424242" in line for line in log(platform, "redis"))


def test_weaviate_logs_what_it_decides_on_whom(platform: Platform) -> None:
    with clients.weaviate_client(platform, "rag") as store, pytest.raises(weaviate.exceptions.InsufficientPermissionsError):
        store.collections.use(DOCUMENTS).data.insert({"content": "refused"}, vector=[1.0, 0.0, 0.0, 0.0])
    assert wait_for(lambda: [line for line in log(platform, "weaviate") if "rag" in line and "authorize" in line], "the decision is logged")
