"""Weaviate's requests as the matrix sends them: what each asks for, and in a form that changes nothing where it is let through.

Weaviate decides about rights before it looks whether a thing exists and a request makes sense. So requests name things that don't exist,
or say something that is refused afterwards: 403 is a denial, everything else that was decided later means that the account may.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from christmas.blueprint.collections_and_properties import CHRISTMAS_DOCUMENT

ALIAS = CHRISTMAS_DOCUMENT.name
NOBODY = "christmas-proof-nobody"
_OBJECT = "00000000-0000-4000-8000-000000000000"
# Not the form of an id, so that no backup of that name is ever begun.
_NO_BACKUP = "NOT.AN.ID"


@dataclass(frozen=True, slots=True)
class Thing:
    """What requests are about. `example` is an unused collection name of that kind, `alias` an alias."""

    kind: str
    name: str
    example: str = ""
    alias: str = ""


OWN = Thing("collection", "the loader's", f"{CHRISTMAS_DOCUMENT.name}_{CHRISTMAS_DOCUMENT.profiles[0].name}_00000000", ALIAS)
ALIKE = Thing("collection", "of a name alike", f"{CHRISTMAS_DOCUMENT.name}Proof", f"{ALIAS}Proof")
OTHER = Thing("collection", "of strangers", "StrangersProof", "StrangersAlias")
THINGS: tuple[Thing, ...] = (OWN, ALIKE, OTHER, Thing("users", ""), Thing("roles", ""), Thing("server", ""))


@dataclass(frozen=True, slots=True)
class Request:
    """A request and the permissions that it needs, all of them. A denial takes so many `lines` of the log, under the name `logged`.

    `path` and `body` have `{collection}`, `{alias}`, `{role}` and `{account}` (one that is there, and not the asker's own). `on_all`: for
    all collections there are. `listed`: an allowed one would change something, or says nothing where the thing isn't there; the server's
    own list of the account's rights decides, and a request with a path is sent besides.
    """

    kind: str
    action: str
    needs: tuple[str, ...]
    method: str = "GET"
    path: str = ""
    body: Any = None
    on_all: bool = False
    listed: bool = False
    logged: str = ""
    lines: int = 1

    @property
    def logged_permission(self) -> str:
        """The permission that Weaviate's log names where this is denied."""
        return self.logged or self.needs[0]


REQUESTS: tuple[Request, ...] = (
    Request("collection", "read the schema", ("read_collections",), path="schema/{collection}"),
    Request(
        "collection", "create it", ("create_collections",), "POST", "schema", {"class": "{collection}", "vectorIndexType": "no-such-index"}
    ),
    Request("collection", "change it", ("update_collections",), "PUT", "schema/{collection}", {"class": "{collection}"}),
    Request(
        "collection",
        "give it a property",
        ("update_collections", "read_collections"),
        "POST",
        "schema/{collection}/properties",
        {"name": "proof", "dataType": ["text"]},
    ),
    Request("collection", "remove it", ("delete_collections",), "DELETE", "schema/{collection}"),
    Request("collection", "read objects", ("read_data",), path=f"objects/{{collection}}/{_OBJECT}"),
    Request("collection", "ask for objects", ("read_data",), "HEAD", f"objects/{{collection}}/{_OBJECT}"),
    # An array of two types is refused before a collection would be made for it.
    Request(
        "collection", "create objects", ("create_data",), "POST", "objects", {"class": "{collection}", "properties": {"proof": [1, "two"]}}
    ),
    Request(
        "collection",
        "change objects",
        ("update_data",),
        "PATCH",
        f"objects/{{collection}}/{_OBJECT}",
        {"class": "{collection}", "id": _OBJECT, "properties": {"proof": "x"}},
    ),
    Request("collection", "remove objects", ("delete_data",), "DELETE", f"objects/{{collection}}/{_OBJECT}"),
    Request("collection", "read tenants", ("read_tenants",), path="schema/{collection}/tenants/proof"),
    Request("collection", "create tenants", ("create_tenants",), "POST", "schema/{collection}/tenants", [{"name": "proof"}]),
    Request("collection", "change tenants", ("update_tenants",), "PUT", "schema/{collection}/tenants", [{"name": "proof"}]),
    Request("collection", "remove tenants", ("delete_tenants",), "DELETE", "schema/{collection}/tenants", ["proof"]),
    Request("collection", "create its alias", ("create_aliases",), "POST", "aliases", {"alias": "{alias}", "class": "{collection}"}),
    Request("collection", "change its alias", ("update_aliases",), "PUT", "aliases/{alias}", {"class": "{collection}"}),
    Request("collection", "read its alias", ("read_aliases",), path="aliases/{alias}", listed=True),
    Request("collection", "remove its alias", ("delete_aliases",), listed=True),
    Request(
        "collection",
        "back it up",
        ("manage_backups",),
        "POST",
        "backups/filesystem",
        {"id": _NO_BACKUP, "include": ["{collection}"]},
        logged="create_backups",
    ),
    Request(
        "collection",
        "restore it",
        ("manage_backups",),
        "POST",
        f"backups/filesystem/{_NO_BACKUP}/restore",
        {"include": ["{collection}"]},
        logged="create_backups",
    ),
    Request("collection", "see it on the nodes", ("read_nodes",), path="nodes/{collection}?output=verbose"),
    Request("users", "read", ("read_users",), path="users/db/{account}"),
    Request("users", "create", ("create_users",), "POST", "users/db/{account}", {}),
    Request("users", "remove", ("delete_users",), "DELETE", f"users/db/{NOBODY}"),
    Request("users", "change a key", ("update_users",), "POST", f"users/db/{NOBODY}/rotate-key"),
    Request("users", "switch off", ("update_users",), "POST", f"users/db/{NOBODY}/deactivate", {}),
    Request("users", "give a role", ("assign_and_revoke_users",), "POST", f"authz/users/{NOBODY}/assign", {"roles": [NOBODY]}),
    Request("users", "take a role", ("assign_and_revoke_users",), "POST", f"authz/users/{NOBODY}/revoke", {"roles": [NOBODY]}),
    # Whoever may not see all roles is asked about this one, too.
    Request("roles", "read", ("read_roles",), path=f"authz/roles/{NOBODY}", lines=2),
    Request(
        "roles",
        "create",
        ("create_roles",),
        "POST",
        "authz/roles",
        {"name": "{role}", "permissions": [{"action": "read_cluster"}]},
        lines=2,
    ),
    Request("roles", "change", ("update_roles",), listed=True),
    Request("roles", "remove", ("delete_roles",), listed=True),
    Request("server", "see the nodes", ("read_nodes",), path="nodes?output=minimal", on_all=True),
    Request("server", "see the cluster", ("read_cluster",), path="cluster/statistics", on_all=True),
    Request("server", "see distributed tasks", ("read_cluster",), path="tasks", on_all=True),
    Request("server", "ask by GraphQL", ("read_collections",), "POST", "graphql", {"query": "{__typename}"}, on_all=True),
    Request("server", "read every schema", ("read_collections",), listed=True, on_all=True),
    Request("server", "read every object", ("read_data",), path="objects?limit=1", on_all=True),
    Request(
        "server", "end a backup", ("manage_backups",), "DELETE", f"backups/filesystem/{_NO_BACKUP}", on_all=True, logged="delete_backups"
    ),
)
