"""Values of keyspaces: what goes in comes back typed, and what does not fit is refused without showing it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from christmas.blueprint.keyspace_model import Keyspace
from christmas.blueprint.keyspaces_and_ttls import MARKET_LATEST, RATE_LIMIT, SESSION, USER_PREFERENCES
from christmas.values import ValueRefused, decode, encode, fault, size

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SESSION_VALUES: dict[str, Any] = {
    "user_id": 7,
    "username": "민수",
    "roles": ["trader", "admin"],
    "created_at": NOW,
    "expires_at": NOW + SESSION.ttl,
}
CANDLE = {
    "timestamp": NOW,
    "open": Decimal("1.5"),
    "high": Decimal("2"),
    "low": Decimal("1"),
    "close": Decimal("1.7500"),
    "volume": Decimal("1E+3"),
}


@pytest.mark.parametrize(
    ("keyspace", "values"),
    [
        (SESSION, SESSION_VALUES),
        (SESSION, {**SESSION_VALUES, "user_agent": "curl/8"}),
        (RATE_LIMIT, {"count": 3}),
        (MARKET_LATEST, CANDLE),
        (MARKET_LATEST, {**CANDLE, "timestamp": NOW.astimezone(timezone(timedelta(hours=9)))}),
        (USER_PREFERENCES, {}),
        (
            USER_PREFERENCES,
            {"theme": "어두운", "dashboard_layout": [["a"], {"b": None}], "notification_settings": {"fills": True}, "language": "ko"},
        ),
    ],
)
def test_values_come_back_as_they_went_in(keyspace: Keyspace, values: dict[str, Any]) -> None:
    raw = encode(keyspace, values)
    assert decode(keyspace, raw) == values
    assert fault(keyspace, raw) is None


@pytest.mark.parametrize(
    ("keyspace", "values", "rule"),
    [
        (SESSION, {key: value for key, value in SESSION_VALUES.items() if key != "user_id"}, "lacks user_id"),
        (SESSION, {**SESSION_VALUES, "user_id": "7"}, "field user_id is not integer"),
        (SESSION, {**SESSION_VALUES, "user_id": True}, "field user_id is not integer"),
        (SESSION, {**SESSION_VALUES, "created_at": NOW.replace(tzinfo=None)}, "field created_at is not timestamp"),
        (SESSION, {**SESSION_VALUES, "roles": "trader"}, "field roles is not text_list"),
        (SESSION, {**SESSION_VALUES, "username": "x" * 5000}, "over its bound of 4096"),
        (RATE_LIMIT, {"count": 1.5}, "field count is not integer"),
        (RATE_LIMIT, {"count": 1, "since": 2}, "does not declare since"),
        (MARKET_LATEST, {**CANDLE, "open": 1.5}, "field open is not decimal"),
        (MARKET_LATEST, {**CANDLE, "open": Decimal("NaN")}, "field open is not decimal"),
        (MARKET_LATEST, {**CANDLE, "note": "x"}, "does not declare note"),
        (USER_PREFERENCES, {"theme": 1}, "field theme is not text"),
        (USER_PREFERENCES, {"dashboard_layout": float("nan")}, "field dashboard_layout is not json"),
        (USER_PREFERENCES, {"dashboard_layout": {"x": "y" * 20_000}}, "over its bound of 16384"),
    ],
)
def test_what_does_not_fit_is_refused(keyspace: Keyspace, values: dict[str, Any], rule: str) -> None:
    with pytest.raises(ValueRefused, match=rule):
        encode(keyspace, values)


@pytest.mark.parametrize(
    ("keyspace", "raw", "rule"),
    [
        (SESSION, "text", "expected a hash"),
        (SESSION, {}, "lacks created_at, expires_at, roles, user_id, username"),
        (RATE_LIMIT, {"count": "1"}, "expected a string"),
        (RATE_LIMIT, "many", "field count is not integer"),
        (
            MARKET_LATEST,
            {"timestamp": "yesterday", "open": "1", "high": "1", "low": "1", "close": "1", "volume": "1"},
            "timestamp is not timestamp",
        ),
        (
            MARKET_LATEST,
            {"timestamp": NOW.isoformat(), "open": "inf", "high": "1", "low": "1", "close": "1", "volume": "1"},
            "open is not decimal",
        ),
        (USER_PREFERENCES, "[]", "not a JSON object"),
        (USER_PREFERENCES, "{", "not JSON"),
        (USER_PREFERENCES, '{"theme": "\udcff"}', "not UTF-8"),
        (SESSION, {"user_id": "1", "\udcff": "x"}, "not UTF-8"),
        (USER_PREFERENCES, '{"theme": 3}', "theme is not text"),
        (USER_PREFERENCES, '{"x": "' + "y" * 20_000 + '"}', "over its bound"),
    ],
)
def test_stored_values_of_another_shape_are_faults(keyspace: Keyspace, raw: Any, rule: str) -> None:
    message = fault(keyspace, raw)
    assert message is not None
    assert rule in message


def test_a_refusal_never_shows_the_value() -> None:
    with pytest.raises(ValueRefused) as refused:
        encode(SESSION, {**SESSION_VALUES, "user_id": "very-secret-token"})
    assert "very-secret-token" not in str(refused.value)


@given(
    st.dictionaries(
        st.text(max_size=10).filter(lambda name: name not in {"theme"}),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=20),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
            max_leaves=8,
        ),
        max_size=6,
    )
)
def test_any_json_preferences_survive(values: dict[str, Any]) -> None:
    raw = encode(USER_PREFERENCES, values)
    assert decode(USER_PREFERENCES, raw) == values
    assert size(raw) == len(str(raw).encode())


def test_lists_are_written_as_other_languages_do() -> None:
    """Redis compares bytes: two programs that write the same roles write the same text."""
    raw = encode(SESSION, {**SESSION_VALUES, "roles": ["trader", "관리자"]})
    assert isinstance(raw, dict)
    assert raw["roles"] == '["trader","관리자"]'
