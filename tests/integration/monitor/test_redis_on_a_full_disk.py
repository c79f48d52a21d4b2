"""Redis whose disk is really full: an append-only file that can't be written, and the page of the alert that leads out of it."""

from __future__ import annotations

import pytest
import redis

from core.container_commands import execute
from infra.clients import redis_client
from tests.support.checking import only, turned
from tests.support.redis_server import run_scratch_redis
from tests.support.waiting import wait_for

DISK_MIB = 8
HALF = "x" * 512_000


@pytest.mark.exhaustive
def test_an_append_only_file_that_can_not_be_written_is_critical_until_there_is_room() -> None:
    # Snapshots are off: they need room too, and would fail first.
    with run_scratch_redis("save ''", data_mib=DISK_MIB) as (platform, container), redis_client(platform, "api") as client:
        assert only(platform, "redis.persistence").status == "ok"
        execute(str(container.name), ["dd", "if=/dev/zero", "of=/data/another-program", "bs=1M", f"count={DISK_MIB - 2}"])

        def refused() -> bool:
            try:
                client.set("rate_limit:192.0.2.1", HALF, ex=60)
            except redis.exceptions.ResponseError as error:
                return "MISCONF" in str(error)
            return False

        wait_for(refused, "Redis takes no write that it can't keep", pause=0.2)
        found = turned(lambda: only(platform, "redis.persistence"), "critical", "it is told")
        assert "the last write of the append-only file failed" in found.message
        assert "full disk" in found.next_step
        assert client.get("rate_limit:192.0.2.1") == HALF, "what is there is still read"
        # As the page says: make room, and Redis tries again by itself.
        execute(str(container.name), ["rm", "/data/another-program"])
        turned(lambda: only(platform, "redis.persistence"), "ok", "it is over")
        assert client.set("rate_limit:192.0.2.1", "1", ex=60)
