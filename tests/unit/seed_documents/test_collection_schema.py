"""The collection's schema: the specification's values, and comparison whatever words are used."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest

from christmas.blueprint.collections_and_properties import CHRISTMAS_DOCUMENT, EMBEDDED, OPENAI, SEARCH_LIMIT
from seed.collection import definition, differences, differing, fingerprint, normalized, physical_name
from tests.unit.seed_documents.specification import SPECIFIED


def test_the_blueprint_is_the_specifications_class_in_todays_terms() -> None:
    made = normalized(definition(CHRISTMAS_DOCUMENT, OPENAI, "x"))
    specified = normalized({**SPECIFIED, "vectorIndexConfig": {"distance": "cosine", "efConstruction": 128, "maxConnections": 64}})
    found = differing(specified, made)
    # The specification's class would put paths and metadata into the vector; they say nothing about a passage's meaning.
    assert set(found) == {"property.file_path", "property.section", "property.metadata", "index.ef", "index.quantizer"}
    properties = [pair for key, pair in found.items() if key.startswith("property.")]
    assert len(properties) == 3
    assert all({**has, "vectorized": None} == {**want, "vectorized": None} for has, want in properties)
    # Nor does the specification say how many neighbours a search looks at, or whether vectors are compressed: docs/adr/0604 does.
    assert (made["index.ef"], made["index.quantizer"]) == (192, "rq")
    assert (made["index.efConstruction"], made["index.maxConnections"], made["index.distance"]) == (128, 64, "cosine")
    assert (OPENAI.dimensions, OPENAI.certainty, SEARCH_LIMIT) == (1536, 0.7, 5)


def test_the_vendors_model_is_spelled_as_weaviate_takes_it_there() -> None:
    assert definition(CHRISTMAS_DOCUMENT, OPENAI, "x")["moduleConfig"]["text2vec-openai"] == {
        "model": "ada", "modelVersion": "002", "type": "text", "vectorizeClassName": False,
    }  # fmt: skip
    elsewhere = dataclasses.replace(OPENAI, base_url="https://proxy.example")
    assert definition(CHRISTMAS_DOCUMENT, elsewhere, "x")["moduleConfig"]["text2vec-openai"] == {
        "model": "text-embedding-ada-002", "baseURL": "https://proxy.example", "vectorizeClassName": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"description": "other"}, True),
        ({"index": dataclasses.replace(CHRISTMAS_DOCUMENT.index, ef=200)}, True),
        ({"index": dataclasses.replace(CHRISTMAS_DOCUMENT.index, quantizer="none")}, False),
        ({"index": dataclasses.replace(CHRISTMAS_DOCUMENT.index, ef_construction=256)}, False),
        ({"index": dataclasses.replace(CHRISTMAS_DOCUMENT.index, max_connections=32)}, False),
        ({"index": dataclasses.replace(CHRISTMAS_DOCUMENT.index, distance="dot")}, False),
        ({"vectorizer": "text2vec-cohere"}, False),
        ({"properties": CHRISTMAS_DOCUMENT.properties[:2]}, True),
    ],
)
def test_the_name_changes_with_what_can_not_be_changed_in_place(change: dict[str, Any], same: bool) -> None:
    changed = dataclasses.replace(CHRISTMAS_DOCUMENT, **change)
    assert (physical_name(changed, EMBEDDED) == physical_name(CHRISTMAS_DOCUMENT, EMBEDDED)) is same
    # Accounts may only do something to collections that are called so.
    names = [physical_name(changed, profile, generation) for profile in CHRISTMAS_DOCUMENT.profiles for generation in (1, 2, 10, 99)]
    assert all(re.fullmatch(CHRISTMAS_DOCUMENT.names, name) for name in (*names, CHRISTMAS_DOCUMENT.name))


@pytest.mark.parametrize("name", ["ChristmasDocumentary", "ChristmasDocument_x", "ChristmasDocument_embedded_1a2b3c4d_0", "Document"])
def test_names_that_are_only_alike_are_no_collections_of_the_loader(name: str) -> None:
    assert re.fullmatch(CHRISTMAS_DOCUMENT.names, name) is None


def test_models_and_dimensions_are_part_of_the_name() -> None:
    prints = {
        fingerprint(CHRISTMAS_DOCUMENT, profile)
        for profile in (OPENAI, EMBEDDED, dataclasses.replace(EMBEDDED, dimensions=768), dataclasses.replace(EMBEDDED, model="other"))
    }
    assert len(prints) == 4
    assert fingerprint(CHRISTMAS_DOCUMENT, EMBEDDED) == fingerprint(CHRISTMAS_DOCUMENT, dataclasses.replace(EMBEDDED, base_url="https://x"))


def test_old_words_are_no_difference() -> None:
    old = {"vectorizer": "none", "properties": [{"name": "a", "dataType": ["string"]}], "vectorIndexConfig": {"distanceMetric": "dot"}}
    new = {"properties": [{"name": "a", "dataType": ["text"], "tokenization": "whitespace"}], "vectorIndexConfig": {"distance": "dot"}}
    assert differences(old, new) == []
