"""A collection of the blueprint in Weaviate's words, and how the one that exists differs from it.

Applications know the blueprint's name, which is an alias; behind it stands a collection named after what can't be changed
in place: vectorizer, model, dimensions, index build. A change of those fills a new collection beside the old one and
moves the alias.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from blueprint.model import Collection, EmbeddingProfile, Property

if TYPE_CHECKING:
    import weaviate

MODULE = "text2vec-openai"


def definition(collection: Collection, profile: EmbeddingProfile, name: str | None = None) -> dict[str, Any]:
    """The schema that makes the collection, as Weaviate's REST API takes it."""
    module: dict[str, Any] = {"model": profile.query_model or profile.model, "vectorizeClassName": False}
    if profile.base_url:
        module["baseURL"] = profile.base_url
    return {
        "class": name or physical_name(collection, profile),
        "description": collection.description,
        "vectorizer": collection.vectorizer,
        "moduleConfig": {collection.vectorizer: module},
        "vectorIndexType": "hnsw",
        "vectorIndexConfig": {
            "distance": collection.index.distance,
            "efConstruction": collection.index.ef_construction,
            "maxConnections": collection.index.max_connections,
            "ef": collection.index.ef,
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
    """Eight hexadecimal digits over all that a collection keeps for its whole life, but for its set of properties."""
    fixed = [collection.vectorizer, profile.model, profile.dimensions, collection.index.distance, collection.index.ef_construction]
    fixed += [collection.index.max_connections]
    return hashlib.sha256(json.dumps(fixed).encode()).hexdigest()[:8]


def physical_name(collection: Collection, profile: EmbeddingProfile) -> str:
    """The name of the collection behind the alias."""
    return f"{collection.name}_{profile.name}_{fingerprint(collection, profile)}"


def ensure(client: weaviate.WeaviateClient, collection: Collection, profile: EmbeddingProfile) -> str:
    """Make the collection and its alias where they are missing; returns the collection's own name."""
    name = physical_name(collection, profile)
    if not client.collections.exists(name):
        client.collections.create_from_dict(definition(collection, profile, name))
    if not client.alias.exists(alias_name=collection.name):
        client.alias.create(alias_name=collection.name, target_collection=name)
    return name
