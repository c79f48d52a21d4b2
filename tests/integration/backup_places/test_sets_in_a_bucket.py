"""The whole of a set's life where the first place is a bucket, and two copies: a folder and another bucket."""

import contextlib
import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from backup.drill import describe, drill
from backup.make import make
from backup.postgres import pgbackrest
from backup.prune import prune
from backup.restore import remove, restore
from backup.restoring import stopped
from backup.sets import folders, retention
from backup.sets.model import Manifest
from backup.storage import copies, mirror
from backup.storage.opening import open_place
from backup.verify import verify
from core.container_commands import execute
from core.docker_client import docker_client
from core.errors import PlatformError
from infra.backup_places import LocalPlace, S3Place
from infra.clients import redis_client
from infra.components.pgbackrest_config import PGDATA
from infra.connections import Platform
from tests.support.cases import in_make_test
from tests.support.identities import new_identity
from tests.support.s3_server import S3Server, run_s3_server
from tests.support.scratch_platform import ScratchPlatform, fill, run_scratch_platform

pytestmark = pytest.mark.exhaustive


@dataclass
class There:
    """A platform whose sets go to a bucket, and its first full one."""

    running: ScratchPlatform
    platform: Platform
    server: S3Server
    folder: Path
    copy: Path
    full: Manifest

    def objects(self, prefix: str, bucket: str = "christmas-tests") -> dict[str, int]:
        pages = self.server.client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return {each["Key"]: each["Size"] for page in pages for each in page.get("Contents", ())}


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[There]:
    home = tmp_path_factory.mktemp("there")
    servers: list[S3Server] = []
    with contextlib.ExitStack() as stack:

        def place(gateway: str) -> S3Place:
            servers.append(stack.enter_context(run_s3_server(home / "s3", gateway)))
            servers[0].make_bucket()
            servers[0].make_bucket("christmas-second")
            return servers[0].place(prefix="stacks/tests")

        running = stack.enter_context(run_scratch_platform("tests", place))
        fill(running.platform, candles=500, users=5, sessions=20, documents=40)
        (home / "mounted").mkdir()
        further = {"folder": LocalPlace(path=str(home / "mounted/copy")), "bucket": servers[0].place("christmas-second")}
        access = running.platform.backup.model_copy(update={"copies": further})
        platform = dataclasses.replace(running.platform, backup=access)
        full = make(platform, kind="full", folder=home / "sets")
        assert full
        yield There(running, platform, servers[0], home / "sets", home / "mounted/copy", full)


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_set_lies_in_the_bucket_encrypted_and_here_is_only_its_manifest(there: There) -> None:
    assert names(there.folder / there.full.id) == {folders.MANIFEST}
    found = there.objects(f"stacks/tests/sets/{there.full.id}/")
    for record in there.full.files:
        prefix = f"stacks/tests/sets/{there.full.id}" if record.place == "set" else "stacks/tests/pgbackrest"
        assert (found | there.objects(f"{prefix}/{record.stored}"))[f"{prefix}/{record.stored}"] == record.size
    assert all(key.endswith((".age", folders.MANIFEST)) for key in found)
    body = there.server.client().get_object(Bucket="christmas-tests", Key=f"stacks/tests/sets/{there.full.id}/redis/users.acl.age")["Body"]
    assert body.read().startswith(b"age-encryption.org/v1")
    # Nothing secret is where `docker inspect` shows it.
    inspected = str(docker_client().api.inspect_container(there.platform.containers["timescaledb"]))
    assert "tests-secret" not in inspected


@pytest.mark.exhaustive
def test_it_is_verified_where_it_lies_and_so_are_its_copies(there: There) -> None:
    verdicts = verify(there.platform, every=True, folder=there.folder, place="all")
    assert [(verdict.place, verdict.faults) for verdict in verdicts] == [("first", ()), ("folder", ()), ("bucket", ())]


