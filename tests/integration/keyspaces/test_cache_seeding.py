"""Cache entries against a real Redis, as the accounts that write them."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import redis

from christmas.blueprint.keyspace_model import Keyspace, ValueType
from christmas.blueprint.keyspaces_and_ttls import KEYSPACES, MARKET_LATEST, SESSION, USER_PREFERENCES, keyspace_of
from christmas.sessions import Sessions, id_of
from christmas.values import fault
from core.progress import SilentProgress
from infra import clients
from infra.connections import Platform
from seed import cache
from seed.report import SeedReport
from tests.integration.keyspaces.conftest import in_time

# The specification's own, in seconds.
EXPIRIES = {"session": 24 * 3600, "rate_limit": 60, "market": 5, "user": 3600}


def _all(client: redis.Redis) -> dict[str, tuple[str, int]]:
    return {key: (str(client.type(key)), int(client.pttl(key))) for key in client.scan_iter()}


def test_every_keyspace_gets_sound_entries_with_its_expiry(redis_platform: Platform) -> None:
    def loaded() -> tuple[SeedReport, dict[str, tuple[str, int]]]:
        report = cache.load(redis_platform, SilentProgress())
        with clients.redis_client(redis_platform, "monitor") as client:
            return report, _all(client)

    report, found = in_time(redis_platform, loaded)
    assert report.inserted == len(found) == report.changed
    assert {each.name for key in found if (each := keyspace_of(key))} == {each.name for each in KEYSPACES}
    for key, (kind, ttl) in found.items():
        keyspace = keyspace_of(key)
        assert keyspace is not None, key
        assert kind == keyspace.value_type.value
        expiry = EXPIRIES[key.partition(":")[0]] * 1000
        # Looked at right after: of what lives for hours nearly all is left.
        assert (expiry * 0.9 if expiry > 60_000 else 0) < ttl <= expiry, key


def test_values_are_what_the_blueprint_declares(redis_platform: Platform) -> None:
    def loaded() -> dict[Keyspace, list[Any]]:
        cache.load(redis_platform, SilentProgress())
        with clients.redis_client(redis_platform, "api") as client:
            return {
                keyspace: [
                    client.hgetall(key) if keyspace.value_type is ValueType.HASH else client.get(key)
                    for key in client.scan_iter(match=keyspace.glob)
                ]
                for keyspace in KEYSPACES
            }

    values = in_time(redis_platform, loaded)
    assert [keyspace.name for keyspace, raws in values.items() if not raws] == []
    assert {fault(keyspace, raw) for keyspace, raws in values.items() for raw in raws} == {None}
    for raw in values[USER_PREFERENCES]:
        assert {"theme", "dashboard_layout", "notification_settings"} <= json.loads(str(raw)).keys()


def test_candles_without_a_database_are_the_real_newest_ones(redis_platform: Platform) -> None:
    def loaded() -> object:
        cache.load(redis_platform, SilentProgress())
        with clients.redis_client(redis_platform, "api") as client:
            return client.hgetall(MARKET_LATEST.key("MSFT"))

    assert in_time(redis_platform, loaded) == {
        "timestamp": "2013-03-01T00:00:00+00:00",
        "open": "27.72", "high": "27.98", "low": "27.52", "close": "27.95", "volume": "34849700",
    }  # fmt: skip


def test_a_second_run_changes_nothing_that_has_not_expired(redis_platform: Platform) -> None:
    def loaded_twice() -> tuple[dict[str, tuple[str, int]], SeedReport, dict[str, tuple[str, int]]]:
        cache.load(redis_platform, SilentProgress())
        with clients.redis_client(redis_platform, "monitor") as client:
            return _all(client), cache.load(redis_platform, SilentProgress()), _all(client)

    before, again, after = in_time(redis_platform, loaded_twice)
    short = {key for key in before if keyspace_of(key) is MARKET_LATEST}
    assert len(short) == 5
    assert (again.inserted, again.updated, again.unchanged) == (0, 0, len(before))
    lasting = set(before) - short
    assert lasting == {key for key in after if keyspace_of(key) is not MARKET_LATEST}
    assert {key for key in lasting if after[key][1] > before[key][1]} == set()


def test_what_expired_comes_back(redis_platform: Platform) -> None:
    cache.load(redis_platform, SilentProgress())
    time.sleep(MARKET_LATEST.ttl.total_seconds() + 0.2)
    again = cache.load(redis_platform, SilentProgress())
    assert again.inserted == 5
    assert again.updated == 0


@pytest.mark.parametrize("damage", ["wrong type", "no expiry", "wrong shape"])
def test_an_unsound_entry_is_replaced(redis_platform: Platform, damage: str) -> None:
    cache.load(redis_platform, SilentProgress())
    key = USER_PREFERENCES.key(1)
    with clients.redis_client(redis_platform, "api") as client, clients.redis_client(redis_platform, "admin") as admin:
        match damage:
            case "wrong type":
                admin.delete(key)
                admin.hset(key, "theme", "dark")
            case "no expiry":
                admin.persist(key)
            case _:
                client.set(key, '{"theme":3}', ex=100)
        report = cache.load(redis_platform, SilentProgress())
        assert report.updated == 1
        assert client.ttl(key) > 3000


def test_session_ids_can_not_be_guessed_and_stay_the_same(redis_platform: Platform) -> None:
    cache.load(redis_platform, SilentProgress())
    token = cache.demo_token(redis_platform, 1)
    with clients.redis_client(redis_platform, "api") as client:
        ids = {SESSION.part(key) for key in client.scan_iter(match=SESSION.glob)}
        assert ids == {id_of(token)}
        read = Sessions(client).read(token)
        assert read is not None
        assert read.username == "demo"
    assert token not in str(ids)
    assert len(token) > 40


@pytest.mark.parametrize(
    ("account", "key", "commands"),
    [
        ("api", "session:x", ["HMSET {} username minji", "HINCRBY {} seen 1", "EXPIREAT {} 4000000000", "EXPIRE {} 60"]),
        ("api", "rate_limit:10.0.0.1", ["SETEX {} 60 1", "DECR {}", "GETEX {} EX 60"]),
        ("api", "user:1:preferences", ["SET {} x EX 60", "GETDEL {}", "PSETEX {} 60000 x"]),
        ("ingest", "market:AAPL:latest", ["HMSET {} open 1", "PEXPIRE {} 60000"]),
        ("app", "user:1:preferences", ["SETEX {} 60 x"]),
        ("app", "market:AAPL:latest", ["HSET {} open 1", "EXPIRE {} 60"]),
    ],
)
def test_what_applications_commonly_write_is_taken(redis_platform: Platform, account: str, key: str, commands: list[str]) -> None:
    with clients.redis_client(redis_platform, account) as client:
        for command in commands:
            client.execute_command(*command.format(key).split())
        assert 0 < int(client.pttl(key)) <= 60_000


@pytest.mark.parametrize(
    ("account", "command"),
    [
        ("ingest", ("SET", "session:x", "1")),
        ("ingest", ("GET", "user:1:preferences")),
        ("api", ("HSET", "market:AAPL:latest", "open", "1")),
        ("api", ("SET", "other:1", "1")),
        # What would make a key of another type, or one that never expires.
        ("api", ("SET", "session:x", "1")),
        ("api", ("HSET", "rate_limit:10.0.0.1", "count", "1")),
        ("api", ("INCR", "user:1:preferences")),
        ("api", ("PERSIST", "session:x")),
        ("api", ("SETNX", "rate_limit:10.0.0.1", "1")),
        ("ingest", ("SETEX", "market:AAPL:latest", "5", "{}")),
        ("ingest", ("HINCRBYFLOAT", "market:AAPL:latest", "volume", "1")),
        ("api", ("EVAL", "return 1", "0")),
        ("api", ("FLUSHALL",)),
        ("monitor", ("SET", "session:x", "1")),
        ("monitor", ("GET", "session:x")),
        ("backup", ("DEL", "session:x")),
    ],
)
def test_what_the_blueprint_does_not_allow_is_refused(redis_platform: Platform, account: str, command: tuple[str, ...]) -> None:
    with clients.redis_client(redis_platform, account) as client, pytest.raises(redis.exceptions.NoPermissionError):
        client.execute_command(*command)
