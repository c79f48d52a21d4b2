"""Weaviate's database users, each with its own key, which can be replaced at run time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from airgap.toolchain.plugin.wire import UNKNOWN
from core.errors import PlatformError
from infra.provider.declaration import Input, Output, gives, takes
from infra.provider.kind import Call, Values
from infra.provider.weaviate_api import WeaviateApi, segment
from infra.provider.weaviate_role import InWeaviate, InWeaviateKind, api_of

_KEY_TRIES = 3
_KEY_IS_REFUSED = "its recorded key is refused"


def user_findings(real: dict[str, Any], declared_roles: list[str], *, key_works: bool) -> list[str]:
    """Differences between a user and the declared one."""
    roles, expected = set(real.get("roles") or ()), set(declared_roles)
    findings = [] if real.get("active", True) else ["is deactivated"]
    findings += [f"lacks role {role}" for role in sorted(expected - roles)]
    findings += [f"has role {role}, which is not declared" for role in sorted(roles - expected)]
    return findings + ([] if key_works else [_KEY_IS_REFUSED])


class WeaviateUser(InWeaviate):
    """A database user with these roles and a key made by Weaviate. A changed keeper or a refused key makes a new one, in place.

    While `present` is false there is no such user: its key is empty, and the next one is made anew.
    """

    name: Input[str] = takes(replaces=True)
    roles: Input[Sequence[Input[str]]]
    keepers: Input[Mapping[str, Input[str]]] | None = None
    # Without a default, so that older stacks see no change for users that are there.
    present: Input[bool | None] | None = None
    api_key: Output[str] = gives(secret=True)
    drift: Output[list[str]] = gives()


class WeaviateUserKind(InWeaviateKind):
    """Tries each key that it is given before it keeps it."""

    declared = WeaviateUser
    path, noun = "users/db", "user"

    def planned(self, state: Values | None, changed: frozenset[str], inputs: Values) -> Values:  # noqa: D102
        if inputs.get("present") is False:
            return {"api_key": "", "drift": []}
        # Other drift leaves the key as it is: so a preview shows no change of what is made from it.
        renewed = state is None or {"keepers", "present"} & changed or _KEY_IS_REFUSED in state.get("drift", ())
        return {"api_key": UNKNOWN if renewed else (state or {}).get("api_key", UNKNOWN), "drift": []}

    def compared(self, api: WeaviateApi, real: Any, state: Values, inputs: Values) -> Values | None:  # noqa: D102
        if inputs.get("present") is False:
            return state | {"drift": [] if real is None else ["is there, and nobody should log in as it"]}
        if real is None:
            return None
        return state | {"drift": user_findings(real, inputs["roles"], key_works=api.accepts_key(state["api_key"]))}

    def bring(self, call: Call, inputs: Values, state: Values, old: Values) -> Values:  # noqa: D102
        del call
        kept_key = state.get("api_key") or None if old.get("keepers") == inputs.get("keepers") else None
        api, name = api_of(inputs), segment(inputs["name"])
        if inputs.get("present") is False:
            api.delete(f"users/db/{name}")
            return {"api_key": "", "drift": []}
        real, key = api.get(f"users/db/{name}"), None
        if real is None:
            answer = api.create(f"users/db/{name}")
            # It existed already: the user was made by a request whose answer, with the key, got lost.
            key, real = (answer["apikey"], None) if answer else (None, api.get(f"users/db/{name}"))
            if answer is None and real is None:
                raise PlatformError(
                    what=f"Weaviate has a user {inputs['name']} that is not in its database",
                    where=inputs["endpoint"],
                    next_step="remove that name from the server's own configuration, or give this user another one",
                )
        if real is not None and not real.get("active", True):
            api.create(f"users/db/{name}/activate")
        _assign(api, name, set((real or {}).get("roles") or ()), set(inputs["roles"]))
        return {"api_key": _working_key(api, name, (key, kept_key)), "drift": []}


def _working_key(api: WeaviateApi, name: str, known: Iterable[str | None]) -> str:
    """The first of the known keys that the server accepts, else a new one.

    If a request for a key was repeated, the server may have done the lost one last: so each key is tried.
    """
    for key in known:
        if key and api.accepts_key(key):
            return key
    for _ in range(_KEY_TRIES):
        fresh: str = api.post(f"users/db/{name}/rotate-key")["apikey"]
        if api.accepts_key(fresh):
            return fresh
    raise PlatformError(
        what=f"Weaviate does not accept its own new keys for {name}",
        where=api.endpoint,
        next_step="see its log, then `pulumi up` again",
    )


def _assign(api: WeaviateApi, name: str, roles: set[str], expected: set[str]) -> None:
    if missing := sorted(expected - roles):
        api.post(f"authz/users/{name}/assign", {"roles": missing, "userType": "db"})
    if extra := sorted(roles - expected):
        api.post(f"authz/users/{name}/revoke", {"roles": extra, "userType": "db"})
