"""Ten ways to damage a set. Verifying finds each and names it, without restoring anything."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from backup.sets import folders, keys
from backup.sets.model import Manifest
from backup.verify import verify
from core.container_commands import execute
from infra.components.pgbackrest_config import REPOSITORY_PATH
from tests.support.backup_faults import Sets
from tests.support.cases import in_make_test

pytestmark = pytest.mark.exhaustive


@pytest.fixture(scope="module")
def chain(made: Sets) -> tuple[Manifest, Manifest]:
    """A full set and one on top of it."""
    return made.make("full"), made.make()


def own_file(folder: Path, manifest: Manifest, part: str) -> Path:
    """One of a set's own files, as it is stored."""
    return next(path for path in sorted((folder / manifest.id).rglob("*")) if part in str(path) and path.is_file())


def flipped(folder: Path, full: Manifest) -> None:
    path = own_file(folder, full, "dump.rdb")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    path.write_bytes(content)


def truncated(folder: Path, full: Manifest) -> None:
    path = own_file(folder, full, ".incr.aof")
    path.write_bytes(path.read_bytes()[:-5])


def missing(folder: Path, full: Manifest) -> None:
    own_file(folder, full, "globals.sql").unlink()


def extra(folder: Path, full: Manifest) -> None:
    (folder / full.id / "redis" / "slipped-in.rdb").write_bytes(b"REDIS")


def no_parent(folder: Path, full: Manifest) -> None:
    shutil.rmtree(folder / full.id)


def edited(folder: Path, full: Manifest) -> None:
    path = folder / full.id / folders.MANIFEST
    content = json.loads(path.read_text())
    content["redis"]["keys"] += 1
    path.write_text(json.dumps(content))


def stranger(folder: Path, full: Manifest) -> None:
    (folder / full.id / folders.MANIFEST).write_text(keys.sign(full, "somebody else's passphrase, long enough").model_dump_json())


def swapped(folder: Path, full: Manifest) -> None:
    one, other = own_file(folder, full, "dump.rdb"), own_file(folder, full, "users.acl")
    aside = one.with_suffix(".aside")
    one.rename(aside)
    other.rename(one)
    aside.rename(other)


def of_another_set(folder: Path, full: Manifest) -> None:
    newest = max(path for path in folder.iterdir() if folders.is_id(path.name))
    shutil.copy(newest / folders.MANIFEST, folder / full.id / folders.MANIFEST)


IN_THE_FOLDER: dict[str, tuple[Callable[[Path, Manifest], None], str]] = {
    "a flipped byte": (flipped, r"redis/dump\.rdb\S* has changed: its SHA-256 differs"),
    "a truncated file": (truncated, r"redis/appendonlydir/\S+ has \d+ bytes instead of \d+"),
    "a missing file": (missing, r"postgres/globals\.sql\S* is missing"),
    "an extra file": (extra, r"redis/slipped-in\.rdb is not in the manifest"),
    "a removed parent": (no_parent, r"its parent {full} is missing"),
    "an edited manifest": (edited, r"the signature does not match"),
    "a wrong key": (stranger, r"the signature does not match"),
    "swapped files": (swapped, r"redis/dump\.rdb\S* has \d+ bytes instead of \d+\n(.*\n)*redis/users\.acl\S* has \d+ bytes instead"),
    "the manifest of another set": (of_another_set, r"the manifest in {full} has the id"),
}


def faults(made: Sets, folder: Path, *manifests: Manifest) -> str:
    """What verifying every set says about these."""
    wanted = {manifest.id for manifest in manifests}
    found = [verdict for verdict in verify(made.platform, every=True, folder=folder) if verdict.set_id in wanted]
    return "\n".join(fault for verdict in found for fault in verdict.faults)


@pytest.mark.parametrize("which", in_make_test(list(IN_THE_FOLDER), 0, 1))
def test_damage_in_the_folder_is_named(made: Sets, chain: tuple[Manifest, Manifest], tmp_path: Path, which: str) -> None:
    full, incremental = chain
    for each in chain:
        shutil.copytree(made.folder / each.id, tmp_path / each.id)
    damage, expected = IN_THE_FOLDER[which]
    damage(tmp_path, full)
    import re

    found = faults(made, tmp_path, full, incremental)
    assert re.search(expected.replace("{full}", full.id), found), found


def test_a_missing_segment_of_the_log_is_named(made: Sets, chain: tuple[Manifest, Manifest]) -> None:
    full, _ = chain
    assert full.postgres
    path = next(record.path for record in full.postgres.files if record.path.startswith("archive/"))
    with _away(made, path):
        text = "\n".join(verify(made.platform, full.id, folder=made.folder)[-1].faults)
    assert f"repository: WAL segment {Path(path).name[:24]} is missing" in text
    made.assert_good(full.id)


def _away(made: Sets, path: str) -> AbstractContextManager[None]:
    @contextmanager
    def moved() -> Iterator[None]:
        container = made.platform.containers["timescaledb"]
        script = f'cd {REPOSITORY_PATH} && mv "$1" "$2"'
        execute(container, ["sh", "-c", script, "sh", path, "/tmp/segment"], user="postgres")
        try:
            yield
        finally:
            execute(container, ["sh", "-c", script, "sh", "/tmp/segment", path], user="postgres")

    return moved()
