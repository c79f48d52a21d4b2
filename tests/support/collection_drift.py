"""How the collection behind an alias differs from the blueprint's, as the check tells it."""

from __future__ import annotations

import weaviate

from christmas.blueprint.collection_model import Collection, EmbeddingProfile
from seed.collection import definition, differences


def drift(client: weaviate.WeaviateClient, collection: Collection, profile: EmbeddingProfile) -> list[str]:
    shown = client.alias.get(alias_name=collection.name)
    if shown is None:
        there = client.collections.exists(collection.name)
        return [f"{collection.name} is a collection of its own, not an alias" if there else f"{collection.name} does not exist"]
    return differences(definition(collection, profile, shown.collection), client.collections.export_config(shown.collection).to_dict())
