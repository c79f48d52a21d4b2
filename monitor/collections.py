"""Whether Weaviate's collections are what the blueprint declares, compared in normalized form."""

from __future__ import annotations

import urllib.error
from typing import Any

from christmas.blueprint.collections import COLLECTIONS
from infra.connections import Platform
from monitor import wire
from monitor.result import Finding, critical, ok, warning

ACCOUNT = "monitor"
_SHOWN = 5


def shape(platform: Platform) -> Finding:
    """Collections have the declared properties, vectorizer and index."""
    from seed.collection import definition, physical_name

    told: list[str] = []
    for collection in COLLECTIONS:
        profile = collection.profile(platform.embedding_profile)
        name = physical_name(collection, profile)
        live = _fetch(platform, collection.name)
        if live is None:
            return critical(f"collection {collection.name} is missing", "invoke seed.docs makes it", 0, "collections")
        if live["class"] not in (name, collection.name):
            told.append(f"{collection.name} stands for {live['class']}, not {name}")
        told += [f"{collection.name}: {each}" for each in compare(definition(collection, profile, name), live)]
    if told:
        shown = "; ".join(told[:_SHOWN]) + (f"; and {len(told) - _SHOWN} more" if len(told) > _SHOWN else "")
        return warning(shown, "invoke seed.docs plans the change", len(told), "differences")
    return ok(f"{len(COLLECTIONS)} as declared", len(COLLECTIONS), "collections")


def _fetch(platform: Platform, name: str) -> dict[str, Any] | None:
    """The schema of a collection, found by its name or alias; None where there is none."""
    key = platform.secret(ACCOUNT, "weaviate")
    try:
        found: dict[str, Any] | None = wire.get_json(platform.weaviate_url(), platform.ca_file, key, f"/v1/schema/{name}")
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return None
        raise
    return found


def compare(declared: dict[str, Any], live: dict[str, Any]) -> list[str]:
    """How the live schema differs in what is declared. What Weaviate adds by itself is no difference."""
    told = _differences(_settings(declared), _settings(live), "")
    wanted, there = _properties(declared), _properties(live)
    told += [f"property {name} is missing" for name in wanted if name not in there]
    told += [f"property {name} is not declared" for name in there if name not in wanted]
    for name in wanted.keys() & there.keys():
        told += [f"property {name}: {each}" for each in _differences(wanted[name], there[name], "")]
    return told


def _settings(schema: dict[str, Any]) -> dict[str, Any]:
    """All but the name, the words for people and the properties, which are compared by name."""
    return {key: value for key, value in schema.items() if key not in ("class", "description", "properties")}


def _properties(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = {}
    for each in schema.get("properties") or []:
        kind = [_TYPES.get(kind, kind) for kind in each["dataType"]]
        found[each["name"]] = {**{key: each[key] for key in ("tokenization", "moduleConfig") if key in each}, "dataType": kind}
    return found


# Old names that Weaviate takes and stores as today's.
_TYPES = {"string": "text", "string[]": "text[]"}


def _differences(declared: Any, live: Any, path: str) -> list[str]:
    if isinstance(declared, dict) and isinstance(live, dict):
        return [
            each for key, value in declared.items() for each in _differences(value, live.get(key), f"{path}.{key}" if path else str(key))
        ]
    return [] if declared == live else [f"{path} is {live!r}, not {declared!r}"]
