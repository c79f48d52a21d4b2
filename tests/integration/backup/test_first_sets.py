"""Sets of the real stores: what is in them, what a second one builds on, and what a failure leaves."""

import contextlib
import dataclasses
import hashlib
import json
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
import redis

from backup.make import make
from backup.postgres import pgbackrest
from backup.postgres.pgbackrest import USER
from backup.sets import folders, keys
from backup.sets.model import Manifest
from backup.storage.sources import files_of, source_of
from backup.weaviate.back_up import kept_copies
from core.container_commands import execute, while_running
from core.docker_client import docker_client
from core.errors import PlatformError
from infra.clients import postgres, redis_client
from infra.components.pgbackrest_config import SCRATCH_PATH, STANZA
from infra.connections import Platform
from monitor.keyspaces import expiry
from tests.support.backup_faults import processes
from tests.support.scratch_platform import DOCUMENTS, ScratchPlatform
from tests.support.waiting import wait_for


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sets")


@pytest.fixture(scope="module")
def full(scratch_platform: ScratchPlatform, folder: Path) -> Manifest:
    with redis_client(scratch_platform.platform, "admin") as client:
        # What other files left and what ends within a minute would be gone when these count again.
        client.delete("nothing", *client.scan_iter("rate_limit:*"))
    manifest = make(scratch_platform.platform, folder=folder)
    assert manifest is not None
    return manifest


def rewrite_percentage(platform: Platform) -> str:
    with redis_client(platform, "backup") as client:
        return str(client.config_get("auto-aof-rewrite-percentage")["auto-aof-rewrite-percentage"])


def forks_and_snapshots(platform: Platform) -> tuple[int, int]:
    with redis_client(platform, "backup") as client:
        return int(client.info("stats")["total_forks"]), int(client.info("persistence")["rdb_saves"])


@contextlib.contextmanager
def without_snapshots_of_its_own(platform: Platform) -> Iterator[None]:
    """Redis writes one by itself some minutes after many changes, which may be just now."""
    with redis_client(platform, "admin") as admin:
        usual = str(admin.config_get("save")["save"])
        admin.config_set("save", "")
        try:
            wait_for(lambda: not admin.info("persistence")["rdb_bgsave_in_progress"], "no snapshot is being written")
            yield
        finally:
            admin.config_set("save", usual)


def test_the_first_due_set_is_a_signed_full_one_of_all_stores(full: Manifest, folder: Path, scratch_platform: ScratchPlatform) -> None:
    assert full.kind == "full"
    assert set(full.parts) == {"postgres", "redis", "weaviate"}
    assert keys.is_signed(full, scratch_platform.passphrase)
    assert folders.list_sets(folder=folder) == [full]
    # All are of the time in which the set was made, however long that takes; Redis' log notes whole seconds.
    moments = full.moments().values()
    assert full.started - timedelta(seconds=1) <= min(moments)
    assert max(moments) <= full.finished + timedelta(seconds=1)


def test_every_file_is_there_with_the_recorded_hash(full: Manifest, folder: Path, scratch_platform: ScratchPlatform) -> None:
    own = [record for record in full.files if record.place == "set"]
    assert {record.path.partition("/")[0] for record in own} == {"postgres", "redis", "weaviate"}
    for record in own:
        content = (folder / full.id / record.stored).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (record.size, record.sha256)
    repository = [record for record in full.files if record.place == "pgbackrest"]
    assert tuple(pgbackrest.hash_files(scratch_platform.platform.containers["timescaledb"], [each.path for each in repository])) == tuple(
        sorted(repository, key=lambda each: each.path)
    )
    assert any("/bundle/" in each.path for each in repository)
    assert any(each.path.startswith("archive/") for each in repository)


def test_the_parts_say_what_was_in_the_stores(full: Manifest, scratch_platform: ScratchPlatform) -> None:
    """Other files of this folder may have written before; nothing here has, since the set was made."""
    platform = scratch_platform.platform
    with postgres(platform, "backup") as connection:
        counted = connection.execute("select (select count(*) from market_data), (select count(*) from users)").fetchone()
    with redis_client(platform, "backup") as client:
        sessions, size = sum(1 for _ in client.scan_iter("session:*")), client.dbsize()
    assert counted
    assert min(counted) >= 20
    assert size >= 100
    assert full.postgres
    assert full.redis
    assert full.weaviate
    assert full.postgres.reference_point.exact
    tables = full.postgres.reference_point.tables
    assert (tables["market_data"].rows, tables["users"].rows) == counted
    assert [name for name, each in tables.items() if not each.checksum] == []
    assert full.postgres.schema_revision
    assert full.redis.keys == full.redis.expires == size
    assert full.redis.keyspaces["session"] == sessions
    assert full.weaviate.collections[DOCUMENTS] == (200, 200)


