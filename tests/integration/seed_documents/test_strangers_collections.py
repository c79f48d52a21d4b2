"""What Weaviate's accounts may not do to collections whose names are only alike, and what they learn of the server: docs/adr/0610."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import httpx
import pytest

from christmas.blueprint.accounts import ACCOUNTS
from christmas.blueprint.collections_and_properties import CHRISTMAS_DOCUMENT
from infra import clients
from infra.components.weaviate_container import ROOT_USER
from infra.connections import Platform
from seed.collection import physical_name
from tests.support.cases import in_make_test
from tests.support.weaviate_server import ScratchWeaviate

NARROW = [account.name for account in ACCOUNTS if account.weaviate and account.weaviate.built_in_role is None]
WATCHING = {"backup", "monitor"}
OWN = physical_name(CHRISTMAS_DOCUMENT, CHRISTMAS_DOCUMENT.profile("embedded"))
ALIKE = (
    "ChristmasDocumentary",
    "ChristmasDocument2",
    "ChristmasDocument_tests",
    "ChristmasDocument_other_1a2b3c4d",
    "ChristmasDocument_embedded_1a2b3c4",
    "ChristmasDocument_embedded_1A2B3C4D",
    "ChristmasDocument_embedded_1a2b3c4d_0",
    "ChristmasDocument_embedded_1a2b3c4d_evil",
    "MyChristmasDocument",
)
OBJECT = "7e570000-0000-4000-8000-000000000001"


class Caller:
    """REST as one account."""

    def __init__(self, platform: Platform, account: str) -> None:
        self._url, self._key = platform.weaviate_url(), platform.secret(account, "weaviate")
        self._context = ssl.create_default_context(cafile=str(platform.ca_file))

    def __call__(self, method: str, path: str, body: object = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self._key}"}
        return httpx.request(method, f"{self._url}/v1/{path}", json=body, headers=headers, verify=self._context, timeout=60)


def definition(name: str) -> dict[str, object]:
    return {"class": name, "vectorizer": "none", "properties": [{"name": "content", "dataType": ["text"]}]}


@pytest.fixture(scope="module")
def strangers(weaviate_server: ScratchWeaviate) -> Iterator[Platform]:
    """One collection with each of the names, and an object in it; and one that is the loader's. Nothing else is there."""
    with clients.weaviate_client(weaviate_server.platform, ROOT_USER) as client:
        for alias in client.alias.list_all():
            client.alias.delete(alias_name=alias)
        client.collections.delete_all()
    admin = Caller(weaviate_server.platform, "admin")
    for name in (*ALIKE, OWN):
        make(admin, name)
    yield weaviate_server.platform
    for name in (*ALIKE, OWN):
        admin("DELETE", f"schema/{name}")


def make(admin: Caller, name: str) -> None:
    admin("POST", "schema", definition(name)).raise_for_status()
    admin("POST", "objects", {"class": name, "id": OBJECT, "properties": {"content": "x"}}).raise_for_status()


def attempts(name: str) -> list[tuple[str, str, object]]:
    """Everything that changes or shows a collection's objects."""
    item = {"class": name, "properties": {"content": "y"}}
    return [
        ("POST", "objects", item),
        ("PUT", f"objects/{name}/{OBJECT}", {**item, "id": OBJECT}),
        ("PATCH", f"objects/{name}/{OBJECT}", item),
        ("DELETE", f"objects/{name}/{OBJECT}", None),
        ("POST", f"schema/{name}/properties", {"name": "more", "dataType": ["text"]}),
        ("PUT", f"schema/{name}", definition(name)),
        ("POST", "aliases", {"alias": "ChristmasDocumentAlias", "class": name}),
        ("POST", "aliases", {"alias": CHRISTMAS_DOCUMENT.name, "class": name}),
        ("DELETE", f"schema/{name}", None),
    ]


@pytest.mark.parametrize("account", in_make_test(NARROW, NARROW.index("indexer")))
def test_collections_with_names_alike_are_nobodys(strangers: Platform, account: str) -> None:
    call = Caller(strangers, account)
    let_in = [
        f"{method} {path} {name}: {answer.status_code}"
        for name in ALIKE
        for method, path, body in attempts(name)
        if (answer := call(method, path, body)).status_code != 403
    ]
    assert let_in == []
    made = [name for name in ALIKE if call("POST", "schema", definition(name + "X")).status_code != 403]
    assert made == []
    if account != "backup":  # it reads everything
        assert [name for name in ALIKE if call("GET", f"objects/{name}/{OBJECT}").status_code != 403] == []


def test_the_loaders_own_are_the_loaders(strangers: Platform) -> None:
    call, name = Caller(strangers, "indexer"), physical_name(CHRISTMAS_DOCUMENT, CHRISTMAS_DOCUMENT.profile("embedded"), 2)
    assert call("POST", "schema", definition(name)).status_code == 200
    assert call("GET", f"objects/{OWN}/{OBJECT}").status_code == 200
    assert call("POST", "aliases", {"alias": "ChristmasDocumentAlias", "class": name}).status_code == 403
    assert call("POST", "aliases", {"alias": CHRISTMAS_DOCUMENT.name, "class": name}).status_code == 200
    assert call("DELETE", f"aliases/{CHRISTMAS_DOCUMENT.name}").status_code == 204
    assert call("DELETE", f"schema/{name}").status_code == 200


@pytest.mark.parametrize("account", [name for name in NARROW if name not in WATCHING])
def test_who_does_not_watch_learns_nothing_of_what_is_stored(strangers: Platform, account: str) -> None:
    """Weaviate answers a verbose question to everybody who has a key, and leaves out what an account may not see."""
    call = Caller(strangers, account)
    for path in ("nodes", f"nodes/{OWN}", f"nodes/{OWN}?output=verbose", "cluster/statistics", "authz/roles/backup"):
        assert call("GET", path).status_code == 403, path
    assert {each["userId"] for each in call("GET", "users/db").json()} <= {account}
    answer = call("GET", "nodes?output=verbose").json()
    assert [node.get("shards") or [] for node in answer["nodes"]] == [[]]
    assert all(not count for node in answer["nodes"] for count in (node.get("stats") or {}).values())
    watching = Caller(strangers, "monitor")("GET", "nodes?output=verbose").json()
    assert OWN in {shard["class"] for node in watching["nodes"] for shard in node["shards"]}
