"""The first place is lost, here a bucket: a copy in a folder becomes it again, or the reason why not is told. No store is needed for it."""

import contextlib
import dataclasses
import hashlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from backup.drill import drill
from backup.make import make
from backup.prune import prune
from backup.restore import restore
from backup.restoring import journal
from backup.sets import folders, keys
from backup.sets.model import FileRecord, Manifest
from backup.storage import bring_back, mirror
from backup.storage.opening import open_place
from backup.storage.places import FolderPlace
from core.errors import PlatformError
from core.progress import SilentProgress
from infra.backup_places import BackupAccess, LocalPlace, S3Place
from infra.connections import Platform
from monitor import backups
from tests.support.manifests import NOON, manifest
from tests.support.s3_server import S3Server, run_s3_server

PASSPHRASE = "the passphrase of a repository"
OLDER, NEWER = "20261123-120000-full-0000", "20261123-130000-full-0001"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with run_s3_server(tmp_path_factory.mktemp("s3")) as running:
        yield running


def bucket(server: S3Server, name: str) -> S3Place:
    with contextlib.suppress(server.client().exceptions.BucketAlreadyOwnedByYou):
        server.make_bucket(name)
    return server.place(name)


def record(place: FolderPlace, path: str, record: FileRecord, content: bytes) -> FileRecord:
    place.write(path, content)
    return record.model_copy(update={"size": len(content), "sha256": hashlib.sha256(content).hexdigest()})


def copied(root: Path, *ids: str, passphrase: str = PASSPHRASE) -> list[Manifest]:
    """A copy in a folder, as `backup.copy` leaves it: sets and their part of the repository, proven by signed manifests."""
    place, made = FolderPlace(root), []
    for at, set_id in enumerate(ids):
        plain = manifest(set_id, started=NOON + timedelta(hours=at))
        parts = {}
        for name in ("postgres", "redis", "weaviate"):
            part = getattr(plain, name)
            files = tuple(
                record(
                    place,
                    f"pgbackrest/{file.path}" if file.place == "pgbackrest" else f"sets/{set_id}/{file.stored}",
                    file,
                    f"{set_id} {file.path}".encode() * 1000,
                )
                for file in part.files
            )
            parts[name] = part.model_copy(update={"files": files})
        signed = keys.sign(plain.model_copy(update={**parts, "sequence": at + 1}), passphrase)
        place.write(f"sets/{set_id}/{folders.MANIFEST}", folders.render(signed))
        made.append(signed)
    place.write("pgbackrest/backup/christmas/backup.info", b"the index")
    return made


def platform(first: S3Place, **copies: Path) -> Platform:
    places: dict[str, LocalPlace | S3Place] = {name: LocalPlace(path=str(path)) for name, path in copies.items()}
    access = BackupAccess(passphrase=PASSPHRASE, place=first, copies=places)
    return Platform("tests", {}, {}, Path("/nowhere"), {"timescaledb": "none"}, {"pgbackrest": "none"}, "none", "", "", backup=access)


def names(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_copy_with_the_newest_set_becomes_the_first_place(server: S3Server, tmp_path: Path) -> None:
    copied(tmp_path / "behind", OLDER)
    made = copied(tmp_path / "nas", OLDER, NEWER)
    there, folder = platform(bucket(server, "emptied"), behind=tmp_path / "behind", nas=tmp_path / "nas"), tmp_path / "sets"
    # What the lost place alone knew.
    (folder / "20261123-140000-full-0002").mkdir(parents=True)
    assert bring_back.is_lost(there, folder)
    assert bring_back.choose(there, folder, "") == "nas"
    assert bring_back.choose(there, folder, "behind") == "behind"
    bring_back.bring_back(there, folder, "nas", SilentProgress())
    assert there.backup.place
    place = open_place(there.backup.place)
    assert {path: b"".join(place.read(path)) for path in place.sizes()} == names(tmp_path / "nas")
    assert not bring_back.is_lost(there, folder)
    assert folders.list_sets(folder=folder) == made
    assert (folder / "not-in-the-copy/20261123-140000-full-0002").is_dir()
    # From here on it is the first place, and never replaced.
    assert bring_back.choose(there, folder, "") == ""
    with pytest.raises(PlatformError, match="a live restore reads the first place"):
        bring_back.choose(there, folder, "behind")


def test_a_set_whose_repository_is_gone_is_no_first_place(server: S3Server, tmp_path: Path) -> None:
    copied(tmp_path / "nas", OLDER)
    there = platform(bucket(server, "half"), nas=tmp_path / "nas")
    bring_back.bring_back(there, tmp_path / "sets", "nas", SilentProgress())
    assert there.backup.place
    place = open_place(there.backup.place)
    place.remove(place.sizes("pgbackrest"))
    assert bring_back.is_lost(there, tmp_path / "sets")
    assert bring_back.choose(there, tmp_path / "sets", "") == "nas"
    # Redis' and Weaviate's files are in the set itself.
    assert bring_back.choose(there, tmp_path / "sets", "", ["redis"]) == ""


@pytest.mark.exhaustive
def test_a_damaged_copy_is_named_and_the_next_try_begins_again(server: S3Server, tmp_path: Path) -> None:
    copied(tmp_path / "nas", OLDER, NEWER)
    there, folder = platform(bucket(server, "damaged"), nas=tmp_path / "nas"), tmp_path / "sets"
    folder.mkdir()
    file = tmp_path / f"nas/sets/{NEWER}/redis/dump.rdb.age"
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + b"x")
    with pytest.raises(PlatformError, match=r"dump\.rdb\.age has changed"):
        bring_back.bring_back(there, folder, "nas", SilentProgress())
    # One set is there already, and would be restored as if it were the newest.
    assert bring_back.is_lost(there, folder)
    file.write_bytes(whole)
    bring_back.bring_back(there, folder, "nas", SilentProgress())
    assert not bring_back.is_lost(there, folder)
    assert [manifest.id for manifest in folders.list_sets(folder=folder)] == [OLDER, NEWER]


