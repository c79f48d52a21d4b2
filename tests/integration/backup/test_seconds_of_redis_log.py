"""From which second on a copied log of Redis shows what was there."""

from datetime import UTC, datetime
from pathlib import Path

from backup.make import make
from infra.clients import redis_client
from tests.support.redis_log import rewrite_log, wait_for_rewrites
from tests.support.scratch_platform import ScratchPlatform


def test_the_second_in_which_a_log_was_rewritten_is_not_one_that_it_shows(scratch_platform: ScratchPlatform, tmp_path: Path) -> None:
    """The new base has what was written earlier in that second, and it can't be taken out again."""
    platform = scratch_platform.platform
    with redis_client(platform, "api") as client:
        client.set("rate_limit:10.8.8.8", 1, ex=60)
        written = datetime.now(UTC)
        rewrite_log(platform)
        wait_for_rewrites(platform)
    manifest = make(platform, kind="full", stores=["redis"], folder=tmp_path)
    with redis_client(platform, "api") as client:
        client.delete("rate_limit:10.8.8.8")  # or it would end while another test counts keys
    assert manifest
    assert manifest.redis
    assert written < manifest.redis.aof_from
