"""Weaviate's roles: permissions on collections."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from airgap.toolchain.plugin.messages import Severity
from core.container_commands import find_running
from core.errors import PlatformError
from infra.provider.declaration import Input, Output, Resource, gives, takes
from infra.provider.kind import AssertedKind, Call, Values
from infra.provider.weaviate_api import UnreachableError, WeaviateApi, canonical, known_action, permissions, segment

BUILT_IN = ("root", "admin", "viewer", "read-only")


class InWeaviate(Resource):
    """A resource inside Weaviate. `endpoint` is `https://HOST:PORT`, `admin_key` the root user's, `server` its container's id."""

    endpoint: Input[str] = takes(rule=lambda value: None if value.startswith("https://") else "must begin with https://")
    ca_certificate_pem: Input[str]
    admin_key: Input[str] = takes(secret=True)
    server: Input[str]


def api_of(inputs: Values) -> WeaviateApi:
    """The API of the server in a resource's inputs, as administrator."""
    return WeaviateApi(inputs["endpoint"], inputs["ca_certificate_pem"], inputs["admin_key"])


def reachable(call: Call, inputs: Values, doing: str) -> WeaviateApi | None:
    """The API, or None with a warning if the container does not run: no reason to fail a refresh or a destroy."""
    if find_running(inputs["server"]) is None:
        call.log(Severity.WARNING, f"Weaviate's container {inputs['server'][:12]} does not run: {doing}")
        return None
    return api_of(inputs)


def _permissions(values: list[dict[str, Any]]) -> str | None:
    for value in values:
        if unknown := value.keys() - {"action", "collection", "alias"}:
            return f"has an object with the unknown {sorted(unknown)}"
        if not known_action(str(value.get("action"))):
            return f"has the unknown action {value.get('action')!r}"
    return None


def wanted_permissions(declared: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Declared permissions in the API's full form."""
    return [
        form
        for permission in declared
        for form in permissions(permission["action"], permission.get("collection") or "*", permission.get("alias"))
    ]


def permission_findings(real: list[dict[str, Any]] | None, declared: list[dict[str, Any]]) -> list[str]:
    """Differences between a role's permissions and the declared ones."""
    permitted, expected = canonical(real), canonical(wanted_permissions(declared))
    findings = [f"{_described(permission)} is missing" for permission in sorted(expected - permitted)]
    return findings + [f"{_described(permission)} is permitted, but not declared" for permission in sorted(permitted - expected)]


def _described(canonical_permission: str) -> str:
    permission = json.loads(canonical_permission)
    scope: dict[str, str] = next((value for key, value in permission.items() if key != "action"), {})
    return (
        f"{permission['action']} on {', '.join(f'{key} {value}' for key, value in sorted(scope.items()))}"
        if scope
        else str(permission["action"])
    )


class WeaviateRole(InWeaviate):
    """Exactly these permissions, each `{"action", "collection"}`."""

    name: Input[str] = takes(replaces=True, rule=lambda name: "is built in" if name in BUILT_IN else None)
    permissions: Input[Sequence[Input[Mapping[str, Any]]]] = takes(rule=_permissions)
    drift: Output[list[str]] = gives()


class WeaviateRoleKind(AssertedKind):
    """Adds what is missing before it takes away what is too much."""

    declared = WeaviateRole

    def read(self, call: Call, state: Values, inputs: Values) -> Values | None:  # noqa: D102
        api = reachable(call, inputs, f"Weaviate role {inputs['name']} was not compared")
        if api is None:
            return state
        try:
            real = api.get(f"authz/roles/{segment(inputs['name'])}")
        except PlatformError as error:
            call.log(Severity.WARNING, f"Weaviate role {inputs['name']} was not compared: {error}")
            return state
        return None if real is None else {"drift": permission_findings(real["permissions"], inputs["permissions"])}

    def delete(self, call: Call, state: Values, inputs: Values) -> None:  # noqa: D102
        del state
        if api := reachable(call, inputs, f"role {inputs['name']} stays in its data"):
            try:
                api.delete(f"authz/roles/{segment(inputs['name'])}")
            except UnreachableError as error:
                call.log(Severity.WARNING, f"role {inputs['name']} stays in Weaviate's data: {error}")

    def bring(self, call: Call, inputs: Values, state: Values, old: Values) -> Values:  # noqa: D102
        del call, state, old
        api, path = api_of(inputs), f"authz/roles/{segment(inputs['name'])}"
        expected = wanted_permissions(inputs["permissions"])
        real = api.get(path)
        if real is None:
            api.create("authz/roles", {"name": inputs["name"], "permissions": expected})
            # Checked anyway: another request may have made it.
            real = api.get(path) or {"permissions": expected}
        # Add missing permissions before removing extra ones: no active client is refused what it may do.
        permitted = canonical(real["permissions"])
        missing = [permission for permission in expected if not canonical([permission]) & permitted]
        extra = [permission for permission in real["permissions"] or [] if not canonical([permission]) & canonical(expected)]
        if missing:
            api.post(f"{path}/add-permissions", {"permissions": missing})
        if extra:
            api.post(f"{path}/remove-permissions", {"permissions": extra})
        return {"drift": []}
