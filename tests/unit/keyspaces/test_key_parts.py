"""Hostile key parts can't leave their keyspace."""

from __future__ import annotations

import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from christmas.blueprint.keyspace_model import Keyspace
from christmas.blueprint.keyspaces_and_ttls import KEYSPACES, MARKET_LATEST, RATE_LIMIT, SESSION, USER_PREFERENCES, keyspace_of
from christmas.blueprint.model import BlueprintError
from tests.support.cases import holds_for


def test_the_four_keyspaces_are_the_specifications() -> None:
    assert {keyspace.pattern: keyspace.ttl.total_seconds() for keyspace in KEYSPACES} == {
        "session:{session_id}": 86_400,
        "rate_limit:{ip_address}": 60,
        "market:{symbol}:latest": 5,
        "user:{user_id}:preferences": 3_600,
    }


@pytest.mark.parametrize(
    ("keyspace", "part", "key"),
    [
        (SESSION, "Zm9v-bar_baz", "session:Zm9v-bar_baz"),
        (RATE_LIMIT, "192.0.2.1", "rate_limit:192.0.2.1"),
        (RATE_LIMIT, "2001:db8::1", "rate_limit:2001:db8::1"),
        (MARKET_LATEST, "BTC/USDT", "market:BTC/USDT:latest"),
        (MARKET_LATEST, "^GSPC", "market:^GSPC:latest"),
        (MARKET_LATEST, "BTC/USDT:USDT", "market:BTC/USDT%3AUSDT:latest"),
        (MARKET_LATEST, "BRK B", "market:BRK%20B:latest"),
        (MARKET_LATEST, "100%", "market:100%25:latest"),
        (MARKET_LATEST, "삼성", "market:%EC%82%BC%EC%84%B1:latest"),
        (MARKET_LATEST, "005930.KS", "market:005930.KS:latest"),
        (USER_PREFERENCES, 42, "user:42:preferences"),
    ],
)
def test_ordinary_parts_are_taken(keyspace: Keyspace, part: str | int, key: str) -> None:
    assert keyspace.key(part) == key
    assert keyspace.part(key) == str(part)


HOSTILE = [
    "",
    "*",
    "?",
    "[a-z]",
    "a b",
    "a\nb",
    "a\r\nDEL x",
    "a\0b",
    "\\",
    '"',
    "'",
    "{x}",
    "é",
    "세션",
    "x" * 201,
    "x" * 10_240,
    "a\n",
    "-\ud800",
]


@pytest.mark.parametrize("part", HOSTILE)
@pytest.mark.parametrize("keyspace", [each for each in KEYSPACES if not each.encodes], ids=lambda each: each.name)
def test_hostile_parts_are_refused_where_nothing_is_encoded(keyspace: Keyspace, part: str) -> None:
    with pytest.raises(BlueprintError, match=f"keyspace {keyspace.name}"):
        keyspace.key(part)


@pytest.mark.parametrize("part", ["AAPL:latest", "x:y", "1:preferences:user:2", "::1"])
def test_a_colon_is_refused_where_it_would_move_the_parts_end(part: str) -> None:
    with pytest.raises(BlueprintError):
        USER_PREFERENCES.key(part)
    assert MARKET_LATEST.key(part).count(":") == 2


@pytest.mark.parametrize("part", ["", "x" * 241, "삼" * 27, "-\ud800"])
def test_parts_that_no_key_can_hold_are_refused_where_parts_are_encoded(part: str) -> None:
    with pytest.raises(BlueprintError, match="keyspace market_latest"):
        MARKET_LATEST.key(part)


@given(part=st.text(st.characters(codec="utf-8"), min_size=1, max_size=20))
def test_every_symbol_that_the_table_holds_has_a_key_of_its_own(part: str) -> None:
    key = MARKET_LATEST.key(part)
    assert MARKET_LATEST.part(key) == part
    assert key.isascii()


@pytest.mark.parametrize("key", ["market:%:latest", "market:%41:latest", "market:%ff:latest", "market:%e3:latest", "market:%FF:latest"])
def test_a_key_that_no_part_is_encoded_to_belongs_to_none(key: str) -> None:
    assert keyspace_of(key) is None


PARTS = st.one_of(st.text(), st.text(alphabet="abAZ09._@/^=+&:-*?[]\\\n\r\0 ", max_size=30))


@holds_for(100, 1000, PARTS, st.sampled_from(KEYSPACES))
def test_whatever_is_taken_stays_in_its_own_keyspace(part: str, keyspace: Keyspace) -> bool:
    try:
        key = keyspace.key(part)
    except BlueprintError:
        return False
    assert [each.name for each in KEYSPACES if fnmatch.fnmatchcase(key, each.glob)] == [keyspace.name]
    assert keyspace.part(key) == part
    assert keyspace_of(key) is keyspace
    assert len(key) < 260
    assert key.isprintable()
    return True


@pytest.mark.parametrize(
    "key", ["", "session:", "sessionx", "market::latest", "market:A:B:latest", "user:1:preferences:x", "rate_limit", "cache:1"]
)
def test_keys_that_no_keyspace_makes_belong_to_none(key: str) -> None:
    assert keyspace_of(key) is None
