"""The package schema from the tables, for tools that ask a provider for its features."""

from __future__ import annotations

import json
from typing import Any

from airgap.toolchain.docker_plugin import NAME, VERSION
from airgap.toolchain.docker_plugin.properties import Property, ValueKind
from airgap.toolchain.docker_plugin.resources import RESOURCES
from airgap.toolchain.docker_plugin.settings import CONFIG

_TYPES: dict[ValueKind, dict[str, Any]] = {
    ValueKind.TEXT: {"type": "string"},
    ValueKind.NUMBER: {"type": "integer"},
    ValueKind.SWITCH: {"type": "boolean"},
    ValueKind.TEXTS: {"type": "array", "items": {"type": "string"}},
    ValueKind.TEXT_SET: {"type": "array", "items": {"type": "string"}},
    ValueKind.TEXT_MAP: {"type": "object", "additionalProperties": {"type": "string"}},
}


def schema() -> str:
    """Return the schema as JSON: this plugin's resources and provider configuration, without unsupported parts."""
    types: dict[str, Any] = {}
    resources = {}
    for token, resource in RESOURCES.items():
        title = token.rpartition(":")[2]
        inputs = _properties(resource.properties, title, types)
        resources[token] = {
            "properties": {**inputs, **{name: {"$ref": "pulumi.json#/Any"} for name in resource.outputs}},
            "required": ["name"],
            "inputProperties": inputs,
            "requiredInputs": [
                prop.name for prop in resource.properties if prop.required and not (prop.name == "name" and resource.autonamed)
            ],
        }
    config = _properties(CONFIG, "Provider", types)
    return json.dumps(
        {
            "name": NAME,
            "version": VERSION,
            "config": {"variables": config},
            "provider": {"inputProperties": config},
            "types": types,
            "resources": resources,
        }
    )


def _properties(properties: tuple[Property, ...], owner: str, types: dict[str, Any]) -> dict[str, Any]:
    return {prop.name: _type(prop, owner, types) for prop in properties if not prop.unsupported}


def _type(prop: Property, owner: str, types: dict[str, Any]) -> dict[str, Any]:
    if prop.kind in _TYPES:
        return dict(_TYPES[prop.kind])
    title = owner + prop.name[0].upper() + prop.name[1:]
    token = f"docker:index/{title[0].lower()}{title[1:]}:{title}"
    types[token] = {
        "type": "object",
        "properties": _properties(prop.fields, title, types),
        "required": [field.name for field in prop.fields if field.required],
    }
    reference = {"$ref": f"#/types/{token}"}
    return reference if prop.kind is ValueKind.OBJECT else {"type": "array", "items": reference}
