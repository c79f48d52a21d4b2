"""Sets damaged in every way that one can be: each fault is found and named before anybody restores from it."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from backup.make import make
from backup.sets import folders, keys, marks
from backup.sets.model import Manifest
from backup.verify import Verdict, verify
from core.container_commands import execute
from core.progress import SilentProgress
from infra.clients import postgres
from infra.components.pgbackrest_config import REPOSITORY_PATH
from tests.support.scratch_platform import ScratchPlatform


class Told(SilentProgress):
    """Keeps the lines that stay."""

    text = ""

    def log(self, text: str) -> None:
        self.text += text + "\n"


@dataclass
class Made:
    """A full set and one on top of it, in a folder that a test may damage."""

    running: ScratchPlatform
    folder: Path
    full: Manifest
    incremental: Manifest

    def verify(self, set_id: str | None = None) -> list[Verdict]:
        return verify(self.running.platform, set_id, every=set_id is None, folder=self.folder)

    def faults(self, manifest: Manifest) -> str:
        return "\n".join(next(each for each in self.verify() if each.set_id == manifest.id).faults)

    def in_repository(self, script: str, *arguments: str) -> str:
        container = self.running.platform.containers["timescaledb"]
        return execute(container, ["sh", "-ec", f"cd {REPOSITORY_PATH}; {script}", "sh", *arguments], user="postgres").text()


@pytest.fixture(scope="module")
def original(scratch_platform: ScratchPlatform, tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("sets")
    full = make(scratch_platform.platform, kind="full", folder=folder)
    incremental = make(scratch_platform.platform, kind="incremental", folder=folder)
    assert full
    assert incremental
    return Made(scratch_platform, folder, full, incremental)


@pytest.fixture
def made(original: Made, tmp_path: Path) -> Made:
    shutil.copytree(original.folder, tmp_path / "sets")
    return Made(original.running, tmp_path / "sets", original.full, original.incremental)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    path.write_bytes(content)


def test_undamaged_sets_are_good_and_marked(made: Made) -> None:
    assert [verdict.faults for verdict in made.verify()] == [(), ()]
    assert marks.read(made.folder)[made.full.id].verified
    assert [verdict.set_id for verdict in made.verify(made.incremental.id)] == [made.full.id, made.incremental.id]


def test_a_damaged_file_is_named_and_so_is_what_builds_on_it(made: Made) -> None:
    flip(made.folder / made.full.id / "redis/dump.rdb.age")
    found = {verdict.set_id: "; ".join(verdict.faults) for verdict in made.verify()}
    assert found[made.full.id] == "redis/dump.rdb has changed: its SHA-256 differs"
    assert found[made.incremental.id] == f"its parent {made.full.id} is damaged"
    assert made.incremental.id not in marks.read(made.folder)


@pytest.mark.exhaustive
def test_a_removed_parent_is_named(made: Made) -> None:
    shutil.rmtree(made.folder / made.full.id)
    faults = made.faults(made.incremental)
    assert f"its parent {made.full.id} is missing" in faults
    assert made.full.weaviate
    assert f"weaviate: its base {made.full.weaviate.backup_id} is missing" in faults


def test_a_manifest_that_was_edited_or_signed_with_another_key_is_named(made: Made) -> None:
    path = made.folder / made.full.id / folders.MANIFEST
    edited = json.loads(path.read_text())
    edited["redis"]["keys"] += 1
    path.write_text(json.dumps(edited))
    stranger = keys.sign(made.incremental, "somebody else's passphrase")
    (made.folder / made.incremental.id / folders.MANIFEST).write_text(stranger.model_dump_json())
    verdicts = made.verify()
    assert {verdict.set_id for verdict in verdicts} == {made.full.id, made.incremental.id}
    for verdict in verdicts:
        assert "the signature does not match" in verdict.faults[0]


def test_a_manifest_that_was_cut_off_is_named(made: Made) -> None:
    path = made.folder / made.full.id / folders.MANIFEST
    path.write_bytes(path.read_bytes()[:-7])
    assert "is invalid" in made.verify(made.full.id)[0].faults[0]


@pytest.mark.exhaustive
def test_the_newest_set_is_never_called_good_where_all_would_say_otherwise(made: Made) -> None:
    """Its manifest is replaced by an older one, or is none any more; then it is its parent's: no set is named, or the newest by its id."""
    full, newest = (made.folder / each.id / folders.MANIFEST for each in (made.full, made.incremental))
    whole = newest.read_bytes()
    for damaged, content, told in (
        (newest, full.read_bytes(), "has the id"),
        (newest, whole[:-7], "is invalid"),
        (full, whole, "has the id"),
    ):
        kept = damaged.read_bytes()
        damaged.write_bytes(content)
        every = {each.set_id: each.faults for each in made.verify()}
        assert told in every[damaged.parent.name][0]
        for named in (None, made.incremental.id):
            found = {each.set_id: each.faults for each in verify(made.running.platform, named, folder=made.folder)}
            assert found[damaged.parent.name] == every[damaged.parent.name]
            assert not all(each == () for each in found.values())
        damaged.write_bytes(kept)


@pytest.fixture
def repository(original: Made) -> Iterator[Made]:
    original.in_repository("rm -rf /tmp/kept; cp -a . /tmp/kept")
    yield original
    original.in_repository("rm -rf archive backup; cp -a /tmp/kept/. .; rm -rf /tmp/kept")


def _path(made: Made, part: str) -> str:
    assert made.full.postgres
    return next(record.path for record in made.full.postgres.files if record.place == "pgbackrest" and part in record.path)


@pytest.mark.exhaustive
def test_every_fault_of_the_repository_is_named(repository: Made) -> None:
    flipped, segment = _path(repository, "/bundle/1"), _path(repository, "archive/")
    gone, cut = _path(repository, "backup.manifest"), _path(repository, "backup_label")
    repository.in_repository('printf "\\377\\0\\377\\0" | dd of="$1" bs=1 seek=5000 conv=notrunc 2>/dev/null', flipped)
    repository.in_repository('rm "$1" "$2"; truncate -s -10 "$3"', segment, gone, cut)
    faults = repository.faults(repository.full)
    assert f"repository: {flipped} has changed" in faults
    assert f"repository: WAL segment {segment.rsplit('/', 1)[1][:24]} is missing" in faults
    assert f"repository: {gone} is missing" in faults
    assert f"repository: {cut} has" in faults


@pytest.mark.exhaustive
def test_what_cannot_be_built_on_leads_to_a_full_set(repository: Made, tmp_path: Path) -> None:
    platform = repository.running.platform
    first = make(platform, kind="full", stores=["postgres"], folder=tmp_path)
    assert first
    assert first.postgres
    # Its manifest stays whole; what every file's map of blocks is read from does not.
    spoil = "find backup/*/$1 -type f ! -name 'backup.manifest*' -exec sh -c 'head -c $(stat -c %s $1) /dev/urandom >$1' sh {} ';'"
    repository.in_repository(spoil, first.postgres.label)
    with postgres(platform, "ingest") as connection:
        connection.execute("update market_data set volume = volume + 1")
    told = Told()
    second = make(platform, kind="incremental", stores=["postgres"], folder=tmp_path, progress=told)
    assert second
    assert (second.kind, second.parent) == ("full", None)
    assert "a full set instead of an incremental one" in told.text
    assert [manifest.id for manifest in folders.list_sets(folder=tmp_path)] == [first.id, second.id]
    assert folders.leftovers(tmp_path) == []
    third = make(platform, kind="incremental", stores=["postgres"], folder=tmp_path)
    assert third
    assert third.parent == second.id
