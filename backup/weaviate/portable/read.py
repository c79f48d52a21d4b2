"""Reads a portable dump: its lines one by one, and its consistency."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import orjson
import zstandard
from pydantic import ValidationError

from backup.sets.files import SetFiles
from backup.sets.model import Manifest, WeaviatePart
from backup.storage.places import MissingError
from backup.weaviate.portable.layout import FORMAT, INDEX, DumpedCollection, Index, dimension, vectors_of
from core.errors import PlatformError

_BUFFER = 1 << 20


def read_index(folder: SetFiles) -> Index:
    """The dump's index in a set's folder.

    Raises PlatformError if it is missing or invalid.
    """
    try:
        index = Index.model_validate_json(folder.content(INDEX))
    except MissingError as error:
        raise PlatformError(
            what=f"set {folder.name} has no portable dump of Weaviate",
            where=f"{folder.place.where}: {INDEX}",
            next_step="full sets have one: invoke backup.list shows them, invoke backup --full makes one",
        ) from error
    except ValidationError as error:
        raise PlatformError(
            what=f"the portable dump's index is invalid: {error.error_count()} faults", where=f"{folder.place.where}: {INDEX}"
        ) from None
    if index.format != FORMAT:
        raise PlatformError(
            what=f"the portable dump is of format {index.format}, this version reads {FORMAT}", where=f"{folder.place.where}: {INDEX}"
        )
    return index


def read_definition(folder: SetFiles, collection: DumpedCollection) -> dict[str, Any]:
    """A collection's definition as the server gave it."""
    definition: dict[str, Any] = json.loads(folder.content(collection.definition))
    return definition


def read_objects(folder: SetFiles, collection: DumpedCollection) -> Iterator[dict[str, Any]]:
    """A collection's objects, one at a time.

    Raises PlatformError where the file is damaged or cut off.
    """
    try:
        with folder.open(collection.objects) as packed, zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True) as raw:
            for line in io.BufferedReader(raw, _BUFFER):
                yield orjson.loads(line)
    except (OSError, zstandard.ZstdError, ValueError) as error:
        raise PlatformError(
            what=f"the portable dump can't be read: {error}",
            where=f"{folder.place.where}: {collection.objects}",
            next_step="invoke backup.verify; then take another set",
        ) from error


def faults(folder: SetFiles, manifest: Manifest) -> list[str]:
    """Faults of a set's portable dump: rows, ids and vectors against its index, and the index against the manifest's counts."""
    part = manifest.weaviate
    if part is None or not part.portable:
        return []
    try:
        index = read_index(folder)
        faults_found = [fault for name, collection in index.collections.items() for fault in _collection_faults(folder, name, collection)]
    except PlatformError as error:
        return [f"weaviate: {error.what}"]
    listed = {path for one in index.collections.values() for path in (one.definition, one.objects)} | {INDEX}
    faults_found += [f"{path} is in the dump's index but not in the manifest" for path in sorted(listed - set(part.portable))]
    for name, (before, after) in part.collections.items():
        if name in told_apart(part, index):
            continue
        rows = index.collections[name].rows if name in index.collections else None
        if before == after and rows != before:
            faults_found.append(f"{name} has {rows if rows is not None else 'no'} rows, but {before} objects were counted")
    return [f"weaviate, portable dump: {fault}" for fault in faults_found]


def told_apart(part: WeaviatePart, index: Index) -> set[str]:
    """Collections that the dump lacks in part, according to the set itself: left out, or with a tenant that was removed meanwhile."""
    said = {finding.what for finding in part.unproven}
    dropped = {name for name in part.collections if name not in index.collections and f"collection {name}" in said}
    return dropped | {
        name for name, collection in index.collections.items() if set(collection.tenants_left_out) - set(part.tenants.get(name, ()))
    }


def _collection_faults(folder: SetFiles, name: str, collection: DumpedCollection) -> list[str]:
    rows, doubled, strays = 0, 0, 0
    last = ("", "")
    for line in read_objects(folder, collection):
        rows += 1
        # Ascending order makes a repeated id visible.
        place = (str(line.get("tenant", "")), str(line["id"]))
        doubled += place <= last
        last = place
        strays += any(collection.dimensions.get(vector) not in (0, dimension(value)) for vector, value in vectors_of(line).items())
    faults_found = []
    if rows != collection.rows:
        faults_found.append(f"{name} has {rows} rows instead of {collection.rows}")
    if doubled:
        faults_found.append(f"{name} has {doubled} ids out of order or repeated")
    if strays:
        faults_found.append(f"{name} has {strays} objects with vectors of another length than {collection.dimensions}")
    return faults_found