@pytest.mark.exhaustive
def test_the_place_at_fault_is_named(there: There) -> None:
    damaged = there.copy / "sets" / there.full.id / "redis/dump.rdb.age"
    whole = damaged.read_bytes()
    segment = next(record.path for record in there.full.files if record.place == "pgbackrest" and record.path.startswith("archive/"))
    try:
        damaged.write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
        (there.copy / "pgbackrest" / segment).rename(there.copy / "aside")
        (verdict,) = verify(there.platform, every=True, folder=there.folder, place="folder")
        assert verdict.place == "folder"
        assert "redis/dump.rdb has changed: its SHA-256 differs" in verdict.faults
        assert f"repository: {segment} is missing" in verdict.faults
    finally:
        damaged.write_bytes(whole)
        (there.copy / "aside").rename(there.copy / "pgbackrest" / segment)
    with pytest.raises(PlatformError, match="there is no place 'elsewhere'"):
        verify(there.platform, folder=there.folder, place="elsewhere")


@pytest.mark.exhaustive
def test_a_set_is_drilled_from_the_bucket(there: There) -> None:
    report = drill(there.platform, folder=there.folder)
    assert report.passed, describe(report)


@pytest.mark.parametrize("place", in_make_test(["folder", "bucket"], 0))
def test_the_first_place_is_lost_and_a_copy_brings_all_back(there: There, place: str, tmp_path: Path) -> None:
    """The bucket is gone, and the folder of this clone: a copy and the keys are what is left."""
    lost = dataclasses.replace(
        there.platform, backup=there.platform.backup.model_copy(update={"place": there.server.place("christmas-gone", prefix="gone")})
    )
    with pytest.raises(PlatformError, match="there is no bucket christmas-gone"):
        restore(lost, into=f"tests-lost-{place}", folder=tmp_path)
    done = restore(lost, into=f"tests-lost-{place}", folder=tmp_path, place=place)
    try:
        stores = docker_client().containers.get(f"christmas-tests-lost-{place}-timescaledb")
        found = execute(
            str(stores.name), ["psql", "-XAtq", "-d", "christmas_db", "-c", "select count(*) from market_data"], user="postgres"
        )
        assert found.text() == str(there.full.postgres and there.full.postgres.reference_point.tables["market_data"].rows)
        assert done.stores["redis"]["set"] == there.full.id
    finally:
        remove(f"tests-lost-{place}")
    with pytest.raises(PlatformError, match="a live restore reads the first place"):
        restore(there.platform, live=True, folder=there.folder, place=place)


@pytest.mark.exhaustive
def test_an_operators_key_reads_what_was_made_for_it_and_no_other_does(there: There, tmp_path: Path) -> None:
    operator, recipient = new_identity()
    stranger, _ = new_identity()
    known = there.platform.backup
    shared = dataclasses.replace(
        there.platform, backup=known.model_copy(update={"recipients": (*known.recipients, recipient), "place": None, "copies": {}})
    )
    # Redis alone: PostgreSQL's repository has a passphrase of its own.
    manifest = make(shared, kind="full", stores=["redis"], folder=tmp_path)
    assert manifest
    for identity, passed in ((operator, True), (stranger, False)):
        held = dataclasses.replace(shared, backup=shared.backup.model_copy(update={"identities": (identity,)}))
        report = drill(held, folder=tmp_path)
        assert report.passed is passed, describe(report)
    assert "encrypted for other keys" in report.failure


@pytest.mark.exhaustive
def test_a_copy_that_fails_leaves_the_set_good_and_is_caught_up_with(there: There) -> None:
    away = there.copy.parent.with_name("unmounted")
    there.copy.parent.rename(away)
    try:
        with there.server.fault(method="PUT", path="/christmas-second/", status=403):
            manifest = make(there.platform, kind="incremental", folder=there.folder)
        assert manifest
        told = copies.state(there.folder)
        # Of a folder that isn't mounted nothing is known to be there.
        assert (told["folder"].behind, told["bucket"].behind) == (2, 1)
        assert "is it mounted?" in told["folder"].failure
        assert "refuses the credentials" in told["bucket"].failure
    finally:
        away.rename(there.copy.parent)
    # Nothing is due: the copies are caught up with all the same.
    assert make(there.platform, folder=there.folder) is None
    told = copies.state(there.folder)
    assert [(each.sets, each.behind, each.failure) for each in told.values()] == [(2, 0, ""), (2, 0, "")]
    assert [each.good for each in verify(there.platform, every=True, folder=there.folder, place="folder")] == [True, True]


