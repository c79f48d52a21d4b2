"""Everything that the provider makes in a store is made once and whole, whatever happens to any one of its requests."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from infra.provider import weaviate_api
from infra.provider.weaviate_api import WeaviateApi
from tests.integration.provider.kept import Kept
from tests.integration.troubled.conftest import Wired
from tests.support.cases import in_make_test
from tests.support.postgres_server import ScratchServer
from tests.support.troubled import Kind, Trouble, Wire
from tests.support.weaviate_server import ScratchWeaviate

GIVEN_UP_AFTER = 6.0  # seconds; making a key takes Weaviate a second of a processor
_numbers = itertools.count()


def troubles(requests: int) -> Iterator[Trouble]:
    """Each kind of trouble for each of the requests."""
    for kind, first in itertools.product((Kind.TWICE, Kind.CUT, Kind.NOT_SENT, Kind.LATE), range(requests)):
        yield Trouble(kind, first)


class Weaviate:
    """A new role, and a new user with it, made through the wire."""

    def __init__(self, server: ScratchWeaviate, wired: Wired) -> None:
        platform, self.wire = wired
        self.at = {
            "endpoint": platform.weaviate_url(),
            "ca_certificate_pem": platform.ca_file.read_text(),
            "admin_key": platform.secret("root", "weaviate"),
            "server": str(server.container.id),
        }
        self.api = WeaviateApi(server.platform.weaviate_url(), server.platform.ca_file.read_text(), self.at["admin_key"])

    def pair(self) -> tuple[Kept, Kept]:
        name = f"made{next(_numbers)}"
        permissions = [{"action": "read_data", "collection": "Christmas*"}, {"action": "read_nodes", "collection": "*"}]
        role = Kept("WeaviateRole", {**self.at, "name": name, "permissions": permissions})
        return role, Kept("WeaviateUser", {**self.at, "name": name, "roles": [name], "keepers": {"generation": "0"}})

    def make(self, trouble: Trouble | None, *, which: int) -> int:
        """Make a pair, one of the two with this trouble; returns how many requests that one took."""
        pair = self.pair()
        for number, each in enumerate(pair):
            self.wire.reset(trouble if number == which else None)
            each.up()
            if number == which:
                taken = len(self.wire.requests)
                assert trouble is None or self.wire.met, f"{trouble} met nothing"
        self.wire.reset(None)
        name, key = pair[1].inputs["name"], str((pair[1].state or {})["api_key"])
        assert self.api.accepts_key(key), trouble
        assert self.api.get(f"users/db/{name}")["roles"] == [name], trouble  # type: ignore[index]
        assert [each.refresh() for each in pair] == [[], []], trouble
        for each in reversed(pair):
            each.destroy()
        return taken


@pytest.fixture
def made(weaviate: ScratchWeaviate, weaviate_wire: Wired, monkeypatch: pytest.MonkeyPatch) -> Weaviate:
    monkeypatch.setattr(weaviate_api, "_TIMEOUT_SECONDS", GIVEN_UP_AFTER)
    monkeypatch.setattr(weaviate_api, "patience", lambda seconds: seconds)
    return Weaviate(weaviate, weaviate_wire)


@pytest.mark.exhaustive
@pytest.mark.parametrize("kind", [Kind.TWICE, Kind.LATE])
def test_a_user_whose_creation_was_answered_too_late_or_twice(made: Weaviate, kind: Kind) -> None:
    # The first request looks whether there is one, the second makes it.
    made.make(Trouble(kind, 1), which=1)


@pytest.mark.exhaustive
@pytest.mark.parametrize("which", [0, 1], ids=["role", "user"])
def test_any_trouble_with_any_request_to_weaviate(made: Weaviate, which: int) -> None:
    for trouble in troubles(made.make(None, which=which)):
        made.make(trouble, which=which)


def inside(server: ScratchServer, kind: str, name: str) -> Kept:
    at: dict[str, Any] = {"container": str(server.container.name), "server": str(server.container.id)}
    if kind == "role":
        return Kept("PostgresRole", {**at, "name": name, "password": "p" * 20, "settings": {"work_mem": "8MB"}})
    return Kept("PostgresDatabase", {**at, "name": name, "owner": "migrator", "extensions": ["pg_stat_statements"]})


Afresh = Callable[[Callable[[], Any]], Any]


def make_inside(resource: Kept, wire: Wire, afresh: Afresh, trouble: Trouble | None) -> int:
    """Make a resource through the engine's wire, with this trouble; returns how many requests that took."""
    wire.reset(trouble)
    afresh(resource.up)
    taken = len(wire.requests)
    assert trouble is None or wire.met, f"{trouble} met nothing"
    wire.reset(None)
    assert afresh(resource.refresh) == [], trouble
    return taken


def clean_requests(resource: Kept, wire: Wire, afresh: Afresh) -> list[str]:
    make_inside(resource, wire, afresh, None)
    wire.reset(None)
    afresh(Kept(resource.kind_name, resource.inputs).up)
    return list(wire.requests)


@pytest.mark.parametrize("kind", in_make_test([Kind.CUT, Kind.TWICE], 1))
def test_a_role_whose_statements_were_carried_out_and_not_answered(
    scratch_server: ScratchServer, engine_wire: Wire, afresh: Afresh, kind: Kind
) -> None:
    starts = [
        at for at, each in enumerate(clean_requests(inside(scratch_server, "role", "wired"), engine_wire, afresh)) if "/start" in each
    ]
    for first in (starts[0], starts[-1]):  # what is there; and the statements that make it so
        make_inside(inside(scratch_server, "role", f"wired{next(_numbers)}"), engine_wire, afresh, Trouble(kind, first))


@pytest.mark.exhaustive
@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("resource", ["role", "database"])
def test_any_trouble_with_any_request_of_a_role_and_a_database(
    scratch_server: ScratchServer, engine_wire: Wire, afresh: Afresh, resource: str, kind: Kind
) -> None:
    requests = clean_requests(inside(scratch_server, resource, "wired_all"), engine_wire, afresh)
    for first in range(len(requests)):
        make_inside(inside(scratch_server, resource, f"wired{next(_numbers)}"), engine_wire, afresh, Trouble(kind, first, seconds=0.5))
