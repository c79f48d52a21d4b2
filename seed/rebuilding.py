"""Copies the objects of one collection into another with new vectors, while readers keep using the first."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from christmas.blueprint.collection_model import Collection
from core.errors import PlatformError
from core.progress import Progress
from seed.embeddings import Embedder
from seed.importing import EMBED_AT_ONCE, insert, remove
from seed.passages import embedded_text

if TYPE_CHECKING:
    from weaviate.collections import Collection as WeaviateCollection


def take_over(
    old: WeaviateCollection[Any, Any], new: WeaviateCollection[Any, Any], collection: Collection, embedder: Embedder, progress: Progress
) -> int:
    """Copy the objects of `old` to `new` under the same ids; returns the number of embedded objects.

    After an interruption the next run continues: existing unchanged objects are not embedded again.
    Raises PlatformError if an object can't be copied: readers then keep using the old collection.
    """
    from weaviate.classes.data import DataObject

    names = [declared_property.name for declared_property in collection.properties]
    known = {property_.name for property_ in old.config.get().properties}
    shared = [name for name in names if name in known]
    copied = {str(existing.uuid): existing.properties for existing in new.iterator(return_properties=shared, cache_size=1000)}
    total = int(old.aggregate.over_all(total_count=True).total_count or 0)
    missing = (
        original
        for original in old.iterator(return_properties=shared, cache_size=500)
        if copied.pop(str(original.uuid), None) != original.properties
    )
    embedded = 0
    while batch := list(islice(missing, EMBED_AT_ONCE)):
        progress.status(f"embedding the objects of {old.name} again")
        texts = [
            embedded_text(str(original.properties.get("section") or ""), str(original.properties.get("content") or ""))
            for original in batch
        ]
        vectors = embedder.passages(texts).vectors
        objects = [
            DataObject(properties=original.properties, uuid=original.uuid, vector=vector)
            for original, vector in zip(batch, vectors, strict=True)
        ]
        if refused := insert(new, objects):
            position, message = next(iter(refused.items()))
            raise PlatformError(
                what=f"{len(refused)} objects could not be copied: {message}",
                where=f"{old.name} to {new.name}, object {batch[position].uuid}",
                next_step="fix the above and run this again; readers still see the old collection",
            )
        embedded += len(batch)
        progress.count(embedded, total, "objects")
    remove(new, list(copied))
    return embedded