def test_the_logical_backup_is_readable_and_holds_no_password(full: Manifest, folder: Path, scratch_platform: ScratchPlatform) -> None:
    files = files_of(scratch_platform.platform, source_of(scratch_platform.platform, folder), full)
    with files.open("postgres/christmas_db.dump") as dump:
        assert dump.read(5) == b"PGDMP"
    roles = files.content("postgres/globals.sql").decode()
    assert "CREATE ROLE api" in roles
    assert "PASSWORD" not in roles
    text = (folder / full.id / folders.MANIFEST).read_text()
    for secret in (
        scratch_platform.passphrase,
        *(account.postgres for account in scratch_platform.platform.accounts.values() if account.postgres),
    ):
        assert secret not in text


def test_what_is_not_due_is_not_made_and_an_incremental_one_builds_on_the_full(
    full: Manifest, folder: Path, scratch_platform: ScratchPlatform
) -> None:
    platform = scratch_platform.platform
    assert make(platform, folder=folder) is None
    with postgres(platform, "ingest") as connection:
        connection.execute("insert into market_data (symbol, timestamp, open) values ('NEW', now(), 1)")
    with without_snapshots_of_its_own(platform):
        before_it = forks_and_snapshots(platform)
        manifest = make(platform, kind="incremental", folder=folder)
        after_it = forks_and_snapshots(platform)
    assert manifest
    assert manifest.postgres
    assert manifest.redis
    assert manifest.weaviate
    assert full.postgres
    assert full.redis
    assert full.weaviate
    # Redis' log alone has everything, and no snapshot means no fork.
    assert after_it == before_it
    assert "redis/dump.rdb" in {record.path for record in full.redis.files}
    assert "redis/dump.rdb" not in {record.path for record in manifest.redis.files}
    assert (manifest.redis.keys, manifest.redis.aof_keys) == (None, full.redis.aof_keys)
    assert manifest.redis.aof_expires == full.redis.aof_expires
    # The server's keys are counted one by one for a full set alone.
    assert (manifest.redis.keyspaces, manifest.redis.odd) == ({}, None)
    assert sum(full.redis.keyspaces.values()) == full.redis.aof_keys
    assert manifest.parent == full.id
    assert manifest.postgres.prior == full.postgres.label
    assert manifest.postgres.references == (full.postgres.label,)
    assert manifest.postgres.wal_start > full.postgres.wal_stop
    before, after = full.postgres.reference_point.tables["market_data"], manifest.postgres.reference_point.tables["market_data"]
    assert before.rows
    assert after.rows == before.rows + 1
    assert after.checksum not in (None, before.checksum)
    assert manifest.postgres.taken_over > manifest.postgres.counted > 0
    assert manifest.postgres.reference_point.tables["users"] == full.postgres.reference_point.tables["users"]
    assert manifest.weaviate.base_id == full.weaviate.backup_id
    assert manifest.postgres.repository_bytes < full.postgres.repository_bytes / 5


def test_rewrites_of_the_log_go_on_after_a_backup(full: Manifest, scratch_platform: ScratchPlatform) -> None:
    assert rewrite_percentage(scratch_platform.platform) == "100"


def test_a_hold_that_is_killed_lets_rewrites_go(scratch_platform: ScratchPlatform) -> None:
    import sys

    platform = scratch_platform.platform
    program = (
        "import sys, time\nfrom core.container_commands import while_running\nfrom backup.redis.back_up import _HOLD\n"
        "with while_running(sys.argv[1], ['sh', '-c', _HOLD]):\n    print('held', flush=True)\n    time.sleep(600)\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", program, platform.containers["redis"]], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    with holder.stdout:
        assert holder.stdout.readline() == "held\n"
        assert rewrite_percentage(platform) == "0"
        holder.kill()
        holder.wait()
    wait_for(lambda: rewrite_percentage(platform) == "100", "rewrites are no longer held off by a process that is gone")


def test_a_lock_of_pgbackrest_that_a_killed_run_still_holds_is_waited_for(full: Manifest, scratch_platform: ScratchPlatform) -> None:
    """A killed run's pgBackRest is told to end, and on a busy machine the next run comes before it has."""
    container = scratch_platform.platform.containers["timescaledb"]
    # As pgBackRest takes it: one lock for all repositories in older versions, one for each in newer ones.
    names = [f"{SCRATCH_PATH}/lock/{STANZA}-backup{number}.lock" for number in ("", "-1")]
    take = f"mkdir -p {SCRATCH_PATH}/lock; exec 8>{names[0]} 9>{names[1]}; flock 8; flock 9"
    hold = f"{take}; trap 'exit 0' TERM; echo held; while sleep 0.1; do :; done"
    expire = pgbackrest.command("expire", "--repo1-retention-full=9")
    with ThreadPoolExecutor(1) as pool:
        with while_running(container, ["sh", "-c", hold], user=USER):
            waiting = pool.submit(pgbackrest.run, container, expire)
            refused = execute(container, expire, user=USER, check=False)
            assert refused.code == 50, refused
        assert waiting.result().code == 0


