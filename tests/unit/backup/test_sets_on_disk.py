"""Folders of sets: what counts, what doesn't, and what is told about those that can't be read."""

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from backup.sets import folders, keys
from backup.sets.files import HashedFile, SetFolder, inside, shorten, write_hashed
from backup.sets.model import Manifest
from backup.storage import mirror
from backup.storage.places import FolderPlace
from core.disk import write_whole
from core.errors import PlatformError
from tests.support.manifests import NOON, keyring, manifest

FULL = "20261123-120000-full-0000"
LATER = "20261124-120000-full-0001"


def publish(folder: Path, set_id: str = FULL) -> Path:
    (folder / set_id).mkdir(parents=True)
    folders.publish(folder, manifest(set_id))
    return folder / set_id


def test_a_folder_without_a_manifest_is_no_set_but_a_leftover(tmp_path: Path) -> None:
    publish(tmp_path)
    (tmp_path / "20261123-130000-full-0001").mkdir()
    (tmp_path / "something else").mkdir()
    assert [manifest.id for manifest in folders.list_sets(folder=tmp_path)] == [FULL]
    assert [path.name for path in folders.leftovers(tmp_path)] == ["20261123-130000-full-0001"]


def test_what_is_published_reads_back_the_same_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    target = publish(tmp_path)
    assert folders.read(target) == manifest(FULL)
    assert (target / folders.MANIFEST).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in target.iterdir()] == [folders.MANIFEST]


def test_ids_sort_by_time_and_those_of_a_second_differ_by_chance() -> None:
    made = [folders.new_id("full", NOON + timedelta(seconds=number)) for number in range(3)]
    assert sorted(made) == made
    assert all(folders._ID.fullmatch(each) for each in made)
    # One in 65,536: that of a hundred two are alike comes up now and then, that many are does not.
    assert len({folders.new_id("full", NOON) for _ in range(100)}) > 90


def test_a_set_is_found_by_the_beginning_of_its_id(tmp_path: Path) -> None:
    publish(tmp_path)
    publish(tmp_path, LATER)
    assert folders.find("20261123", folder=tmp_path).id == FULL
    with pytest.raises(PlatformError, match="2 sets begin with 2026112"):
        folders.find("2026112", folder=tmp_path)
    with pytest.raises(PlatformError, match="there is no backup set 1999"):
        folders.find("1999", folder=tmp_path)
    with pytest.raises(PlatformError, match="there is no backup set"):
        folders.find(None, folder=tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text[: len(text) // 2], "is invalid"),
        (lambda text: text.replace('"kind": "full"', '"kind": "differential"'), "kind"),
        (lambda text: text.replace('"format": 2', '"format": 1'), "format 1, made by an earlier version"),
        (lambda text: text.replace('"format": 2', '"format": 3'), "format 3, made by a later version"),
        (lambda text: text.replace(f'"id": "{FULL}"', '"id": "other"'), "has the id other"),
        (lambda text: json.dumps({**json.loads(text), "surprise": 1}), "surprise"),
        (lambda text: text[:0], "is invalid"),
    ],
)
def test_a_damaged_manifest_is_named(tmp_path: Path, damage: Callable[[str], str], message: str) -> None:
    path = publish(tmp_path) / folders.MANIFEST
    path.write_text(damage(path.read_text()))
    with pytest.raises(PlatformError, match=message) as caught:
        folders.list_sets(folder=tmp_path)
    assert FULL in str(caught.value)


class Pruned(FolderPlace):
    """A place from which another run removes a set between its listing and its reading."""

    def read(self, path: str) -> Iterator[bytes]:
        if path.startswith(LATER):
            self.remove([path])
        return super().read(path)


def test_a_set_that_another_run_removes_meanwhile_is_not_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(tmp_path)
    publish(tmp_path, LATER)
    assert [each.id for each in folders.list_at(FolderPlace(tmp_path))] == [FULL, LATER]
    assert [each.id for each in folders.list_at(Pruned(tmp_path))] == [FULL]
    publish(tmp_path, LATER)
    read = folders.read

    def removed_first(folder: Path) -> Manifest:
        if folder.name == LATER:
            folders.discard(folder)
        return read(folder)

    monkeypatch.setattr(folders, "read", removed_first)
    assert [each.id for each in folders.list_sets(folder=tmp_path)] == [FULL]


