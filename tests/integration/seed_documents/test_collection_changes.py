"""A blueprint that changes: in place where that is possible, beside and by alias where not, and never with a loss unasked."""

from __future__ import annotations

import dataclasses
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from christmas.blueprint.collection_model import Property
from core.errors import PlatformError
from core.progress import SilentProgress
from infra import clients
from seed import schema_plan, search
from seed.collection import physical_name
from seed.original_schema import collection_of
from tests.integration.seed_documents.conftest import Store
from tests.support import collection_drift
from tests.support.waiting import wait_for
from tests.unit.seed_documents.specification import SPECIFIED


class Told(SilentProgress):
    """Keeps what is logged."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, text: str) -> None:
        self.lines.append(text)


def _behind(store: Store) -> dict[str, str]:
    with clients.weaviate_client(store.platform, "indexer") as client:
        return {name: each.collection for name, each in client.alias.list_all().items()}


def _collections(store: Store) -> set[str]:
    with clients.weaviate_client(store.platform, "indexer") as client:
        return set(client.collections.list_all())


def _drift(store: Store) -> list[str]:
    with clients.weaviate_client(store.platform, "indexer") as client:
        return collection_drift.drift(client, store.collection, store.collection.profile("openai"))


def test_what_was_made_is_what_is_declared(store: Store, folder: Path) -> None:
    assert _drift(store) == ["ChristmasDocument does not exist"]
    store.load(folder)
    assert _drift(store) == []
    with clients.weaviate_client(store.platform, "monitor") as client:
        assert collection_drift.drift(client, store.collection, store.collection.profile("openai")) == []


def test_a_property_is_added_in_place(store: Store, folder: Path) -> None:
    store.load(folder)
    before = _behind(store)
    wider = dataclasses.replace(
        store.collection, properties=(*store.collection.properties, Property("language", "text", "언어", tokenization="field"))
    )
    changed = dataclasses.replace(store, collection=wider)
    assert _drift(changed) == ["property.language is missing, declared type=text tokenization=field vectorized=False"]
    report = changed.load(folder)
    assert (report.changed, _behind(changed), _drift(changed)) == (0, before, [])


def test_description_and_ef_are_changed_in_place(store: Store, folder: Path) -> None:
    store.load(folder)
    before = _behind(store)
    index = dataclasses.replace(store.collection.index, ef=77)
    changed = dataclasses.replace(store, collection=dataclasses.replace(store.collection, description="다른 설명", index=index))
    assert len(_drift(changed)) == 2
    changed.load(folder)
    assert (_behind(changed), _drift(changed)) == (before, [])


@pytest.mark.exhaustive
@pytest.mark.parametrize("change", ["index", "model"])
def test_what_can_not_be_changed_in_place_is_filled_beside_while_readers_go_on(store: Store, folder: Path, change: str) -> None:
    store.load(folder)
    old = _behind(store)["ChristmasDocument"]
    if change == "index":
        collection = dataclasses.replace(store.collection, index=dataclasses.replace(store.collection.index, ef_construction=64))
    else:
        profile = dataclasses.replace(store.collection.profiles[0], model="text-embedding-3-small")
        collection = dataclasses.replace(store.collection, profiles=(profile,))
    changed = dataclasses.replace(store, collection=collection)
    store.vendor.delay = 0.3
    answers: list[int] = []
    failures: list[Exception] = []
    stop = threading.Event()

    def read() -> None:
        with clients.weaviate_client(store.platform, "rag") as client:
            while not stop.is_set():
                try:
                    answers.append(len(client.collections.use("ChristmasDocument").query.fetch_objects(limit=100).objects))
                except Exception as error:
                    failures.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        wait_for(lambda: answers or failures, "the reader reads")
        report = changed.load(folder)
        before = len(answers)
        wait_for(lambda: len(answers) > before + 1 or failures, "the reader goes on after the change")
    finally:
        stop.set()
        reader.join()
    assert failures == []
    assert set(answers) == {len(store.expected(folder))}
    assert report.changed == 0
    assert _behind(changed)["ChristmasDocument"] == physical_name(collection, collection.profiles[0]) != old
    assert old not in _collections(changed)
    assert (changed.objects(), _drift(changed)) == (store.expected(folder), [])
    assert search.search(changed.platform, "word3x2", certainty=0.5, collection=collection)


@pytest.mark.exhaustive
def test_a_rebuild_that_was_ended_goes_on_where_it_stopped(store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store.load(folder)
    monkeypatch.setattr("seed.rebuilding.EMBED_AT_ONCE", 5)
    collection = dataclasses.replace(store.collection, index=dataclasses.replace(store.collection.index, max_connections=16))
    changed = dataclasses.replace(store, collection=collection)
    store.vendor.requests.clear()
    store.vendor.poison = "word6x0"
    with pytest.raises(PlatformError):
        changed.load(folder)
    assert changed.objects() == store.expected(folder)
    done = sum(len(request["input"]) for request in store.vendor.requests[:-1])
    store.vendor.requests.clear()
    store.vendor.poison = ""
    changed.load(folder)
    assert sum(len(request["input"]) for request in store.vendor.requests) == len(store.expected(folder)) - done
    assert (changed.objects(), _drift(changed)) == (store.expected(folder), [])


@pytest.mark.exhaustive
def test_documents_imported_from_elsewhere_survive_a_rebuild(store: Store, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    (other / "kept.md").write_text("# Kept\n\nThis stays.\n")
    store.load(other)
    store.load(folder)
    collection = dataclasses.replace(store.collection, index=dataclasses.replace(store.collection.index, ef_construction=64))
    changed = dataclasses.replace(store, collection=collection)
    changed.load(folder)
    assert changed.objects() == store.expected(folder, other)


def test_dropping_a_property_has_to_be_said(store: Store, folder: Path) -> None:
    store.load(folder)
    narrower = dataclasses.replace(store.collection, properties=store.collection.properties[:-1])
    changed = dataclasses.replace(store, collection=narrower)
    with pytest.raises(PlatformError, match=r"property metadata of .* is no longer declared"):
        changed.load(folder)
    assert (store.objects(), _drift(store)) == (store.expected(folder), [])


def test_another_tokenization_is_a_new_generation(store: Store, folder: Path) -> None:
    store.load(folder)
    content, *rest = store.collection.properties
    collection = dataclasses.replace(store.collection, properties=(dataclasses.replace(content, tokenization="trigram"), *rest))
    changed = dataclasses.replace(store, collection=collection)
    changed.load(folder)
    assert _behind(changed)["ChristmasDocument"].endswith("_2")
    assert (changed.objects(), _drift(changed)) == (store.expected(folder), [])


def test_a_collection_made_from_the_specifications_json_is_adopted_when_said(store: Store, folder: Path) -> None:
    module = {"baseURL": store.collection.profiles[0].base_url, "model": "text-embedding-ada-002"}
    example: dict[str, Any] = {
        "content": "Docker 기반의 자동 매매 플랫폼",
        "file_path": "docs/plan.md",
        "section": "프로젝트 개요",
        "chunk_id": 1,
        "metadata": "{}",
    }
    with clients.weaviate_client(store.platform, "indexer") as client:
        client.collections.create_from_dict({**SPECIFIED, "moduleConfig": {"text2vec-openai": module}})
        client.collections.use("ChristmasDocument").data.insert(
            example,
            uuid="36ddd591-2dee-4e7e-8c94-a8a3a950fb71",
            vector=[1.0] + [0.0] * 1535,
        )
    with pytest.raises(PlatformError, match="an alias would replace collection"):
        store.load(folder)
    store.load(folder, allow_loss=True)
    found = store.objects()
    assert found.pop("36ddd591-2dee-4e7e-8c94-a8a3a950fb71") == ("docs/plan.md", 1, "Docker 기반의 자동 매매 플랫폼")
    assert (found, _drift(store)) == (store.expected(folder), [])


def test_vectors_of_another_size_are_refused_before_anything_is_written(store: Store, folder: Path) -> None:
    profile = dataclasses.replace(store.collection.profiles[0], dimensions=384)
    changed = dataclasses.replace(store, collection=dataclasses.replace(store.collection, profiles=(profile,)))
    with pytest.raises(PlatformError, match="vectors of 1536 dimensions where the blueprint says 384"):
        changed.load(folder)
    assert "ChristmasDocument" not in _behind(changed)


def test_the_specifications_own_schema_is_planned_and_imported_into(
    store: Store, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("schema") / "schema.json"
    module = {"model": "ada", "modelVersion": "002", "type": "text", "baseURL": store.collection.profiles[0].base_url}
    file.write_text(json.dumps({"classes": [{**SPECIFIED, "moduleConfig": {"text2vec-openai": module}}]}, ensure_ascii=False))
    told = Told()
    collection = collection_of(file, told)
    assert any("`string` is now `text`" in line for line in told.lines)
    assert any("Weaviate refuses the two together" in line for line in told.lines)
    before = schema_plan.planned(store.platform, collection)
    assert before.steps == [f"make collection {before.target}", f"point the alias to {before.target}"]
    assert (_collections(store), before.losses) == (set(), ())
    translated = dataclasses.replace(store, collection=collection)
    translated.load(folder)
    assert (translated.objects(), _behind(translated)) == (store.expected(folder), {"ChristmasDocument": before.target})
    assert schema_plan.planned(store.platform, collection).steps == []


def test_a_schema_file_has_to_have_one_class(tmp_path: Path) -> None:
    (tmp_path / "none.json").write_text('{"classes": []}')
    with pytest.raises(PlatformError, match="must have one class, but has none"):
        collection_of(tmp_path / "none.json", SilentProgress())
    with pytest.raises(PlatformError, match=r"missing\.json can't be read"):
        collection_of(tmp_path / "missing.json", SilentProgress())
