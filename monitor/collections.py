"""Whether Weaviate's collections are what the blueprint declares, compared in normalized form."""

from __future__ import annotations

import urllib.error
from typing import Any

from christmas.blueprint.collections_and_properties import COLLECTIONS
from core.words import shortened
from infra.connections import Platform
from monitor import wire
from monitor.result import Finding, critical, ok, warning

ACCOUNT = "monitor"
_SHOWN = 5


def shape(platform: Platform) -> Finding:
    """Collections have the declared properties, vectorizer and index."""
    from seed.collection import definition, differences, physical_name

    problems: list[str] = []
    for collection in COLLECTIONS:
        profile = collection.profile(platform.embedding_profile)
        name = physical_name(collection, profile)
        live = _fetch(platform, collection.name)
        if live is None:
            return critical(f"collection {collection.name} is missing", "invoke seed.docs makes it", 0, "collections")
        if live["class"] not in (name, collection.name):
            problems.append(f"{collection.name} stands for {live['class']}, not {name}")
        problems += [f"{collection.name}: {difference}" for difference in differences(definition(collection, profile, name), live)]
    if problems:
        return warning(shortened(problems, _SHOWN), "invoke seed.docs plans the change", len(problems), "differences")
    return ok(f"{len(COLLECTIONS)} as declared", len(COLLECTIONS), "collections")


def _fetch(platform: Platform, name: str) -> dict[str, Any] | None:
    """The schema of a collection, by its name or alias; None if it doesn't exist."""
    key = platform.secret(ACCOUNT, "weaviate")
    try:
        schema: dict[str, Any] | None = wire.get_json(platform.weaviate_url(), platform.ca_file, key, f"/v1/schema/{name}")
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return None
        raise
    return schema
