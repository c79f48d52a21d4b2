"""What tasks make is made once and whole, and no check calls something broken that was only slow, cut or asked twice."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psycopg
import pytest
import redis
from weaviate.exceptions import WeaviateBaseError

from backup.proving import logins
from backup.weaviate import back_up as weaviate_store
from christmas.blueprint.collections_and_properties import CHRISTMAS_DOCUMENT
from christmas.blueprint.keyspaces_and_ttls import SESSION
from core.errors import PlatformError
from infra import clients
from infra.connections import Platform
from migrations import run as migrations
from migrations.schema.drift import drift
from monitor import checks, wire
from seed import cache, schema_plan
from seed.candle_files.load import load_files
from tests.integration.troubled.conftest import Wired
from tests.support import collection_drift
from tests.support.postgres_server import ScratchServer
from tests.support.troubled import Kind, Trouble, Wire, through
from tests.support.troubled.postgres import postgres_way

RARER = (Kind.NOT_SENT, Kind.TWICE)
MOST = 12
"""Requests that are troubled one by one, spread over all that there are."""


@dataclasses.dataclass
class Patience:
    """How many seconds a client waits."""

    seconds: float = 60.0


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> Patience:
    wanted = Patience()
    for module in (clients, logins, wire):
        monkeypatch.setattr(module, "patience", lambda _: wanted.seconds)
    return wanted


def spread(requests: int) -> list[int]:
    return sorted({at * requests // MOST for at in range(MOST)})


def statuses(platform: Platform, names: list[str]) -> dict[str, str]:
    return {each.name: str(each.status) for each in checks.run(platform, names, timeout=120)}


@dataclasses.dataclass
class Look:
    """What the checks said with a trouble, and without one."""

    trouble: Trouble
    found: dict[str, str]
    clean: dict[str, str]

    def worse(self) -> dict[str, str]:
        """What is called broken, or about to be, that was not without the trouble."""
        return {name: status for name, status in self.found.items() if status not in ("ok", "unknown", self.clean[name])}


def look(wired: Wired, store: str, kind: Kind, patience: Patience, positions: list[int] | None = None) -> list[Look]:
    platform, line = wired
    line.reset(None)
    clean = statuses(platform, [store])
    looks = []
    for first in positions if positions is not None else spread(len(line.requests)):
        # From there on everything is troubled: a single late answer would be made good by the next try.
        trouble = Trouble(kind, first, count=10_000)
        line.reset(trouble)
        patience.seconds = 1.0 if kind is Kind.LATE else 60.0
        looks.append(Look(trouble, statuses(platform, [store]), clean))
        patience.seconds = 60.0
        line.reset(None)
    return looks


@pytest.mark.parametrize("kind", [Kind.LATE, Kind.CUT, *(pytest.param(each, marks=pytest.mark.exhaustive) for each in RARER)])
def test_logins_that_are_late_or_cut_are_unknown(redis_wire: Wired, patience: Patience, kind: Kind) -> None:
    (only,) = look(redis_wire, "redis.accounts", kind, patience, [0])
    assert only.found == {"redis.accounts": "ok" if kind is Kind.TWICE else "unknown"}


@pytest.mark.exhaustive
@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("store", ["postgres", "redis", "weaviate"])
def test_no_check_calls_broken_what_it_could_not_learn(request: pytest.FixtureRequest, patience: Patience, store: str, kind: Kind) -> None:
    looks = look(request.getfixturevalue(f"{store}_wire"), store, kind, patience)
    assert looks
    assert [(each.trouble, each.worse()) for each in looks if each.worse()] == []


def session(part: str) -> cache.CacheEntry:
    now = datetime.now(UTC).replace(microsecond=0)
    values = {"user_id": 1, "username": "kim", "roles": ["trader"], "created_at": now, "expires_at": now + SESSION.ttl}
    return cache.CacheEntry(SESSION, part, values)


def put(platform: Platform, entry: cache.CacheEntry) -> str:
    with clients.redis_client(platform, "api") as client:
        return cache.put(client, entry)


@pytest.mark.exhaustive
def test_a_cache_entry_is_whole_whatever_happens_to_its_requests(redis_wire: Wired) -> None:
    platform, line = redis_wire
    line.reset(None)
    put(platform, session("a" * 32))
    requests = list(line.requests)
    assert "MULTI" in requests
    for kind in (Kind.TWICE, Kind.CUT, Kind.NOT_SENT):
        for first in range(len(requests)):
            entry = session(f"{kind.name.lower()}{first}".ljust(32, "x"))
            line.reset(Trouble(kind, first))
            with contextlib.nullcontext() if kind is Kind.TWICE else contextlib.suppress(redis.RedisError):
                put(platform, entry)
            line.reset(None)
            assert put(platform, entry) in {"unchanged", "inserted"}
            with clients.redis_client(platform, "api") as client:
                assert client.hget(SESSION.key(entry.part), "username") == "kim"
                assert client.pttl(SESSION.key(entry.part)) > 0


def make_collection(platform: Platform) -> None:
    with clients.weaviate_client(platform, "indexer") as client:
        profile = CHRISTMAS_DOCUMENT.profile("embedded")
        schema_plan.finish(client, CHRISTMAS_DOCUMENT, schema_plan.prepare(client, CHRISTMAS_DOCUMENT, profile))


def made_collection(platform: Platform) -> list[str]:
    with clients.weaviate_client(platform, "indexer") as client:
        return collection_drift.drift(client, CHRISTMAS_DOCUMENT, CHRISTMAS_DOCUMENT.profile("embedded"))


def remove_collections(platform: Platform) -> None:
    with clients.weaviate_client(platform, "root") as client:
        for name in client.alias.list_all():
            client.alias.delete(alias_name=name)
        client.collections.delete_all()


def creating_requests(wired: Wired) -> list[int]:
    platform, line = wired
    remove_collections(platform)
    line.reset(None)
    make_collection(platform)
    return [at for at, label in enumerate(line.requests) if label.startswith(("POST", "PUT"))]


@pytest.mark.exhaustive
def test_a_collection_whose_creation_is_carried_twice_or_not_answered(weaviate_wire: Wired) -> None:
    platform, line = weaviate_wire
    posts = creating_requests(weaviate_wire)
    assert len(posts) >= 2  # the collection, the alias
    for kind in (Kind.TWICE, Kind.CUT):
        for first in posts:
            remove_collections(platform)
            line.reset(Trouble(kind, first))
            make_collection(platform)
            assert line.met, (kind, first)
            line.reset(None)
            assert made_collection(platform) == []
    remove_collections(platform)


@pytest.mark.exhaustive
@pytest.mark.parametrize("kind", list(Kind))
def test_a_collection_is_made_whatever_happens_to_any_request(weaviate_wire: Wired, patience: Patience, kind: Kind) -> None:
    platform, line = weaviate_wire
    creating_requests(weaviate_wire)
    requests = list(line.requests)
    assert requests
    for first in range(len(requests)):
        remove_collections(platform)
        line.reset(Trouble(kind, first))
        patience.seconds = 3.0 if kind is Kind.LATE else 60.0
        with contextlib.nullcontext() if kind is Kind.TWICE else contextlib.suppress(WeaviateBaseError, PlatformError, httpx.HTTPError):
            make_collection(platform)
        patience.seconds = 60.0
        line.reset(None)
        make_collection(platform)
        assert made_collection(platform) == [], (kind, first)
    remove_collections(platform)


def backed_up(platform: Platform, backup_id: str) -> None:
    with clients.weaviate_client(platform, "backup") as client:
        weaviate_store._start(client, backup_id, None)
        weaviate_store._wait(client, backup_id)


@pytest.mark.parametrize("kind", [Kind.TWICE, pytest.param(Kind.CUT, marks=pytest.mark.exhaustive)])
def test_a_backup_that_was_asked_for_twice_or_not_answered_is_made_once(weaviate_wire: Wired, kind: Kind) -> None:
    platform, line = weaviate_wire
    remove_collections(platform)
    make_collection(platform)
    line.reset(None)
    backed_up(platform, f"20260101-000000-full-{list(Kind).index(kind):04x}")
    asked = next(at for at, label in enumerate(line.requests) if label.startswith("POST") and "/backups/" in label)
    line.reset(Trouble(kind, asked))
    backed_up(platform, f"20260101-000001-full-{list(Kind).index(kind):04x}")
    assert line.met
    line.reset(None)
    remove_collections(platform)


@pytest.fixture
def empty_wire(empty_platform: Platform) -> Iterator[Wired]:
    with through(empty_platform, {"postgres": postgres_way}) as (platform, wires):
        yield platform, wires["postgres"]


def migrate_again_after(trouble: Trouble, wired: Wired) -> None:
    platform, line = wired
    line.reset(trouble)
    with contextlib.suppress(PlatformError, psycopg.Error):
        migrations.upgrade(platform)
    assert line.met, trouble
    line.reset(None)
    migrations.upgrade(platform)
    assert drift(platform) == [], trouble


def commits(line: Wire) -> list[int]:
    return [at for at, label in enumerate(line.requests) if label == "commit"]


@pytest.mark.exhaustive
@pytest.mark.parametrize("kind", list(Kind))
def test_migrations_go_on_after_any_commit_that_was_not_answered(empty_wire: Wired, scratch_server: ScratchServer, kind: Kind) -> None:
    platform, line = empty_wire
    migrations.upgrade(platform)
    found = commits(line)
    assert found
    for first in found:
        scratch_server.fresh_database()
        # A patient client takes a late answer; it has no need to be told to go on.
        migrate_again_after(Trouble(kind, first, seconds=0.5), empty_wire)


@pytest.mark.parametrize("kind", [Kind.CUT, pytest.param(Kind.NOT_SENT, marks=pytest.mark.exhaustive)])
def test_candles_are_loaded_once_though_a_commit_was_not_answered(postgres_wire: Wired, tmp_path: Path, kind: Kind) -> None:
    platform, line = postgres_wire
    path = tmp_path / "candles.csv"
    rows = "\n".join(f"IBM,2024-01-02T14:{minute:02}:00Z,10,12,9,11,{minute}" for minute in range(60))
    path.write_text(f"symbol,timestamp,open,high,low,close,volume\n{rows}\n")
    line.reset(None)
    load_files(platform, [path])
    found = commits(line)
    assert found
    for first in found:
        with psycopg.connect(platform.postgres_url("migrator")) as connection:
            connection.execute("truncate market_data")
        line.reset(Trouble(kind, first))
        with contextlib.suppress(PlatformError, psycopg.Error):
            load_files(platform, [path])
        assert line.met
        line.reset(None)
        load_files(platform, [path])
        with psycopg.connect(platform.postgres_url("migrator")) as connection:
            row = connection.execute("select count(*), sum(volume)::int from market_data").fetchone()
        assert row == (60, sum(range(60)))
