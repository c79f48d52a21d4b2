"""The copy of Redis' log ends with the last acknowledged write, also where a cut one command earlier would look whole."""

from pathlib import Path

import pytest

from backup.make import make
from backup.storage.sources import files_of, source_of
from infra.clients import redis_client
from tests.support.scratch_platform import ScratchPlatform


@pytest.mark.exhaustive
def test_the_last_of_several_equal_writes_is_in_the_copy(scratch_platform: ScratchPlatform, tmp_path: Path) -> None:
    """Each of these commands takes 88 bytes in the log, as much as the empty base of a server that began with nothing."""
    platform = scratch_platform.platform
    names = [f"rate_limit:{number:020d}" for number in range(3)]
    with redis_client(platform, "api") as client:
        pipeline = client.pipeline(transaction=False)
        for name in names:
            pipeline.set(name, 1, ex=3600)
        pipeline.execute()
        manifest = make(platform, kind="full", stores=["redis"], folder=tmp_path)
        client.delete(*names)
    assert manifest
    assert manifest.redis
    log = files_of(platform, source_of(platform, tmp_path), manifest).content(f"redis/appendonlydir/{manifest.redis.aof_incremental}")
    assert len(log) == manifest.redis.aof_position
    assert all(name.encode() in log for name in names)
