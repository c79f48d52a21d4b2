"""Weaviate's roles: permissions on collections."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from airgap.toolchain.plugin.messages import Severity
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
    # The container through which clients reach it, where there is one.
    through: Input[str] | None = None


def api_of(inputs: Values) -> WeaviateApi:
    """The API of the server in a resource's inputs, as administrator."""
    return WeaviateApi(inputs["endpoint"], inputs["ca_certificate_pem"], inputs["admin_key"])


class InWeaviateKind(AssertedKind):
    """Compares and removes what is at `path/NAME` in the API, if the server runs; `noun` is the word for it."""

    path: ClassVar[str]
    noun: ClassVar[str]

    def read(self, call: Call, state: Values, inputs: Values) -> Values | None:  # noqa: D102
        uncompared = f"Weaviate {self.noun} {inputs['name']} was not compared"
        api = self._reachable(call, inputs, uncompared)
        if api is None:
            return state
        try:
            return self.compared(api, api.get(f"{self.path}/{segment(inputs['name'])}"), state, inputs)
        except PlatformError as error:
            call.log(Severity.WARNING, f"{uncompared}: {error}")
            return state

    @abstractmethod
    def compared(self, api: WeaviateApi, real: Any, state: Values, inputs: Values) -> Values | None:
        """The present outputs, from the API's answer; None if it is gone."""

    def delete(self, call: Call, state: Values, inputs: Values) -> None:  # noqa: D102
        del state
        what = f"{self.noun} {inputs['name']} stays in"
        if api := self._reachable(call, inputs, f"{what} its data"):
            try:
                api.delete(f"{self.path}/{segment(inputs['name'])}")
            except UnreachableError as error:
                call.log(Severity.WARNING, f"{what} Weaviate's data: {error}")

    def _reachable(self, call: Call, inputs: Values, consequence: str) -> WeaviateApi | None:
        ways = {"Weaviate's container": inputs["server"], "the container in front of Weaviate": inputs.get("through")}
        runs = all(call.if_running(way, consequence, shown=f"{name} {way[:12]}") for name, way in ways.items() if way)
        return api_of(inputs) if runs else None


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


class WeaviateRoleKind(InWeaviateKind):
    """Adds what is missing before it takes away what is too much."""

    declared = WeaviateRole
    path, noun = "authz/roles", "role"

    def compared(self, api: WeaviateApi, real: Any, state: Values, inputs: Values) -> Values | None:  # noqa: D102
        del api, state
        return None if real is None else {"drift": permission_findings(real["permissions"], inputs["permissions"])}

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
