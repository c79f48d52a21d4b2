"""Every way in which a set's own files can differ from its manifest."""

from collections.abc import Callable
from pathlib import Path

import pytest

from backup.sets.files import SetFolder, write_hashed
from backup.sets.model import Manifest
from backup.storage.places import FolderPlace
from backup.verify import Verdict, ancestry, blame_parents, own_file_faults
from core.progress import SilentProgress
from tests.support.manifests import keyring, manifest


@pytest.fixture
def made(tmp_path: Path) -> Manifest:
    record = write_hashed(SetFolder(tmp_path, keyring()), "redis/dump.rdb", [b"some content of a snapshot"])
    whole = manifest(stores=("redis",))
    assert whole.redis
    return whole.model_copy(update={"redis": whole.redis.model_copy(update={"files": (record,)})})


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def add(path: Path) -> None:
    path.with_name("extra").write_text("who put this here?")


@pytest.mark.parametrize(
    ("damage", "faults"),
    [
        (Path.touch, []),
        (flip, ["redis/dump.rdb has changed: its SHA-256 differs"]),
        (cut, ["redis/dump.rdb has SHORT bytes instead of WHOLE"]),
        (Path.unlink, ["redis/dump.rdb is missing"]),
        (add, ["redis/extra is not in the manifest"]),
    ],
)
def test_faults(tmp_path: Path, made: Manifest, damage: Callable[[Path], object], faults: list[str]) -> None:
    (record,) = made.files
    damage(tmp_path / record.stored)
    # age puts something of random length into each header, so that nobody relies on it.
    faults = [fault.replace("SHORT", str(record.size - 7)).replace("WHOLE", str(record.size)) for fault in faults]
    assert own_file_faults(FolderPlace(tmp_path), made, SilentProgress()) == faults


def test_a_damaged_parent_is_its_childrens_fault_too() -> None:
    first, second = manifest("20261123-100000-full-0001"), manifest("20261123-110000-incremental-0002", parent="20261123-100000-full-0001")
    third = manifest("20261123-120000-incremental-0003", parent=second.id)
    every = [first, second, third]
    assert [each.id for each in ancestry(third, every)] == [first.id, second.id, third.id]
    verdicts = [Verdict(first.id, ("broken",), 1, 1, 0.0), Verdict(second.id, (), 1, 1, 0.0), Verdict(third.id, (), 1, 1, 0.0)]
    told = blame_parents(verdicts, every)
    assert told[2].faults == (f"its parent {first.id} is damaged",)
    assert not told[1].good