def test_an_incremental_one_without_a_full_is_refused(scratch_platform: ScratchPlatform, tmp_path: Path) -> None:
    with pytest.raises(PlatformError, match="nothing to build on"):
        make(scratch_platform.platform, kind="incremental", folder=tmp_path)
    assert folders.leftovers(tmp_path) == []


def test_an_unknown_store_is_refused(scratch_platform: ScratchPlatform, tmp_path: Path) -> None:
    with pytest.raises(PlatformError, match="there is no store mysql"):
        make(scratch_platform.platform, stores=["mysql"], folder=tmp_path)


@pytest.mark.exhaustive
def test_a_key_without_a_name_ends_neither_a_set_nor_a_check(scratch_platform: ScratchPlatform, tmp_path: Path) -> None:
    """It fits no pattern, so that accounts which may read every key are refused."""
    platform = scratch_platform.platform
    with redis.Redis.from_url(platform.redis_url("admin")) as client:
        client.set("", "anything", ex=3600)
        try:
            manifest = make(platform, kind="full", stores=["redis"], folder=tmp_path)
            found = expiry(platform)
        finally:
            client.delete("")
    assert manifest
    assert manifest.redis
    assert manifest.redis.odd
    assert manifest.redis.odd["of no keyspace"] >= 1
    assert manifest.redis.keys == sum(manifest.redis.keyspaces.values())
    assert "'' of no keyspace" in found.message


@pytest.mark.exhaustive
def test_one_store_alone_can_be_backed_up(scratch_platform: ScratchPlatform, tmp_path: Path) -> None:
    manifest = make(scratch_platform.platform, kind="full", stores=["redis"], folder=tmp_path)
    assert manifest is not None
    assert set(manifest.parts) == {"redis"}


@pytest.mark.exhaustive
def test_a_store_that_fails_fails_the_set_and_leaves_the_others_alone(
    full: Manifest, folder: Path, scratch_platform: ScratchPlatform
) -> None:
    platform = scratch_platform.platform
    before = [manifest.id for manifest in folders.list_sets(folder=folder)]
    copies = kept_copies(platform.containers["weaviate"])
    gone = dataclasses.replace(platform, containers={**platform.containers, "redis": "christmas-no-such-container"})
    with pytest.raises(PlatformError, match="redis: there is no container") as caught:
        make(gone, kind="full", folder=folder)
    assert "no new set was made" in str(caught.value)
    assert [manifest.id for manifest in folders.list_sets(folder=folder)] == before
    assert folders.leftovers(folder) == []
    assert kept_copies(platform.containers["weaviate"]) == copies


def test_a_store_that_refuses_is_named(scratch_platform: ScratchPlatform, tmp_path: Path) -> None:
    platform = scratch_platform.platform
    strangers = {**platform.accounts, "backup": dataclasses.replace(platform.accounts["backup"], redis="wrong")}
    with pytest.raises(PlatformError, match=r"redis: AuthenticationError"):
        make(dataclasses.replace(platform, accounts=strangers), kind="full", stores=["redis"], folder=tmp_path)
    assert folders.leftovers(tmp_path) == []


def test_a_killed_run_leaves_no_set_and_the_next_one_cleans_up(full: Manifest, folder: Path, scratch_platform: ScratchPlatform) -> None:
    left = folder / "20200101-000000-full-dead"
    (left / "redis").mkdir(parents=True)
    (left / "redis/dump.rdb").write_bytes(b"half")
    manifest = make(scratch_platform.platform, kind="incremental", folder=folder)
    assert manifest is not None
    assert not left.exists()


@pytest.mark.exhaustive
def test_a_command_in_a_container_ends_with_the_block(scratch_platform: ScratchPlatform) -> None:
    container = scratch_platform.platform.containers["redis"]
    with while_running(container, ["sh", "-c", "trap 'exit 0' TERM; echo ready; sleep 1234 & wait"]) as line:
        assert line == "ready"
        assert processes(container, "echo ready")
    assert processes(container, "echo ready") == []
    with pytest.raises(PlatformError, match="exit code 7"), while_running(container, ["sh", "-c", "echo broken >&2; exit 7"]):
        pass


def test_the_password_of_a_command_is_in_nobodys_arguments(scratch_platform: ScratchPlatform) -> None:
    container = scratch_platform.platform.containers["redis"]
    seen = execute(
        container, ["sh", "-c", "read -r word; cat /proc/*/cmdline | tr '\\0' ' '; env; echo; echo $word | wc -c"], text="s3cret-word\n"
    )
    assert "s3cret-word" not in seen.text()
    assert seen.text().endswith("12")
    inspected = json.dumps(docker_client().api.inspect_container(container))
    assert "s3cret-word" not in inspected
