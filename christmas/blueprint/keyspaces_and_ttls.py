"""The Redis keyspaces: every key of the platform, and its lifetime."""

from __future__ import annotations

from datetime import timedelta

from christmas.blueprint.keyspace_model import FieldType, KeyField, Keyspace, NameTells, ValueType

SESSION = Keyspace(
    name="session",
    pattern="session:{session_id}",
    comment="Who is logged in; the id is the user's number and the SHA-256 of the token that the client alone has",
    value_type=ValueType.HASH,
    name_tells=NameTells.USER,
    fields=(
        KeyField("user_id", FieldType.INTEGER),
        KeyField("username", FieldType.TEXT),
        KeyField("roles", FieldType.TEXT_LIST),
        KeyField("created_at", FieldType.TIMESTAMP),
        KeyField("expires_at", FieldType.TIMESTAMP),
    ),
    ttl=timedelta(hours=24),
    max_bytes=4096,
    extra_fields=FieldType.TEXT,
    hashed=True,
)

RATE_LIMIT = Keyspace(
    name="rate_limit",
    pattern="rate_limit:{ip_address}",
    comment="Requests of one address in the running minute",
    value_type=ValueType.STRING,
    name_tells=NameTells.ADDRESS,
    fields=(KeyField("count", FieldType.INTEGER),),
    ttl=timedelta(minutes=1),
    max_bytes=64,
    encoding="integer",
)
CLIENT_PREFIX_BITS = {4: 32, 6: 64}
"""By IP version, the prefix length that identifies a client: addresses with the same prefix share a `rate_limit` counter.

A /64 is one link, the smallest assignment to a customer (RFC 6177), and its owner has 2^64 addresses.
"""

MARKET_LATEST = Keyspace(
    name="market_latest",
    pattern="market:{symbol}:latest",
    comment="The newest candle of a symbol",
    value_type=ValueType.HASH,
    name_tells=NameTells.NOTHING,
    fields=(
        KeyField("timestamp", FieldType.TIMESTAMP),
        KeyField("open", FieldType.DECIMAL),
        KeyField("high", FieldType.DECIMAL),
        KeyField("low", FieldType.DECIMAL),
        KeyField("close", FieldType.DECIMAL),
        KeyField("volume", FieldType.DECIMAL),
    ),
    ttl=timedelta(seconds=5),
    max_bytes=1024,
    encodes=True,
)

USER_PREFERENCES = Keyspace(
    name="user_preferences",
    pattern="user:{user_id}:preferences",
    comment="A copy of user_profiles.preferences",
    value_type=ValueType.STRING,
    name_tells=NameTells.USER,
    fields=(
        KeyField("theme", FieldType.TEXT, required=False),
        KeyField("dashboard_layout", FieldType.JSON, required=False),
        KeyField("notification_settings", FieldType.JSON, required=False),
    ),
    ttl=timedelta(hours=1),
    max_bytes=16_384,
    encoding="json",
    extra_fields=FieldType.JSON,
)

KEYSPACES: tuple[Keyspace, ...] = (SESSION, RATE_LIMIT, MARKET_LATEST, USER_PREFERENCES)


def keyspace(name: str) -> Keyspace:
    """The keyspace of that name; KeyError if the blueprint has none."""
    for candidate in KEYSPACES:
        if candidate.name == name:
            return candidate
    raise KeyError(f"the blueprint declares no keyspace {name!r}")


def keyspace_of(key: str) -> Keyspace | None:
    """The keyspace that a key belongs to, or None for a key that no keyspace could have made."""
    return next((candidate for candidate in KEYSPACES if candidate.part(key) is not None), None)


def keyspace_covering(key: str) -> Keyspace | None:
    """The keyspace with a pattern that the key matches, whoever wrote it and whatever its part; None if there is none."""
    return next((candidate for candidate in KEYSPACES if candidate.covers(key)), None)


def shown_key(key: str, most: int = 60) -> str:
    r"""The beginning of a key for people, quoted; bytes that are not UTF-8, which arrive as lone surrogates, as `\xff`."""
    text = key[:most].encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    # Characters that a terminal interprets or does not show.
    return "'" + "".join(character if character.isprintable() else character.encode("unicode_escape").decode() for character in text) + "'"
