"""Accidents and what brings the platform back: drills, restores beside it and onto it. Stores and data are real."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backup.drill import describe, drill, history
from backup.make import make
from backup.postgres.proofs import chunks
from backup.proving import proofs
from backup.restore import remove, restore
from backup.restoring.journal import Journal
from backup.sets import folders, marks
from backup.sets.files import SetFolder, plain_file, write_hashed
from backup.sets.model import Manifest
from backup.sets.sealing import keyring_of
from backup.weaviate.counts import count
from core.container_commands import execute
from core.docker_client import docker_client
from core.errors import PlatformError
from core.labels import OWNER_LABEL, PURPOSE_LABEL, STACK_LABEL
from core.leftovers import remove_of_dead_processes
from infra.clients import postgres, redis_client, weaviate_client
from infra.components.names import redis_cli
from infra.connections import Credentials, Platform, Turn
from tests.support.scratch_platform import DOCUMENTS, ROOT_KEY, ScratchPlatform
from tests.support.waiting import wait_for


@pytest.fixture(scope="module")
def platform(scratch_platform: ScratchPlatform) -> Platform:
    """The platform of the session: these tests break it, and bring it back."""
    return scratch_platform.platform


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sets")


@pytest.fixture(scope="module")
def full(platform: Platform, folder: Path) -> Manifest:
    manifest = make(platform, kind="full", folder=folder)
    assert manifest
    return manifest


def state(platform: Platform) -> dict[str, object]:
    with postgres(platform, "backup") as connection:
        row = connection.execute("select to_regclass('users')").fetchone()
        users = connection.execute("select array_agg(username order by id) from users").fetchone() if row and row[0] else None
    with redis_client(platform, "backup") as client:
        keys = sorted(client.scan_iter(count=1000))
    with weaviate_client(platform, "backup") as store:
        return {"users": users[0] if users else None, "keys": keys, "objects": count(store).objects}


def user(platform: Platform, name: str) -> None:
    with postgres(platform, "api") as connection:
        connection.execute(
            "insert into users (username, email, password_hash) select %s, %s, password_hash from users limit 1", (name, f"{name}@x.org")
        )


BESIDE = f"tests-beside-{os.getpid()}"


def labelled(*labels: str) -> list[str]:
    """Containers with these labels. Other tests on this machine have containers of the same purposes."""
    return [str(each.name) for each in docker_client().containers.list(all=True, ignore_removed=True, filters={"label": list(labels)})]


def drills() -> list[str]:
    return labelled(f"{PURPOSE_LABEL}=drill", f"{OWNER_LABEL}={os.getpid()}")


def test_a_drill_proves_a_set_measures_it_and_leaves_nothing(platform: Platform, folder: Path, full: Manifest) -> None:
    report = drill(platform, folder=folder)
    assert report.passed, describe(report)
    assert {proof.name for proof in report.proofs} == {
        "postgres.rows",
        "postgres.chunks",
        "postgres.structure",
        "postgres.constraints",
        "postgres.indexes",
        "postgres.accounts",
        "redis.keys",
        "redis.keyspaces",
        "redis.accounts",
        "weaviate.objects",
        "weaviate.neighbours",
        "weaviate.accounts",
        "references",
    }
    assert 0 < report.restore_seconds < report.seconds
    assert set(report.stores) == set(report.loss_seconds) == {"postgres", "redis", "weaviate"}
    assert marks.read(folder)[full.id].drilled
    assert history(folder)[-1]["set_id"] == full.id
    written = json.loads((folder / "drills" / f"{report.id}.json").read_text())
    assert written["passed"] is True
    assert "| postgres.rows | proven |" in (folder / "drills" / f"{report.id}.md").read_text()
    assert drills() == []


@pytest.mark.exhaustive
def test_what_is_not_as_recorded_is_disproved(platform: Platform, full: Manifest) -> None:
    """The proofs led about the live stores, which are as the set says, against a manifest that says something else."""
    assert full.postgres
    assert full.weaviate
    tables = full.postgres.reference_point.tables
    users, market = tables["users"], tables["market_data"]
    assert users.rows is not None
    wrong = {
        **tables,
        "users": users.model_copy(update={"rows": users.rows + 1}),
        "market_data": market.model_copy(update={"checksum": "1"}),
        # Has none here, so no chunk either.
        "technical_indicators": tables["technical_indicators"].model_copy(update={"rows": 1}),
    }
    point = full.postgres.reference_point.model_copy(update={"tables": wrong})
    lying = full.model_copy(
        update={
            "postgres": full.postgres.model_copy(update={"reference_point": point, "schema_revision": "0001"}),
            "weaviate": full.weaviate.model_copy(update={"collections": {DOCUMENTS: (201, 201)}}),
        }
    )
    told = proofs.RestoredPlatform(platform, lying, redis_keys=7)
    with pytest.raises(proofs.Disproved, match=f"market_data has {market.rows} rows with other content.*users has {users.rows} rows"):
        proofs.rows(told)
    with pytest.raises(proofs.Disproved, match="rows but no chunk: technical_indicators"):
        chunks(told)
    with pytest.raises(proofs.Disproved, match="not at 0001 as recorded"):
        proofs.structure(told)
    with pytest.raises(proofs.Disproved, match=r"7 keys, not \d+"):
        proofs.keys(told)
    assert full.redis
    without_expiry = proofs.RestoredPlatform(platform, full, redis_keys=full.redis.aof_keys, redis_expires=0)
    with pytest.raises(proofs.Disproved, match=f"0 keys expire, not {full.redis.aof_expires}"):
        proofs.keys(without_expiry)
    with pytest.raises(proofs.Disproved, match="has 200 objects, not 201"):
        proofs.objects(told)
    with_file = full.weaviate.model_copy(update={"documents": {"of/another.md": 3}})
    with pytest.raises(proofs.Disproved, match=r"files without a passage: of/another\.md"):
        proofs.files(proofs.RestoredPlatform(platform, full.model_copy(update={"weaviate": with_file})))
    stranger = dataclasses.replace(platform, accounts={**platform.accounts, "rag": Credentials(weaviate="wrong")})
    with pytest.raises(proofs.Disproved, match="rag: HTTP 401"):
        proofs.accounts("weaviate")(proofs.RestoredPlatform(stranger, full))


@pytest.mark.exhaustive
def test_a_drill_of_a_set_that_cannot_be_restored_is_a_failed_report(platform: Platform, tmp_path: Path) -> None:
    manifest = make(platform, kind="full", stores=["redis"], folder=tmp_path)
    assert manifest
    assert drill(platform, folder=tmp_path).passed
    folder, log = SetFolder(tmp_path / manifest.id, keyring_of(platform)), "redis/appendonlydir/appendonly.aof.1.incr.aof"
    content = folder.content(log)
    (folder.path / f"{log}.age").unlink()
    write_hashed(folder, log, [b"*this is no log*", content[16:]])
    report = drill(platform, folder=tmp_path)
    assert not report.passed
    assert "does not come up" in report.failure
    assert "The restore failed" in describe(report)
    assert history(tmp_path)[-1]["passed"] is False
    assert drills() == []


@pytest.mark.exhaustive
def test_a_killed_drill_leaves_nothing_for_long(platform: Platform, folder: Path, full: Manifest, tmp_path: Path) -> None:
    import pickle

    (tmp_path / "platform").write_bytes(pickle.dumps({field.name: getattr(platform, field.name) for field in dataclasses.fields(platform)}))
    program = (
        "import pickle, sys; from pathlib import Path; from infra.connections import Platform; from backup.drill import drill\n"
        "drill(Platform(**pickle.loads(Path(sys.argv[1]).read_bytes())), folder=Path(sys.argv[2]))\n"
    )
    victim = subprocess.Popen([sys.executable, "-c", program, str(tmp_path / "platform"), str(folder)])

    def its() -> list[str]:
        return labelled(f"{OWNER_LABEL}={victim.pid}")

    try:
        wait_for(lambda: its() or victim.poll() is not None, "the drill has made something")
    finally:
        victim.kill()
        victim.wait()
    # So it had made something, which any other process may have removed by now.
    assert victim.returncode == -signal.SIGKILL
    remove_of_dead_processes()
    assert its() == []


def with_new_secrets(platform: Platform, name: str) -> Platform:
    """The platform after an account's rotation, as a set that was made before knows nothing of it."""
    new = {name: Credentials(postgres="new", redis="new", weaviate="new")}
    turn = Turn(1, datetime.now(UTC), former=True)
    return dataclasses.replace(platform, accounts=platform.accounts | new, rotations=platform.rotations | {name: turn})


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", ["api", "rag"])
def test_a_set_that_is_older_than_an_accounts_secrets_is_proven_without_that_account(
    platform: Platform, folder: Path, full: Manifest, name: str
) -> None:
    report = drill(with_new_secrets(platform, name), full.id, folder=folder)
    assert report.passed, [proof for proof in report.proofs if not proof.passed]
    untried = [proof.name for proof in report.proofs if f"not tried: {name}" in proof.message]
    assert untried == {"api": ["postgres.accounts", "redis.accounts"], "rag": ["weaviate.accounts"]}[name]


