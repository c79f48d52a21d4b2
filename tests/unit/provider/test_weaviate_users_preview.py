"""What a preview promises of a Weaviate user's key."""

from __future__ import annotations

from airgap.toolchain.plugin.wire import UNKNOWN
from infra.provider.weaviate_user import WeaviateUserKind, user_findings

STATE = {"api_key": "known", "drift": []}


def promised(drift: list[str], changed: frozenset[str] = frozenset({"drift"})) -> object:
    return WeaviateUserKind().planned({**STATE, "drift": drift}, changed, {"roles": ["rag"]})["api_key"]


def test_another_role_leaves_the_key() -> None:
    real = {"roles": ["viewer"], "active": True}
    assert promised(user_findings(real, ["rag"], key_works=True)) == "known"


def test_a_refused_key_a_new_keeper_and_a_first_user_make_a_new_one() -> None:
    real = {"roles": ["rag"], "active": True}
    assert promised(user_findings(real, ["rag"], key_works=False)) == UNKNOWN
    assert promised([], frozenset({"keepers"})) == UNKNOWN
    assert WeaviateUserKind().planned(None, frozenset({"roles"}), {"roles": ["rag"]})["api_key"] == UNKNOWN
