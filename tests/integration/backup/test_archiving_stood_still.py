"""PostgreSQL's log is not archived for a while: what `check` says, and which moments before, in and after it can be restored."""

import contextlib
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backup.make import make
from backup.postgres.live_log import superuser
from backup.postgres.pgbackrest import USER
from backup.restore import remove, restore
from backup.sets.model import Manifest
from core.container_commands import execute
from core.errors import PlatformError
from infra.clients import postgres
from infra.components.pgbackrest_config import REPOSITORY_PATH, STANZA
from infra.connections import Platform
from monitor.backups import archive
from tests.support.backup_faults import Sets
from tests.support.scratch_platform import ScratchPlatform
from tests.support.waiting import wait_for

# pgBackRest waits a minute for a segment that doesn't come, and each of these restores has it wait.
pytestmark = pytest.mark.exhaustive


@pytest.fixture
def made(scratch_platform: ScratchPlatform, tmp_path: Path) -> Sets:
    return Sets(scratch_platform.platform, tmp_path / "sets", scratch_platform.passphrase, tmp_path)


def insert(platform: Platform) -> tuple[str, datetime]:
    """A row, and a moment at which it was there."""
    name = f"G{secrets.token_hex(4)}"
    with postgres(platform, "ingest") as connection:
        connection.execute("insert into market_data (symbol, timestamp, open) values (%s, now(), 1)", (name,))
    return name, datetime.now(UTC)


def switched(platform: Platform) -> str:
    """Begin a new segment; returns the name of the one that is full now."""
    return superuser(platform.containers["timescaledb"], "select pg_walfile_name(pg_switch_wal())")


def beside(made: Sets, to: str, *rows: str) -> set[str]:
    """Which of these rows a restore beside has."""
    name = f"still-{secrets.token_hex(3)}"
    try:
        restore(made.platform, to, stores=["postgres"], into=name, folder=made.folder)
        with postgres(made.restored(name), "backup") as connection:
            found = connection.execute("select symbol from market_data where symbol = any(%s)", (list(rows),)).fetchall()
        return {row[0] for row in found}
    finally:
        with contextlib.suppress(PlatformError):
            remove(name)


def full_set(made: Sets) -> Manifest:
    manifest = make(made.platform, kind="full", stores=["postgres"], folder=made.folder)
    assert manifest
    return manifest


@contextlib.contextmanager
def no_room_to_write(container: str) -> Iterator[None]:
    """The archive of the repository takes no file meanwhile."""
    path = f"{REPOSITORY_PATH}/archive/{STANZA}"
    execute(container, ["chmod", "-R", "u-w", path], user=USER)
    try:
        yield
    finally:
        execute(container, ["chmod", "-R", "u+w", path], user=USER)


def test_while_archiving_fails_what_is_archived_can_be_restored_and_the_rest_is_refused(made: Sets) -> None:
    platform, container = made.platform, made.platform.containers["timescaledb"]
    full_set(made)
    first, before = insert(platform)
    assert beside(made, before.isoformat(), first) == {first}  # which has the log archived up to here
    with no_room_to_write(container):
        second, during = insert(platform)
        switched(platform)
        wait_for(lambda: archive(platform).status == "critical", "check says that archiving fails")
        assert "archiving fails, at segment" in archive(platform).message
        with pytest.raises(PlatformError, match="is not in the archived log: archiving is stalled since the last segment") as refused:
            beside(made, during.isoformat(), first, second)
        assert "fix archiving" in refused.value.next_step
        with pytest.raises(PlatformError):
            full_set(made)
        with pytest.raises(PlatformError, match=r"is not in the archived log|nothing was touched"):
            restore(platform, during.isoformat(), stores=["postgres"], live=True, force=True, folder=made.folder)
    # The server has kept it all, and archives it now: nothing is missing, so every moment can be reached again.
    wait_for(lambda: archive(platform).status == "ok", "check says that the log is archived")
    third, after = insert(platform)
    assert beside(made, during.isoformat(), first, second, third) == {first, second}
    assert beside(made, after.isoformat(), first, second, third) == {first, second, third}


def test_where_segments_never_came_the_moments_of_the_gap_are_refused_and_those_around_it_restored(made: Sets) -> None:
    platform, container = made.platform, made.platform.containers["timescaledb"]
    full_set(made)
    first, before = insert(platform)
    assert beside(made, before.isoformat(), first) == {first}
    superuser(container, "alter system set archive_command = '/bin/true'")
    superuser(container, "select pg_reload_conf()")
    try:
        second, _ = insert(platform)
        lost = switched(platform)
        wait_for(lambda: superuser(container, "select last_archived_wal from pg_stat_archiver") == lost, "the segment is thrown away")
        third, during = insert(platform)
        found = archive(platform)
        assert found.status == "critical"
        assert "archive_command is '/bin/true'" in found.message
    finally:
        superuser(container, "alter system reset archive_command")
        superuser(container, "select pg_reload_conf()")
    wait_for(lambda: "pgbackrest" in superuser(container, "show archive_command"), "the archive command is back")
    with pytest.raises(PlatformError, match=f"segment {lost} of the log is missing"):
        beside(made, during.isoformat(), first, second, third)
    with pytest.raises(PlatformError, match="nothing was touched"):
        restore(platform, during.isoformat(), stores=["postgres"], live=True, force=True, folder=made.folder)
    assert beside(made, before.isoformat(), first, second) == {first}
    full_set(made)
    fourth, after = insert(platform)
    every = (first, second, third, fourth)
    assert beside(made, after.isoformat(), *every) == set(every)
    with pytest.raises(PlatformError, match=f"segment {lost} of the log is missing.*again from"):
        beside(made, during.isoformat(), *every)