def test_a_set_that_nobody_could_read_any_more_is_not_drilled(platform: Platform, folder: Path, full: Manifest) -> None:
    before = history(folder)
    with pytest.raises(PlatformError, match=f"the secrets of backup are newer than set {full.id}") as refused:
        drill(with_new_secrets(platform, "backup"), full.id, folder=folder)
    assert "invoke backup --full" in refused.value.next_step
    assert history(folder) == before, "it is no failed drill: that would be critical for a day"


@pytest.mark.exhaustive
def test_every_accident_is_undone_to_the_moment_before(platform: Platform, folder: Path, full: Manifest) -> None:
    """A dropped table, a flushed Redis, a deleted collection: first looked at beside the live stores, then put back."""
    user(platform, "late")
    with redis_client(platform, "api") as client:
        client.hset("session:late9", "user_id", "1")
        client.expire("session:late9", 3600)
    make(platform, kind="incremental", folder=folder)
    user(platform, "later")
    with redis_client(platform, "api") as client:
        client.hset("session:late10", "user_id", "1")
        client.expire("session:late10", 3600)
    before = state(platform)
    time.sleep(2)
    moment = datetime.now(UTC)
    time.sleep(2)
    user(platform, "too-late")
    execute(platform.containers["timescaledb"], ["psql", "-X", "-U", "postgres", "-d", "christmas_db", "-c", "drop table users cascade"])
    execute(platform.containers["redis"], ["sh", "-c", f"{redis_cli('admin')} flushall"])
    root = dataclasses.replace(platform, accounts={**platform.accounts, "root": Credentials(weaviate=ROOT_KEY)})
    with weaviate_client(root, "root") as store:
        store.collections.delete(DOCUMENTS)
    assert state(platform) == {"users": None, "keys": [], "objects": {}}

    outcome = restore(platform, moment.isoformat(), dry_run=True, folder=folder)
    assert outcome.stores["postgres"]["seconds_lost"] > 0
    assert outcome.seconds is not None

    beside = restore(platform, moment.isoformat(), into=BESIDE, folder=folder)
    try:
        with pytest.raises(PlatformError, match="still exists"):
            restore(platform, moment.isoformat(), into=BESIDE, folder=folder)
        connections = json.loads(Path(beside.connections).read_text())
        assert Path(beside.connections).stat().st_mode & 0o777 == 0o600
        import psycopg

        with psycopg.connect(connections["accounts"]["backup"]["DATABASE_URL"]) as connection:
            assert connection.execute("select array_agg(username order by id) from users").fetchone() == (before["users"],)
        import redis

        with redis.Redis.from_url(connections["accounts"]["backup"]["REDIS_URL"], decode_responses=True) as client:
            assert sorted(client.scan_iter()) == before["keys"]
    finally:
        assert remove(BESIDE) > 0
    assert labelled(f"{STACK_LABEL}={BESIDE}") == []
    assert state(platform)["users"] is None

    done = restore(platform, moment.isoformat(), live=True, folder=folder)
    assert done.live
    assert state(platform) == before
    newest = folders.list_sets(folder=folder)[-1]
    assert newest.kind == "full"
    assert newest.postgres
    assert newest.postgres.timeline == 2


