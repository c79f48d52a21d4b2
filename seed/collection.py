"""A collection of the blueprint in Weaviate's words, and a form of both in which they can be compared.

Applications know the blueprint's name, which is an alias; behind it stands a collection named after what can't be changed
in place: vectorizer, model, dimensions, index build. A change of those fills a new collection beside the old one and
moves the alias (see seed.schema_plan).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from christmas.blueprint.documents_model import Collection, EmbeddingProfile, Property

QUANTIZERS = ("pq", "sq", "bq", "rq")
VENDOR_MODELS = {"text-embedding-ada-002": {"model": "ada", "modelVersion": "002", "type": "text"}}
"""How Weaviate spells a model where it talks to the vendor itself; its own name is refused there, and taken elsewhere."""


def definition(collection: Collection, profile: EmbeddingProfile, name: str) -> dict[str, Any]:
    """The schema that makes the collection under `name`, as Weaviate's REST API takes it."""
    if profile.base_url:
        module: dict[str, Any] = {"model": profile.model, "baseURL": profile.base_url}
    else:
        module = dict(VENDOR_MODELS.get(profile.model, {"model": profile.model, "dimensions": profile.dimensions}))
    index = collection.index
    return {
        "class": name,
        "description": collection.description,
        "vectorizer": collection.vectorizer,
        "moduleConfig": {collection.vectorizer: {**module, "vectorizeClassName": False}},
        "vectorIndexType": "hnsw",
        "vectorIndexConfig": {
            "distance": index.distance,
            "efConstruction": index.ef_construction,
            "maxConnections": index.max_connections,
            "ef": index.ef,
            **({} if index.quantizer == "none" else {index.quantizer: {"enabled": True}}),
        },
        "properties": [property_definition(collection, each) for each in collection.properties],
    }


def property_definition(collection: Collection, each: Property) -> dict[str, Any]:
    """One property's schema."""
    made: dict[str, Any] = {
        "name": each.name,
        "dataType": [each.data_type],
        "description": each.description,
        "moduleConfig": {collection.vectorizer: {"skip": not each.vectorized, "vectorizePropertyName": False}},
    }
    if each.tokenization:
        made["tokenization"] = each.tokenization
    return made


def fingerprint(collection: Collection, profile: EmbeddingProfile) -> str:
    """Eight hexadecimal digits over all that a collection keeps for its whole life, but for its properties."""
    index = collection.index
    fixed: list[str | int] = [
        collection.vectorizer,
        profile.model,
        profile.dimensions,
        index.distance,
        index.ef_construction,
        index.max_connections,
    ]
    fixed += [index.quantizer] if index.quantizer != "none" else []
    return hashlib.sha256(json.dumps(fixed).encode()).hexdigest()[:8]


def physical_name(collection: Collection, profile: EmbeddingProfile, generation: int = 1) -> str:
    """The name of a collection behind the alias; later generations differ in what their properties are."""
    name = f"{collection.name}_{profile.name}_{fingerprint(collection, profile)}"
    return name if generation == 1 else f"{name}_{generation}"


def normalized(schema: Mapping[str, Any]) -> dict[str, Any]:
    """What matters of a schema, whether it was sent or read back: `string` and `distanceMetric` are other words for the same.

    Keys are `description`, `vectorizer`, `module.…`, `index.…` and `property.NAME`, so that two can be compared key by key.
    """
    index = schema.get("vectorIndexConfig") or {}
    vectorizer = schema.get("vectorizer") or "none"
    module = (schema.get("moduleConfig") or {}).get(vectorizer) or {}
    found = {
        "description": schema.get("description") or "",
        "vectorizer": vectorizer,
        "index.type": schema.get("vectorIndexType", "hnsw"),
        "index.distance": index.get("distance") or index.get("distanceMetric") or "cosine",
        "index.efConstruction": index.get("efConstruction", 128),
        "index.maxConnections": index.get("maxConnections", 32),
        "index.ef": index.get("ef", -1),
        "index.quantizer": quantizer_of(index),
        "module.model": _full_model(module),
        "module.baseURL": module.get("baseURL") or "",
    }
    for each in schema.get("properties") or []:
        found[f"property.{each['name']}"] = _normalized_property(each, vectorizer)
    return found


def differing(declared: Mapping[str, Any], live: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Of two normalized schemas, key to what is there and what is declared, where they differ; None stands for what is missing."""
    return {key: (live.get(key), declared.get(key)) for key in sorted(live.keys() | declared.keys()) if live.get(key) != declared.get(key)}


def differences(declared: Mapping[str, Any], live: Mapping[str, Any]) -> list[str]:
    """How a live schema differs from the declared one, a line each. What Weaviate adds or spells otherwise is no difference."""
    found = differing(normalized(declared), normalized(live))
    return [f"{key} is {_told(has)}, declared {_told(wanted)}" for key, (has, wanted) in found.items()]


def _told(value: Any) -> str:
    if value is None:
        return "missing"
    if value == "":
        return "empty"
    return " ".join(f"{name}={each}" for name, each in value.items()) if isinstance(value, dict) else str(value)


def quantizer_of(index: Mapping[str, Any]) -> str:
    """Which compression a vector index's settings switch on, or none."""
    return next((name for name in QUANTIZERS if (index.get(name) or {}).get("enabled")), "none")


def _full_model(module: Mapping[str, Any]) -> str:
    for name, spelled in VENDOR_MODELS.items():
        if (module.get("model"), str(module.get("modelVersion", ""))) == (spelled["model"], spelled["modelVersion"]):
            return name
    return str(module.get("model") or "")


def _normalized_property(each: Mapping[str, Any], vectorizer: str) -> dict[str, Any]:
    (kind,) = each["dataType"]
    tokenization = each.get("tokenization") or ("word" if kind == "text" else None)
    if kind == "string":
        kind, tokenization = "text", {"field": "field"}.get(str(each.get("tokenization")), "whitespace")
    skipped = ((each.get("moduleConfig") or {}).get(vectorizer) or {}).get("skip", False)
    # Only text is ever part of a vector, whatever a number's settings say.
    return {"type": kind, "tokenization": tokenization, "vectorized": kind == "text" and not skipped}
