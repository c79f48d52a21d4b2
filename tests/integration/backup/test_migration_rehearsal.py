"""`migrate --rehearse` restores the newest backup beside, migrates that, and leaves nothing behind."""

from __future__ import annotations

import pytest

from backup import make as backups
from backup.sets import folders
from commands import rehearsing
from core.docker_client import docker_client
from core.errors import PlatformError
from core.progress import SilentProgress
from migrations import run as migrations
from tests.support.scratch_platform import ScratchPlatform

pytestmark = pytest.mark.exhaustive


def test_a_migration_is_rehearsed_on_the_newest_backup_and_the_live_schema_stays(
    scratch_platform: ScratchPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = scratch_platform.platform
    if not folders.list_sets(platform.stack):
        backups.make(platform, kind="full", stores=["postgres"], progress=SilentProgress())
    before = migrations.status(platform).current
    report = rehearsing.rehearse(platform, "head", SilentProgress())
    assert (report.before, report.after, report.revisions) == (before, before, ())
    left = docker_client().containers.list(all=True, ignore_removed=True, filters={"name": "christmas-rehearsal-"})
    assert left == []

    def fail(*_: object) -> None:
        raise PlatformError("the step fails")

    monkeypatch.setattr("migrations.rehearsal.rehearse", fail)
    with pytest.raises(PlatformError, match="the step fails"):
        rehearsing.rehearse(platform, "head", SilentProgress())
    assert docker_client().volumes.list(filters={"name": "christmas-rehearsal-"}) == []