def test_a_set_that_another_machine_removes_from_the_bucket_meanwhile_goes_here_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket, here = tmp_path / "bucket", tmp_path / "here"
    for folder in (bucket, here):
        publish(folder)
        publish(folder, LATER)
    monkeypatch.setattr(mirror, "source_of", lambda *_: SimpleNamespace(sets=Pruned(bucket)))
    platform: Any = SimpleNamespace(backup=SimpleNamespace(place="a bucket"))
    mirror.refresh(platform, here, anew=True)
    assert [each.id for each in folders.list_sets(folder=here)] == [FULL]


def test_discarding_takes_the_manifest_first(tmp_path: Path) -> None:
    target = publish(tmp_path)
    folders.discard(target)
    assert not target.exists()


def test_a_signature_holds_for_one_manifest_and_one_passphrase() -> None:
    signed = keys.sign(manifest(), "a passphrase of some length")
    assert keys.is_signed(signed, "a passphrase of some length")
    assert not keys.is_signed(signed, "another passphrase, as long")
    assert not keys.is_signed(signed.model_copy(update={"made_by": "mallory"}), "a passphrase of some length")
    assert not keys.is_signed(manifest(), "a passphrase of some length")
    assert not keys.is_signed(signed.model_copy(update={"signature": "not base64!"}), "a passphrase of some length")


def test_the_stores_moments_tell_how_far_apart_they_are() -> None:
    moments = manifest().moments()
    assert moments.keys() == {"postgres", "redis", "weaviate"}
    assert (max(moments.values()) - min(moments.values())).total_seconds() == 10


def test_a_set_of_before_keeps_its_signature_with_what_is_no_longer_written() -> None:
    body = manifest().model_dump(mode="json")
    body["redis"] |= {"run_id": "a1", "replication_offset": 1, "rdb_saved_at": "2026-11-01T00:00:00Z", "aof_base": "a.1.base.rdb"}
    former = Manifest.model_validate(body)
    signed = json.loads(former.signed_bytes())
    del body["signature"]
    assert signed["redis"] == body["redis"]
    assert "run_id" not in json.loads(manifest().signed_bytes())["redis"]


def test_files_are_encrypted_and_hashed_on_the_way(tmp_path: Path) -> None:
    folder = SetFolder(tmp_path, keyring())
    record = write_hashed(folder, "a/b/file", [b"one", b"two"])
    stored = tmp_path / "a/b/file.age"
    assert (record.size, record.sha256) == (stored.stat().st_size, hashlib.sha256(stored.read_bytes()).hexdigest())
    assert (record.plain_size, record.plain_sha256) == (6, hashlib.sha256(b"onetwo").hexdigest())
    assert stored.stat().st_mode & 0o777 == 0o600
    assert folder.content("a/b/file") == b"onetwo"
    cut = shorten(folder, record, 3)
    assert (cut.size, cut.sha256) == (stored.stat().st_size, hashlib.sha256(stored.read_bytes()).hexdigest())
    assert (cut.plain_size, folder.content("a/b/file")) == (3, b"one")
    assert [path.name for path in stored.parent.iterdir()] == ["file.age"]
    with pytest.raises(FileExistsError), HashedFile(folder, "a/b/file"):
        pass


@pytest.mark.parametrize("path", ["../out", "/etc/passwd", "a/../../b", ""])
def test_no_name_leads_out_of_a_set(tmp_path: Path, path: str) -> None:
    with pytest.raises(PlatformError, match="leads out"):
        inside(tmp_path, path)


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755])
def test_a_file_has_its_mode_whatever_the_umask(tmp_path: Path, mode: int) -> None:
    before = os.umask(0o077)
    try:
        write_whole(tmp_path / "file", "text", mode=mode)
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == mode


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "file"
    write_whole(target, b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            write_whole(target, b"new")
    assert target.read_bytes() == b"old"
