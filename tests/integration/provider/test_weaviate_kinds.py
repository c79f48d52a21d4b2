"""Roles and users of a real server over TLS: altered by hand, found, told in plain words, put right without a restart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from christmas.blueprint.accounts import ACCOUNTS
from core.errors import PlatformError
from infra.components.weaviate import permission_inputs
from infra.provider.weaviate_api import WeaviateApi
from tests.integration.provider.kept import Kept
from tests.support.weaviate_server import ScratchWeaviate


class Accounts:
    """Every account of the blueprint that Weaviate has, its role before it."""

    def __init__(self, server: ScratchWeaviate) -> None:
        platform = server.platform
        self.at = {
            "endpoint": platform.weaviate_url(),
            "ca_certificate_pem": platform.ca_file.read_text(),
            "admin_key": platform.secret("root", "weaviate"),
            "server": str(server.container.id),
        }
        self.api = WeaviateApi(self.at["endpoint"], self.at["ca_certificate_pem"], self.at["admin_key"])
        self.all: dict[str, Kept] = {}
        for account in ACCOUNTS:
            if account.weaviate is None:
                continue
            role = account.weaviate.built_in_role or account.name
            if account.weaviate.built_in_role is None:
                permissions = [permission_inputs(one) for one in account.weaviate.permissions]
                self.all[f"{account.name} role"] = Kept("WeaviateRole", {**self.at, "name": role, "permissions": permissions})
            self.all[account.name] = Kept(
                "WeaviateUser", {**self.at, "name": account.name, "roles": [role], "keepers": {"generation": "0"}}
            )

    def up(self) -> None:
        for each in self.all.values():
            each.up()

    def refresh(self) -> dict[str, list[str] | None]:
        found = {name: each.refresh() for name, each in self.all.items()}
        return {name: findings for name, findings in found.items() if findings != []}

    def key(self, name: str) -> str:
        return str((self.all[name].state or {})["api_key"])


@pytest.fixture(scope="module")
def accounts(weaviate: ScratchWeaviate) -> Iterator[Accounts]:
    """The scratch server has these users already: they are taken over, with a key of ours and our roles alone."""
    made = Accounts(weaviate)
    made.up()
    yield made
    for each in reversed(made.all.values()):
        if each.state is not None:
            each.destroy()


def test_what_was_there_is_taken_over_and_clean(accounts: Accounts) -> None:
    assert accounts.refresh() == {}
    assert accounts.api.accepts_key(accounts.key("rag"))
    assert accounts.api.get("users/db/rag")["roles"] == ["rag"]  # type: ignore[index]


def test_what_is_altered_by_hand_is_found_and_put_right(accounts: Accounts) -> None:
    scope = {"collection": "Elsewhere", "tenant": "*", "object": "*"}
    by_hand: tuple[tuple[str, Any], ...] = (
        ("authz/roles/rag/add-permissions", {"permissions": [{"action": "delete_data", "data": scope}]}),
        ("authz/roles/monitor/remove-permissions", {"permissions": [{"action": "read_cluster"}]}),
        ("authz/users/rag/assign", {"roles": ["viewer"], "userType": "db"}),
        ("authz/users/indexer/revoke", {"roles": ["indexer"], "userType": "db"}),
        ("users/db/monitor/deactivate", {}),
        ("users/db/indexer/rotate-key", {}),
    )
    for path, body in by_hand:
        accounts.api.post(path, body)
    accounts.api.delete("users/db/backup")
    accounts.api.delete("authz/roles/backup")
    assert accounts.refresh() == {
        "rag role": ["delete_data on collection Elsewhere, object *, tenant * is permitted, but not declared"],
        "monitor role": ["read_cluster is missing"],
        "rag": ["has role viewer, which is not declared"],
        "indexer": ["lacks role indexer", "its recorded key is refused"],
        "monitor": ["is deactivated", "its recorded key is refused"],
        "backup role": None,
        "backup": None,
    }
    monitors_key, rags_key = accounts.key("monitor"), accounts.key("rag")
    accounts.up()
    assert accounts.refresh() == {}
    assert accounts.key("rag") == rags_key
    assert accounts.api.accepts_key(accounts.key("indexer"))
    assert accounts.key("monitor") == monitors_key  # it was not the key that had changed


def test_a_changed_keeper_makes_a_new_key_and_ends_the_old(accounts: Accounts) -> None:
    rag = accounts.all["rag"]
    old = accounts.key("rag")
    rag.inputs = {**rag.inputs, "keepers": {"generation": "1"}}
    assert rag.pending() == {"keepers"}
    rag.up()
    assert accounts.api.accepts_key(accounts.key("rag"))
    assert not accounts.api.accepts_key(old)


def test_another_ca_is_not_trusted_and_a_wrong_key_is_named(accounts: Accounts) -> None:
    from infra.provider.certificates import issue_authority

    strange = Kept("WeaviateRole", {**accounts.all["rag role"].inputs, "ca_certificate_pem": issue_authority("another CA", 1)[1]})
    with pytest.raises(PlatformError, match="certificate is not trusted"):
        strange.up()
    keyless = Kept("WeaviateRole", {**accounts.all["rag role"].inputs, "admin_key": "not-the-key"})
    with pytest.raises(PlatformError, match="does not accept the administrator's key") as failure:
        keyless.up()
    assert "not-the-key" not in str(failure.value)


def test_a_server_that_is_gone_is_no_reason_to_fail_a_refresh_or_a_destroy(accounts: Accounts) -> None:
    for name in ("rag role", "rag"):
        kept = accounts.all[name]
        state, recorded = kept.state, kept.recorded
        kept.recorded = {**recorded, "server": "0123456789abcdef"}
        assert kept.refresh() == []
        kept.destroy()
        assert len(kept.logged) == 2
        kept.state, kept.recorded = state, recorded
    assert accounts.refresh() == {}


def test_unknown_actions_and_built_in_roles_are_refused(accounts: Accounts) -> None:
    kind = accounts.all["rag role"].kind
    _, problems = kind.check({**accounts.all["rag role"].inputs, "permissions": [{"action": "read_everything"}], "name": "root"})
    assert problems == ["input 'name' is built in", "input 'permissions' has the unknown action 'read_everything'"]


@pytest.mark.parametrize("name", ["indexer", "indexer role"])
def test_of_a_server_that_stands_still_the_records_stay(accounts: Accounts, name: str) -> None:
    """A refresh and a destroy go on, and say what they could not do."""
    present = accounts.all[name]
    still = Kept(present.kind_name, present.inputs, present.state, recorded={**present.recorded, "server": "christmas-no-such-container"})
    assert still.refresh() == (present.state or {})["drift"]
    still.destroy()
    noun, login = present.kind_name.removeprefix("Weaviate").lower(), present.inputs["name"]
    assert [line.partition("does not run: ")[2] for line in still.logged] == [
        f"Weaviate {noun} {login} was not compared",
        f"{noun} {login} stays in its data",
    ]
    assert accounts.refresh() == {}