def test_a_live_restore_is_refused_while_clients_write(platform: Platform, folder: Path, full: Manifest) -> None:
    with postgres(platform, "api") as connection:
        connection.execute("select 1")
        with pytest.raises(PlatformError, match=r"[1-9] sessions of account api"):
            restore(platform, "latest", stores=["postgres"], live=True, folder=folder)
    assert Journal(folder).read() is None


@pytest.mark.exhaustive
def test_a_live_restore_that_was_cut_off_is_finished_before_anything_else(platform: Platform, folder: Path, full: Manifest) -> None:
    newest = folders.list_sets(folder=folder)[-1]
    Journal(folder).begin(newest.id, ("redis",), [newest.id])
    try:
        with pytest.raises(PlatformError, match=r"begun at .+ and not finished"):
            make(platform, kind="full", folder=folder)
        with pytest.raises(PlatformError, match=r"begun at .+ and not finished"):
            restore(platform, "latest", stores=["weaviate"], live=True, folder=folder)
        with redis_client(platform, "api") as client:
            client.set("rate_limit:10.9.9.9", 1, ex=600)
        assert restore(platform, newest.id, stores=["redis"], live=True, dry_run=True, folder=folder).dry_run
        assert "rate_limit:10.9.9.9" in state(platform)["keys"]  # type: ignore[operator]
        restore(platform, newest.id, stores=["redis"], live=True, folder=folder)
    finally:
        Journal(folder).close()
    assert "rate_limit:10.9.9.9" not in state(platform)["keys"]  # type: ignore[operator]


