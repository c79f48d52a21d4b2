"""Converts collections from Weaviate's schema JSON, also the specification's, into the blueprint's classes, and reports translations."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from christmas.blueprint.collection_model import Collection, Property, VectorIndex
from christmas.blueprint.collections_and_properties import CHRISTMAS_DOCUMENT, EMBEDDED, OPENAI
from core.errors import PlatformError
from core.progress import Progress
from seed.collection import VENDOR_MODELS, quantizer_of

_CLASS_KEYS = {"class", "description", "vectorizer", "moduleConfig", "properties", "vectorIndexType", "vectorIndexConfig"}
_PROPERTY_KEYS = {"name", "dataType", "description", "tokenization", "moduleConfig", "indexFilterable", "indexSearchable"}
_DIMENSIONS = {OPENAI.model: OPENAI.dimensions, "text-embedding-3-small": 1536, "text-embedding-3-large": 3072}
_DEFAULT_INDEX = CHRISTMAS_DOCUMENT.index


@dataclass(frozen=True, slots=True)
class Translated:
    """A collection, and the parts that were not taken literally."""

    collection: Collection
    notices: tuple[str, ...] = ()


@dataclass(slots=True)
class _Notes:
    where: str
    messages: list[str] = field(default_factory=list)

    def tell(self, text: str) -> None:
        self.messages.append(f"{self.where}: {text}")

    def refuse(self, what: str) -> PlatformError:
        return PlatformError(what=f"{self.where}: {what}", where="schema JSON", next_step="fix the schema and run this again")


def read_file(file: Path) -> list[Translated]:
    """The collections of a schema file. Raises PlatformError if it can't be read or translated."""
    try:
        document = json.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise PlatformError(what=f"{file} can't be read: {error}", where="schema JSON", next_step="give a JSON file") from error
    return translate(document)


def collection_of(file: Path | None, progress: Progress) -> Collection:
    """The collection of a schema file, with its notices logged; the blueprint's without a file.

    Raises PlatformError for a file that can't be read or translated, or that does not have exactly one class.
    """
    if file is None:
        return CHRISTMAS_DOCUMENT
    translated = read_file(file)
    if len(translated) != 1:
        names = ", ".join(translated_class.collection.name for translated_class in translated) or "none"
        raise PlatformError(what=f"{file} must have one class, but has {names}", where="schema JSON", next_step="give one class")
    for notice in translated[0].notices:
        progress.log(notice)
    return translated[0].collection


def translate(document: Any) -> list[Translated]:
    """The collections of a schema: one class, or an object with a list of `classes`.

    Raises PlatformError for anything without a counterpart: an unknown key is probably a typo.
    """
    classes = document.get("classes", [document]) if isinstance(document, Mapping) else None
    if not isinstance(classes, list) or not all(isinstance(schema, Mapping) for schema in classes):
        raise PlatformError(what="expected a class or an object with a list of classes", where="schema JSON", next_step="see docs/guide")
    return [_collection(schema) for schema in classes]


def _collection(schema: Mapping[str, Any]) -> Translated:
    notes = _Notes(str(schema.get("class") or "a class without a name"))
    if not isinstance(schema.get("class"), str) or not str(schema["class"])[:1].isupper():
        raise notes.refuse("`class` must be a name with a capital first letter")
    if unknown := sorted(schema.keys() - _CLASS_KEYS):
        raise notes.refuse(f"unknown key {unknown[0]!r}")
    vectorizer = schema.get("vectorizer", "text2vec-openai")
    if vectorizer != "text2vec-openai" or schema.get("vectorIndexType", "hnsw") != "hnsw":
        raise notes.refuse("only text2vec-openai and hnsw are supported")
    collection = Collection(
        name=schema["class"],
        description=str(schema.get("description") or ""),
        properties=tuple(_property(declared, notes) for declared in schema.get("properties") or []),
        index=_index(schema.get("vectorIndexConfig"), notes),
        profiles=(_profile((schema.get("moduleConfig") or {}).get(vectorizer) or {}, notes), EMBEDDED),
    )
    if not {"content", "file_path", "section", "chunk_id", "metadata"} <= {
        declared_property.name for declared_property in collection.properties
    }:
        raise notes.refuse("documents need content, file_path, section, chunk_id and metadata")
    return Translated(collection, tuple(notes.messages))


def _property(schema: Mapping[str, Any], notes: _Notes) -> Property:
    name = str(schema.get("name"))
    if unknown := sorted(schema.keys() - _PROPERTY_KEYS):
        raise notes.refuse(f"property {name}: unknown key {unknown[0]!r}")
    (kind,) = schema["dataType"]
    tokenization = schema.get("tokenization") or ("word" if kind == "text" else None)
    if kind == "string":
        kind, tokenization = "text", "field" if tokenization == "field" else "whitespace"
        notes.tell(f"property {name}: `string` is now `text` with `{tokenization}` tokenization")
    if kind == "text" and name != "content":
        notes.tell(f"property {name}: not part of the vector, which is made of headings and content")
    return Property(name, kind, str(schema.get("description") or ""), tokenization=tokenization, vectorized=name == "content")


def _index(schema: Mapping[str, Any] | None, notes: _Notes) -> VectorIndex:
    if schema is None:
        notes.tell("no vectorIndexConfig: the blueprint's is used")
        return _DEFAULT_INDEX
    return replace(
        _DEFAULT_INDEX,
        distance=schema.get("distance", _DEFAULT_INDEX.distance),
        ef_construction=schema.get("efConstruction", _DEFAULT_INDEX.ef_construction),
        max_connections=schema.get("maxConnections", _DEFAULT_INDEX.max_connections),
        ef=schema.get("ef", _DEFAULT_INDEX.ef),
        quantizer=quantizer_of(schema),
    )


def _profile(module: Mapping[str, Any], notes: _Notes) -> Any:
    model = str(module.get("model") or OPENAI.model)
    version = str(module.get("modelVersion") or "")
    for full, spelled in VENDOR_MODELS.items():
        if version == spelled["modelVersion"] and model in (full, spelled["model"]):
            notes.tell(f"model {model} with modelVersion {version} is {full}; Weaviate refuses the two together")
            model, version = full, ""
    if version or model not in _DIMENSIONS:
        raise notes.refuse(f"model {model} {version}".rstrip() + f" is unknown; known are {', '.join(_DIMENSIONS)}")
    return replace(OPENAI, model=model, dimensions=_DIMENSIONS[model], base_url=module.get("baseURL"))
