"""Weaviate's schema of a blueprint collection, and a normal form to compare schemas.

Applications use the blueprint's name, which is an alias; the collection behind it is named after its unchangeable
settings: vectorizer, model, dimensions, index build. To change those, a new collection is filled beside the old one and
the alias is moved (see seed.schema_plan).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from christmas.blueprint.collection_model import Collection, EmbeddingProfile, Property

QUANTIZERS = ("pq", "sq", "bq", "rq")
VENDOR_MODELS = {"text-embedding-ada-002": {"model": "ada", "modelVersion": "002", "type": "text"}}
"""Weaviate's spelling of a model for requests to the vendor itself; the model's own name is refused there, and accepted elsewhere."""


def definition(collection: Collection, profile: EmbeddingProfile, name: str) -> dict[str, Any]:
    """The schema of the collection under `name`, for Weaviate's REST API."""
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
        "properties": [property_definition(collection, declared_property) for declared_property in collection.properties],
    }


def property_definition(collection: Collection, declared: Property) -> dict[str, Any]:
    """One property's schema."""
    property_schema: dict[str, Any] = {
        "name": declared.name,
        "dataType": [declared.data_type],
        "description": declared.description,
        "moduleConfig": {collection.vectorizer: {"skip": not declared.vectorized, "vectorizePropertyName": False}},
    }
    if declared.tokenization:
        property_schema["tokenization"] = declared.tokenization
    return property_schema


def fingerprint(collection: Collection, profile: EmbeddingProfile) -> str:
    """Eight hexadecimal digits over all unchangeable settings of a collection, without its properties."""
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
    """The name of a collection behind the alias; later generations have different properties."""
    name = f"{collection.name}_{profile.name}_{fingerprint(collection, profile)}"
    return name if generation == 1 else f"{name}_{generation}"


def normalized(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The relevant part of a schema, sent or read back: `string` and `distanceMetric` are older words for the same.

    Keys are `description`, `vectorizer`, `module.…`, `index.…` and `property.NAME`, to compare two schemas key by key.
    """
    index = schema.get("vectorIndexConfig") or {}
    vectorizer = schema.get("vectorizer") or "none"
    module = (schema.get("moduleConfig") or {}).get(vectorizer) or {}
    settings = {
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
    for declared in schema.get("properties") or []:
        settings[f"property.{declared['name']}"] = _normalized_property(declared, vectorizer)
    return settings


def differing(declared: Mapping[str, Any], live: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The keys in which two normalized schemas differ, with the live and the declared value; None for a missing one."""
    return {key: (live.get(key), declared.get(key)) for key in sorted(live.keys() | declared.keys()) if live.get(key) != declared.get(key)}


def differences(declared: Mapping[str, Any], live: Mapping[str, Any]) -> list[str]:
    """The differences of a live schema from the declared one, a line each. Weaviate's additions and spellings don't count."""
    changed = differing(normalized(declared), normalized(live))
    return [f"{key} is {_shown(has)}, declared {_shown(expected)}" for key, (has, expected) in changed.items()]


def _shown(value: Any) -> str:
    if value is None:
        return "missing"
    if value == "":
        return "empty"
    return " ".join(f"{name}={setting}" for name, setting in value.items()) if isinstance(value, dict) else str(value)


def quantizer_of(index: Mapping[str, Any]) -> str:
    """The compression in a vector index's settings, or none."""
    return next((name for name in QUANTIZERS if (index.get(name) or {}).get("enabled")), "none")


def _full_model(module: Mapping[str, Any]) -> str:
    for name, spelled in VENDOR_MODELS.items():
        if (module.get("model"), str(module.get("modelVersion", ""))) == (spelled["model"], spelled["modelVersion"]):
            return name
    return str(module.get("model") or "")


def _normalized_property(declared: Mapping[str, Any], vectorizer: str) -> dict[str, Any]:
    (kind,) = declared["dataType"]
    tokenization = declared.get("tokenization") or ("word" if kind == "text" else None)
    if kind == "string":
        kind, tokenization = "text", {"field": "field"}.get(str(declared.get("tokenization")), "whitespace")
    skipped = ((declared.get("moduleConfig") or {}).get(vectorizer) or {}).get("skip", False)
    # Only text is ever part of a vector, whatever a number's settings say.
    return {"type": kind, "tokenization": tokenization, "vectorized": kind == "text" and not skipped}
