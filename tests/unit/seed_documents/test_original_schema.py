"""The specification's schema JSON is taken as it stands, and what is translated is told."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from christmas.blueprint.collections_and_properties import CHRISTMAS_DOCUMENT
from core.errors import PlatformError
from seed.original_schema import read_file, translate
from tests.unit.seed_documents.specification import SPECIFIED


def test_the_specifications_schema_is_the_blueprints_collection() -> None:
    (translated,) = translate({"classes": [SPECIFIED]})
    assert translated.collection == CHRISTMAS_DOCUMENT
    message = "\n".join(translated.notices)
    assert "property file_path: `string` is now `text` with `whitespace` tokenization" in message
    assert "model text-embedding-ada-002 with modelVersion 002 is text-embedding-ada-002" in message
    assert "no vectorIndexConfig" in message


def test_a_single_class_and_its_settings_are_taken() -> None:
    schema = {
        **SPECIFIED,
        "vectorIndexConfig": {"distance": "cosine", "efConstruction": 200, "maxConnections": 16, "ef": 99, "sq": {"enabled": True}},
    }
    (translated,) = translate(schema)
    index = translated.collection.index
    assert (index.ef_construction, index.max_connections, index.ef, index.quantizer) == (200, 16, 99, "sq")
    assert "vectorIndexConfig" not in "\n".join(translated.notices)


def _changed(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(SPECIFIED), **changes}


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ([], "expected a class"),
        ({"classes": ["x"]}, "expected a class"),
        (_changed(vectoriser="x"), "unknown key 'vectoriser'"),
        (_changed(vectorizer="text2vec-cohere"), "only text2vec-openai"),
        (_changed(**{"class": "lower"}), "capital first letter"),
        (_changed(properties=[{"name": "content", "dataType": ["text"], "tokenisation": "word"}]), "unknown key 'tokenisation'"),
        (_changed(properties=[{"name": "content", "dataType": ["text"]}]), "documents need content, file_path"),
        (_changed(moduleConfig={"text2vec-openai": {"model": "davinci", "modelVersion": "001"}}), "model davinci 001 is unknown"),
    ],
)
def test_what_has_no_counterpart_is_refused(schema: Any, told: str) -> None:
    with pytest.raises(PlatformError, match=told):
        translate(schema)


def test_files_are_read_and_broken_ones_named(tmp_path: Path) -> None:
    file = tmp_path / "schema.json"
    file.write_text(json.dumps({"classes": [SPECIFIED]}, ensure_ascii=False), encoding="utf-8-sig")
    assert read_file(file)[0].collection == CHRISTMAS_DOCUMENT
    file.write_text("{")
    with pytest.raises(PlatformError, match=r"schema\.json can't be read"):
        read_file(file)