def test_a_bucket_that_refuses_halfway_fails_the_set_and_leaves_nothing(there: There) -> None:
    before = [manifest.id for manifest in folders.list_sets(folder=there.folder)]
    with (
        there.server.fault(method="PUT", path="/sets/", status=403),
        pytest.raises(PlatformError, match="refuses the credentials"),
    ):
        make(there.platform, kind="full", stores=["redis"], folder=there.folder)
    assert [manifest.id for manifest in folders.list_sets(folder=there.folder)] == before
    assert folders.leftovers(there.folder) == []
    assert {key.split("/")[3] for key in there.objects("stacks/tests/sets/")} == set(before)


@pytest.mark.exhaustive
def test_another_clone_sees_the_sets_of_the_bucket_and_goes_on_from_them(there: There, tmp_path: Path) -> None:
    with redis_client(there.platform, "api") as client:
        client.set("rate_limit:10.1.1.1", 1, ex=600)
    mirror.refresh(there.platform, tmp_path)
    assert folders.list_sets(folder=tmp_path) == folders.list_sets(folder=there.folder)
    manifest = make(there.platform, kind="incremental", folder=tmp_path)
    assert manifest
    assert manifest.parent == folders.list_sets(folder=there.folder)[-1].id
    mirror.refresh(there.platform, there.folder)
    assert folders.list_sets(folder=there.folder)[-1] == manifest


@pytest.mark.exhaustive
def test_what_retention_drops_goes_from_every_place(there: There, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror.refresh(there.platform, there.folder)
    every = folders.list_sets(folder=there.folder)
    newest = make(there.platform, kind="full", stores=["redis"], folder=there.folder)
    assert newest
    monkeypatch.setattr(retention, "keep", lambda found, *_: {each.id: "a test's reason" for each in found if each.id != newest.id})
    told = prune(there.platform, dry_run=True, folder=there.folder)
    assert told.removed == (newest.id,)
    assert told.places == {"folder": [newest.id], "bucket": [newest.id]}
    assert there.objects(f"stacks/tests/sets/{newest.id}")
    prune(there.platform, folder=there.folder)
    assert not there.objects(f"stacks/tests/sets/{newest.id}")
    for settings in there.platform.backup.copies.values():
        assert [each.id for each in folders.list_at(open_place(settings).below("sets"))] == [each.id for each in every]
    verdicts = verify(there.platform, every=True, folder=there.folder, place="folder")
    assert {verdict.set_id: verdict.good for verdict in verdicts} == {each.id: True for each in every}


@pytest.mark.exhaustive
def test_a_new_machine_with_the_bucket_and_the_keys_goes_on_where_the_lost_one_was(there: There) -> None:
    """Another, empty cluster in the place of the lost one: nothing of it gets into the bucket, and the newest state is restored over it."""
    mirror.refresh(there.platform, there.folder)
    newest = next(manifest for manifest in reversed(folders.list_sets(folder=there.folder)) if manifest.postgres)
    assert newest.postgres
    name = there.platform.containers["timescaledb"]
    container = stopped.halt(name)
    stopped.run(container, f"find {PGDATA} -mindepth 1 -delete", purpose="tests-lose")
    stopped.start(container)
    with pytest.raises(PlatformError, match=r"do not match|does not match"):
        pgbackrest.run(name, pgbackrest.command("stanza-create"))
    before = there.objects("stacks/tests/pgbackrest/archive")
    restore(there.platform, live=True, force=True, stores=["postgres"], folder=there.folder)
    found = execute(name, ["psql", "-XAtq", "-d", "christmas_db", "-c", "select count(*) from market_data"], user="postgres")
    assert found.text() == str(newest.postgres.reference_point.tables["market_data"].rows)
    made = folders.list_sets(folder=there.folder)[-1]
    assert made.postgres
    assert made.postgres.system_id == newest.postgres.system_id
    assert made.postgres.timeline == newest.postgres.timeline + 1
    assert set(before) < set(there.objects("stacks/tests/pgbackrest/archive"))
    assert verify(there.platform, folder=there.folder)[-1].good
