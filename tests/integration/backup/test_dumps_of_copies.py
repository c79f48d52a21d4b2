"""The logical backup that a drill takes from the server it restored: added to its set, and never of a server that lies."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from backup import later_dump
from backup.drill import drill
from backup.make import make
from backup.operator import extract
from backup.postgres.logical import LOGICAL_PATH
from backup.restoring import recipes
from backup.restoring.bases import Base
from backup.restoring.scratch import scratch
from backup.sets import due, folders, keys
from backup.sets.chain import row
from backup.sets.model import Manifest
from backup.storage import copies, mirror
from backup.storage.places import FolderPlace
from backup.verify import verify
from christmas.blueprint.backup_and_drill_rules import BACKUP_RULES
from core.container_commands import execute
from core.container_files import FileToPut, put_files
from core.docker_client import docker_client
from core.errors import PlatformError
from core.progress import SilentProgress
from infra.backup_places import LocalPlace
from infra.clients import postgres
from infra.connections import Platform
from tests.support.scratch_platform import ScratchPlatform


@pytest.fixture
def platform(scratch_platform: ScratchPlatform, tmp_path: Path) -> Platform:
    access = scratch_platform.platform.backup.model_copy(update={"copies": {"nas": LocalPlace(type="local", path=str(tmp_path / "nas"))}})
    (tmp_path / "nas").mkdir()
    return dataclasses.replace(scratch_platform.platform, backup=access)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "sets"


def made(platform: Platform, folder: Path) -> Manifest:
    manifest = make(platform, kind="full", stores=["postgres"], folder=folder, logical="copy")
    assert manifest
    return manifest


@pytest.fixture
def dumped(platform: Platform) -> Iterator[tuple[str, str]]:
    """A folder in the server's container for a dump, and the container's name."""
    container = platform.containers["timescaledb"]
    yield "/var/lib/pgbackrest", container
    execute(container, ["rm", "-f", "/var/lib/pgbackrest/try.dump"], user="postgres")


def faults(platform: Platform, folder: Path, place: str = "") -> list[tuple[str, ...]]:
    return [verdict.faults for verdict in verify(platform, every=True, folder=folder, place=place)]


@pytest.mark.exhaustive
def test_a_drill_adds_what_the_live_server_was_spared(platform: Platform, folder: Path, tmp_path: Path, dumped: tuple[str, str]) -> None:
    first = made(platform, folder)
    assert first.awaits_logical
    assert row(first)["logical_from"] == "awaited"
    # It is promised, so that not every hour's set dumps.
    assert not due.logical_due(first.finished, [first], BACKUP_RULES)
    assert LOGICAL_PATH not in {record.path for record in first.files}
    with pytest.raises(PlatformError, match=f"backup.drill {first.id}"):
        extract(platform, first.id, LOGICAL_PATH, str(tmp_path / "none.dump"), folder=folder)
    assert faults(platform, folder) == [()]
    # An interrupted drill left it: the next run takes it away, so that the set stays good.
    (folder / first.id / f"{LOGICAL_PATH}.age").write_bytes(b"half a dump")
    later_dump.clean_up(platform, folder)
    assert faults(platform, folder) == faults(platform, folder, "nas") == [()]

    report = drill(platform, folder=folder)
    assert report.passed, report
    assert report.logical.startswith("made from the restored server")
    after = folders.read(folder / first.id)
    assert after.postgres
    assert (after.postgres.logical, after.awaits_logical, row(after)["logical_from"]) == (LOGICAL_PATH, False, "copy")
    assert keys.is_signed(after, keys.repository_passphrase(platform))
    assert faults(platform, folder) == [()]
    assert not (folder / "drills" / "dump").exists()
    # A second drill has nothing to add.
    assert drill(platform, folder=folder).logical == ""

    # The copy had the set before; it gets what was added, and an edited manifest never replaces it.
    edited = after.model_copy(update={"made_by": "somebody else"})
    folders.publish(folder, edited)
    copies.run(platform, SilentProgress(), folder)
    assert folders.list_at(FolderPlace(tmp_path / "nas" / "sets"))[0].awaits_logical
    folders.publish(folder, after)
    copies.run(platform, SilentProgress(), folder)
    assert folders.list_at(FolderPlace(tmp_path / "nas" / "sets")) == [after]
    assert faults(platform, folder, "nas") == [()]

    where, container = dumped
    out = extract(platform, first.id, LOGICAL_PATH, str(tmp_path / "out.dump"), folder=folder)
    put_files(docker_client().containers.get(container), where, [FileToPut("try.dump", out.read_bytes())], uid=1000, gid=1000)
    listed = execute(container, ["pg_restore", "--list", f"{where}/try.dump"]).text()
    assert "TABLE DATA public users" in listed
    assert "amcheck" not in listed
    rows = execute(container, ["pg_restore", "--data-only", "--table=users", "--file=-", f"{where}/try.dump"]).text()
    copied = rows.split("COPY public.users")[1].split("\\.")[0].strip().splitlines()[1:]
    assert len(copied) == after.postgres.reference_point.tables["users"].rows


def test_a_server_that_is_not_as_the_set_says_gives_no_dump(platform: Platform, folder: Path) -> None:
    first = made(platform, folder)
    assert first.postgres
    point = first.postgres.reference_point
    users = point.tables["users"].model_copy(update={"checksum": "1"})
    lying = first.postgres.model_copy(update={"reference_point": point.model_copy(update={"tables": {**point.tables, "users": users}})})
    signed = keys.sign(first.model_copy(update={"postgres": lying}), keys.repository_passphrase(platform))
    mirror.publish(platform, folder, signed, SilentProgress())
    report = drill(platform, folder=folder)
    assert not report.passed
    assert report.logical == "not added: the restored server is not as the set says"
    assert folders.read(folder / first.id).awaits_logical
    assert not (folder / first.id / f"{LOGICAL_PATH}.age").exists()


def test_unlogged_rows_are_dumped_where_they_are(platform: Platform, folder: Path) -> None:
    with postgres(platform, "migrator", autocommit=True) as connection:
        connection.execute("create unlogged table only_here as select 1 as one")
    try:
        manifest = made(platform, folder)
        assert manifest.postgres
        assert (manifest.postgres.logical, row(manifest)["logical_from"]) == (LOGICAL_PATH, "live")
    finally:
        with postgres(platform, "migrator", autocommit=True) as connection:
            connection.execute("drop table only_here")


def test_a_drills_containers_give_way(platform: Platform) -> None:
    base = Base.live("redis", docker_client().containers.get(platform.containers["redis"]))
    weights = {}
    for purpose in ("drill", "restore"):
        with scratch(purpose) as stores:
            recipe = recipes.redis(stores, base, data=stores.volume("redis-data"), acl="", passwords={"admin": "a", "monitor": "b"})
            container = stores.create(recipe)
            container.reload()
            weights[purpose] = container.attrs["HostConfig"]["CpuShares"]
    assert weights["restore"] == 0  # Docker's own: 1024
    assert 0 < weights["drill"] < 512