def test_a_live_name_is_never_restored_into(platform: Platform, folder: Path, full: Manifest) -> None:
    with pytest.raises(PlatformError, match="is a live stack"):
        restore(platform, full.id, into=platform.stack, folder=folder)
    with pytest.raises(PlatformError, match="can't be a stack's name"):
        restore(platform, full.id, into="Not A Name", folder=folder)
    with pytest.raises(PlatformError, match="no restore is named"):
        remove("tests-nothing")


@pytest.mark.exhaustive
def test_the_logical_backup_restores_into_another_database(platform: Platform, folder: Path, full: Manifest) -> None:
    """What `docs/backup.md` tells to do with it."""
    assert full.postgres
    container = platform.containers["timescaledb"]

    def psql(database: str, *statements: str) -> str:
        options = [option for statement in statements for option in ("-c", statement)]
        return execute(container, ["psql", "-X", "-Atq", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", database, *options]).text()

    psql("postgres", "create database elsewhere")
    try:
        psql("elsewhere", "create extension timescaledb", "select timescaledb_pre_restore()")
        running = docker_client().containers.get(container)
        from core.container_files import FileToPut, put_files

        record = next(file for file in full.files if file.path == full.postgres.logical)
        dump = plain_file(SetFolder(folder / full.id, keyring_of(platform)), record)
        put_files(running, "/var/lib/pgbackrest", [FileToPut("try.dump", dump)], uid=1000, gid=1000)
        execute(container, ["pg_restore", "-U", "postgres", "-d", "elsewhere", "/var/lib/pgbackrest/try.dump"], check=False)
        psql("elsewhere", "select timescaledb_post_restore()")
        assert psql("elsewhere", "select count(*) from market_data") == str(full.postgres.reference_point.tables["market_data"].rows)
        assert psql("elsewhere", "select count(*) from users") == str(full.postgres.reference_point.tables["users"].rows)
        assert int(psql("elsewhere", "select count(*) from show_chunks('market_data')")) > 0
    finally:
        psql("postgres", "drop database elsewhere with (force)")
        execute(container, ["rm", "-f", "/var/lib/pgbackrest/try.dump"], user="postgres")