def test_a_part_of_a_copy_is_restored_from_and_added_to_by_nobody(
    server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its newest set is an older one than the copy's, and what is made meanwhile would be put aside when it is gone on with."""
    copied(tmp_path / "nas", OLDER, NEWER)
    there, folder = platform(bucket(server, "in-part"), nas=tmp_path / "nas"), tmp_path / "sets"
    folder.mkdir()
    file = tmp_path / f"nas/sets/{NEWER}/redis/dump.rdb.age"
    whole = file.read_bytes()
    file.write_bytes(b"x")
    with pytest.raises(PlatformError, match=r"dump\.rdb\.age has changed"):
        bring_back.bring_back(there, folder, "nas", SilentProgress())
    assert [each.id for each in mirror.sets_at(there, folder)] == [OLDER]
    message = "copy nas was not brought back to its end"
    attempts: tuple[Callable[[], object], ...] = (
        lambda: make(there, folder=folder),
        lambda: prune(there, folder=folder),
        lambda: drill(there, folder=folder),
        lambda: restore(there, stores=["redis"], folder=folder),
        lambda: restore(there, stores=["redis"], folder=folder, dry_run=True),
    )
    for attempt in attempts:
        with pytest.raises(PlatformError, match=message) as refused:
            attempt()
        assert "invoke backup.restore --live" in refused.value.next_step
    assert message in journal.note(folder)
    monkeypatch.setattr(folders, "folder_of", lambda _: folder)
    found = backups.timeline(there)
    assert (found.status, message in found.message) == ("critical", True)
    # A live restore goes on with it, also one of stores whose sets are there.
    assert bring_back.choose(there, folder, "", ["redis"]) == "nas"
    file.write_bytes(whole)
    bring_back.bring_back(there, folder, "nas", SilentProgress())
    journal.refuse_unfinished(folder)
    assert journal.note(folder) == ""
    assert bring_back.choose(there, folder, "", ["redis"]) == ""


def test_a_copy_of_another_stack_is_refused(server: S3Server, tmp_path: Path) -> None:
    copied(tmp_path / "nas", OLDER, passphrase="the passphrase of another stack")
    there = platform(bucket(server, "strange"), nas=tmp_path / "nas")
    with pytest.raises(PlatformError, match="signed with another stack's keys"):
        bring_back.bring_back(there, tmp_path / "sets", "nas", SilentProgress())
    assert there.backup.place
    assert open_place(there.backup.place).sizes() == {}


@pytest.mark.parametrize(("copies", "told"), [((), "the settings name no copy"), (("nas",), "copies without a set: nas")])
def test_nothing_to_restore_from_is_said_in_those_words(server: S3Server, tmp_path: Path, copies: tuple[str, ...], told: str) -> None:
    there = platform(bucket(server, "nothing"), **{name: tmp_path / name for name in copies})
    with pytest.raises(PlatformError, match=told):
        bring_back.choose(there, tmp_path / "sets", "")
    gone = dataclasses.replace(there, backup=there.backup.model_copy(update={"place": server.place("never-made")}))
    # A bucket that can't be read is not a lost one.
    with pytest.raises(PlatformError, match="there is no bucket never-made"):
        bring_back.choose(gone, tmp_path / "sets", "")
