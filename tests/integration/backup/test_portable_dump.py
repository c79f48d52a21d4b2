"""Weaviate's portable dump: written with a set, verified, and brought into another, empty server. Both servers are real."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard

from backup.make import make
from backup.sets import folders
from backup.sets.files import SetFolder, write_hashed
from backup.sets.model import FileRecord, Manifest
from backup.sets.sealing import keyring_of
from backup.weaviate.content import faults
from backup.weaviate.portable.dump import write_dump
from backup.weaviate.portable.layout import INDEX
from backup.weaviate.portable.load import load
from backup.weaviate.portable.read import read_index, read_objects
from backup.weaviate.portable.wire import Wire
from core.errors import PlatformError
from core.progress import SilentProgress
from infra.components.weaviate_container import ROOT_USER
from infra.connections import Platform
from tests.support.scratch_platform import DOCUMENTS, ROOT_KEY, ScratchPlatform
from tests.support.weaviate_server import ScratchWeaviate, run_scratch_weaviate

MIXED, LEGACY, TENANTS, ALIAS = "MixedKinds", "LegacyVector", "ByTenant", "MixedNow"
BLUE, RED = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"


def wire_of(platform: Platform, key: str) -> Wire:
    return Wire(platform.weaviate_url(), key=key, ca_file=platform.ca_file)


def text(name: str, tokenization: str = "word") -> dict[str, Any]:
    return {"name": name, "dataType": ["text"], "tokenization": tokenization}


@pytest.fixture(scope="module")
def source(scratch_platform: ScratchPlatform) -> Iterator[Wire]:
    """The platform's Weaviate with every kind of property and vector in it, an alias, a role and a user of nobody else's."""
    kinds = ("int", "number", "boolean", "date", "uuid", "geoCoordinates", "text[]", "int[]", "blob")
    none = {"vectorizer": {"none": {}}, "vectorIndexType": "hnsw"}
    with wire_of(scratch_platform.platform, ROOT_KEY) as wire:
        wire.post("schema", {"class": LEGACY, "vectorizer": "none", "properties": [text("title", "field")]})
        properties = [text("words"), *({"name": f"p{number}", "dataType": [kind]} for number, kind in enumerate(kinds))]
        nested = {"name": "nested", "dataType": ["object"], "nestedProperties": [text("inner"), {"name": "n", "dataType": ["number"]}]}
        refers = {"name": "refers", "dataType": [LEGACY]}
        wire.post(
            "schema",
            {"class": MIXED, "vectorConfig": {"small": none, "large": none}, "properties": [*properties, nested, refers]},
        )
        wire.post("schema", {"class": TENANTS, "vectorizer": "none", "multiTenancyConfig": {"enabled": True}, "properties": [text("t")]})
        wire.post(f"schema/{TENANTS}/tenants", [{"name": "seoul"}, {"name": "put-away"}])
        objects: list[dict[str, Any]] = [
            {"class": LEGACY, "id": BLUE, "properties": {"title": "푸른 하늘"}, "vector": [0.1, -0.25, 3e-7]},
            {"class": LEGACY, "id": RED, "properties": {"title": "붉은 노을"}, "vector": [1, 2, 3.3333333]},
            {"class": TENANTS, "id": BLUE, "tenant": "seoul", "properties": {"t": "one"}, "vector": [1, 2]},
            {
                "class": MIXED,
                "id": RED,
                "properties": {
                    "words": "자동 매매",
                    **dict(
                        zip(
                            [f"p{number}" for number in range(len(kinds))],
                            [
                                9007199254740991,
                                0.1,
                                True,
                                "2026-11-23T12:00:00.123456789+09:00",
                                BLUE,
                                {"latitude": 37.5, "longitude": 127.0},
                                ["a", "나"],
                                [1, 2],
                                "aGVsbG8=",
                            ],
                            strict=True,
                        )
                    ),
                    "nested": {"inner": "deep", "n": 1.5},
                    "refers": [{"beacon": f"weaviate://localhost/{LEGACY}/{BLUE}"}],
                },
                "vectors": {"small": [0.5, 0.25], "large": [1.1, 2.2, 3.3, 4.4]},
            },
        ]
        for some in (objects[:-1], objects[-1:]):
            answers = wire.post("batch/objects", {"objects": some})
            assert [answer["result"].get("errors") for answer in answers] == [None] * len(some)
        wire.post(f"schema/{TENANTS}/tenants", [{"name": "later"}])
        wire._wanted(wire._send("PUT", f"schema/{TENANTS}/tenants", json=[{"name": "put-away", "activityStatus": "COLD"}]), "PUT")
        wire.post("aliases", {"alias": ALIAS, "class": MIXED})
        role = {"name": "visitor", "permissions": [{"action": "read_collections", "collections": {"collection": MIXED}}]}
        wire.post("authz/roles", role)
        wire.post("users/db/guest", {})
        wire.post("authz/users/guest/assign", {"roles": ["visitor"], "userType": "db"})
        try:
            yield wire
        finally:
            for path in (
                f"aliases/{ALIAS}",
                "users/db/guest",
                "authz/roles/visitor",
                *(f"schema/{each}" for each in (MIXED, LEGACY, TENANTS)),
            ):
                wire._send("DELETE", path)


@pytest.fixture(scope="module")
def made(source: Wire, scratch_platform: ScratchPlatform, tmp_path_factory: pytest.TempPathFactory) -> tuple[SetFolder, Manifest]:
    folder = tmp_path_factory.mktemp("sets")
    manifest = make(scratch_platform.platform, kind="full", stores=["weaviate"], folder=folder)
    assert manifest
    return SetFolder(folder / manifest.id, keyring_of(scratch_platform.platform)), manifest


@pytest.fixture(scope="module")
def target() -> Iterator[ScratchWeaviate]:
    with run_scratch_weaviate(embedder=False) as running:
        yield running


@pytest.mark.exhaustive
def test_a_full_set_holds_the_dump_and_an_incremental_one_does_not(
    made: tuple[SetFolder, Manifest], scratch_platform: ScratchPlatform
) -> None:
    folder, manifest = made
    assert manifest.weaviate
    assert INDEX in manifest.weaviate.portable
    assert set(manifest.weaviate.portable) <= {record.path for record in manifest.files}
    index = read_index(folder)
    assert {name: each.rows for name, each in index.collections.items()} == {DOCUMENTS: 200, MIXED: 1, LEGACY: 2, TENANTS: 1}
    assert index.collections[MIXED].dimensions == {"small": 2, "large": 4}
    assert index.collections[LEGACY].dimensions == {"": 3}
    assert index.collections[TENANTS].tenants_left_out == ("put-away",)
    assert index.aliases == {ALIAS: MIXED}
    assert {"userId": "guest", "roles": ["visitor"], "active": True} in index.users
    assert ROOT_USER not in {user["userId"] for user in index.users}
    later = make(scratch_platform.platform, kind="incremental", stores=["weaviate"], folder=folder.path.parent)
    assert later
    assert later.weaviate
    assert later.weaviate.portable == ()


class Interrupting(SilentProgress):
    """Somebody presses Ctrl-C as soon as the first objects of the second collection are in."""

    def __init__(self) -> None:
        self.counted = 0

    def count(self, *_: object) -> None:
        self.counted += 1
        if self.counted == 2:
            raise KeyboardInterrupt


def lines(folder: SetFolder) -> dict[str, list[dict[str, Any]]]:
    times = ("creationTimeUnix", "lastUpdateTimeUnix")
    return {
        name: [{key: value for key, value in line.items() if key not in times} for line in read_objects(folder, each)]
        for name, each in read_index(folder).collections.items()
    }


def named(wire: Wire, collection: str) -> list[str]:
    query = f'{{ Get {{ {collection}(where: {{path: ["title"], operator: Equal, valueText: "푸른 하늘"}}) {{ _additional {{ id }} }} }} }}'
    return [str(each["_additional"]["id"]) for each in wire.post("graphql", {"query": query})["data"]["Get"][collection]]


@pytest.mark.exhaustive
def test_a_cut_off_import_is_finished_by_the_next_and_everything_is_equal(
    made: tuple[SetFolder, Manifest], source: Wire, target: ScratchWeaviate, tmp_path: Path
) -> None:
    folder, _ = made
    with wire_of(target.platform, target.platform.secret(ROOT_USER, "weaviate")) as wire:
        with pytest.raises(KeyboardInterrupt):
            load(folder, wire, progress=Interrupting(), home=tmp_path / "imports")
        assert wire.get("aliases")["aliases"] == []
        done = load(folder, wire, home=tmp_path / "imports")
        assert done.collections == {DOCUMENTS: 200, MIXED: 1, LEGACY: 2, TENANTS: 1}
        again = SetFolder(tmp_path / "again", folder.keyring)
        write_dump(wire, again, SilentProgress())
        assert lines(again) == lines(folder)
        for name, each in read_index(again).collections.items():
            here, there = (json.loads(files.content(each.definition)) for files in (again, folder))
            for one in (here, there):
                one["properties"].sort(key=lambda each: each["name"])
            assert here == there, name
        assert read_index(again).aliases == {ALIAS: MIXED}
        assert named(wire, LEGACY) == named(source, LEGACY) == [BLUE]
        assert wire.get(f"objects/{ALIAS}/{RED}")["properties"]["words"] == "자동 매매"
        near = wire.post("graphql", {"query": f"{{ Get {{ {LEGACY}(nearVector: {{vector: [1, 2, 3.3]}}, limit: 1) {{ title }} }} }}"})
        assert near["data"]["Get"][LEGACY] == [{"title": "붉은 노을"}]
        # The guest is let in with the new key, as the role says; whoever was there before is left alone.
        assert any("exists, left unchanged" in each for each in done.left_out)
        keys = Path(done.keys_file)
        assert keys.stat().st_mode & 0o777 == 0o600
        with wire_of(target.platform, json.loads(keys.read_bytes())["guest"]) as guest:
            assert [role["name"] for role in guest.get("users/own-info")["roles"]] == ["visitor"]
            assert guest.get(f"schema/{MIXED}")["class"] == MIXED
        with pytest.raises(PlatformError, match="the target is not empty: it has"):
            load(folder, wire, home=tmp_path / "imports")


@pytest.mark.exhaustive
def test_a_sets_dump_is_verified_by_its_content(made: tuple[SetFolder, Manifest], tmp_path: Path) -> None:
    """Faults that hashes can't see: what was hashed was wrong already."""
    import shutil

    folder, manifest = made
    assert faults(folder, manifest) == []
    copy = SetFolder(tmp_path / folder.name, folder.keyring)
    shutil.copytree(folder.path, copy.path)
    path = f"weaviate/portable/{DOCUMENTS}.jsonl.zst"
    whole = zstandard.ZstdDecompressor().stream_reader(copy.content(path)).read().splitlines(keepends=True)

    def put(path: str, content: bytes) -> list[str]:
        (copy.path / f"{path}.age").unlink()
        write_hashed(copy, path, [content])
        return faults(copy, manifest)

    def rewrite(*changed: bytes) -> list[str]:
        return put(path, zstandard.ZstdCompressor().compress(b"".join(changed)))

    where = "weaviate, portable dump: "
    assert rewrite(*whole[1:]) == [f"{where}{DOCUMENTS} has 199 rows instead of 200"]
    assert rewrite(whole[0], *whole[:-1]) == [f"{where}{DOCUMENTS} has 1 ids out of order or repeated"]
    assert "vectors of another length" in rewrite(whole[0].replace(b'"default":[', b'"default":[9,'), *whole[1:])[0]
    assert put(path, copy.content(path)[:100]) == [f"{where}{DOCUMENTS} has 0 rows instead of 200"]
    assert "can't be read" in put(path, b"no zstd at all")[0]
    assert manifest.weaviate
    told = put(f"weaviate/{manifest.weaviate.backup_id}/backup_config.json", b'{"nodes": {}, "status": "FAILED"}')
    assert any("ended as FAILED" in each for each in told)
    assert any("missing from the module's backup" in fault for fault in faults(copy, manifest))


@pytest.mark.exhaustive
def test_a_server_that_cannot_be_reached_or_lets_nobody_in_is_named(
    made: tuple[SetFolder, Manifest], target: ScratchWeaviate, tmp_path: Path
) -> None:
    folder, _ = made
    with wire_of(target.platform, "wrong") as wire, pytest.raises(PlatformError, match="401"):
        load(folder, wire, home=tmp_path)
    with Wire("https://127.0.0.1:1", ca_file=target.platform.ca_file) as wire, pytest.raises(PlatformError, match="can't be reached"):
        load(folder, wire, home=tmp_path)
    assert isinstance(folders.read(folder.path).files[0], FileRecord)
