"""Cache entries: a few of every keyspace, as the services themselves would write them.

Market candles and preferences come from a seeded database, else from the packaged candles and a default.
"""

from __future__ import annotations

import base64
import csv
import gzip
import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from christmas.blueprint.accounts import writer_of
from christmas.blueprint.keyspace_model import Keyspace, ValueType
from christmas.blueprint.keyspaces_and_ttls import KEYSPACES, MARKET_LATEST, RATE_LIMIT, SESSION, USER_PREFERENCES
from christmas.sessions import id_of
from christmas.values import Raw, encode, fault
from core.progress import Progress
from infra import clients
from infra.connections import Platform
from seed.report import SeedReport

if TYPE_CHECKING:
    import redis

SQL = Path(__file__).parent / "sql"
SESSIONS = 3
ADDRESSES = ("192.0.2.10", "198.51.100.7", "2001:db8::10")
"""Addresses reserved for documentation by RFC 5737 and RFC 3849."""
WRITERS = {declared.name: writer_of(declared.name).name for declared in KEYSPACES}
"""The account that writes each keyspace."""


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """One key and its fields."""

    keyspace: Keyspace
    part: str | int
    values: Mapping[str, Any] = field(repr=False)


def load(platform: Platform, progress: Progress) -> SeedReport:
    """Write missing and expired entries of every keyspace, with their TTL; existing ones stay unchanged.

    Raises PlatformError if an account can't log in, and redis' or psycopg's errors if a server can't be reached.
    """
    started = time.monotonic()
    progress.status("collecting cache entries")
    entries = _entries(platform, progress)
    inserted = updated = unchanged = 0
    for account in sorted(set(WRITERS.values())):
        mine = [entry for entry in entries if WRITERS[entry.keyspace.name] == account]
        with clients.redis_client(platform, account) as client:
            for entry in mine:
                outcome = put(client, entry)
                inserted += outcome == "inserted"
                updated += outcome == "updated"
                unchanged += outcome == "unchanged"
    progress.log(f"cache entries: {len(entries)} keys of {len(KEYSPACES)} keyspaces")
    return SeedReport("cache", inserted, updated, unchanged, time.monotonic() - started)


def put(client: redis.Redis, entry: CacheEntry) -> str:
    """Write one entry with its TTL unless a valid one exists; returns inserted, updated or unchanged."""
    keyspace = entry.keyspace
    key = keyspace.key(entry.part)
    raw = encode(keyspace, entry.values)
    kind, remaining = str(client.type(key)), int(client.pttl(key))
    if kind != "none" and _is_sound(client, keyspace, key, kind, remaining):
        return "unchanged"
    pipeline = client.pipeline(transaction=True)
    pipeline.delete(key)
    if isinstance(raw, dict):
        pipeline.hset(key, items=[item for pair in raw.items() for item in pair])
        pipeline.pexpire(key, keyspace.ttl)
    else:
        pipeline.set(key, raw, px=keyspace.ttl)
    pipeline.execute()
    return "inserted" if kind == "none" else "updated"


def _is_sound(client: redis.Redis, keyspace: Keyspace, key: str, kind: str, remaining: int) -> bool:
    if kind != keyspace.value_type.value or not 0 < remaining <= keyspace.ttl.total_seconds() * 1000:
        return False
    raw: Raw | None = client.hgetall(key) if keyspace.value_type is ValueType.HASH else client.get(key)  # type: ignore[assignment]
    return bool(raw) and fault(keyspace, raw) is None  # type: ignore[arg-type]


def _entries(platform: Platform, progress: Progress) -> list[CacheEntry]:
    now = datetime.now(UTC).replace(microsecond=0)
    people, candles = _from_database(platform)
    entries = [
        CacheEntry(
            SESSION,
            str(id_of(demo_token(platform, person["id"]))),
            {
                "user_id": person["id"],
                "username": person["username"],
                "roles": ["trader"],
                "created_at": now,
                "expires_at": now + SESSION.ttl,
            },
        )
        for person in people[:SESSIONS]
    ]
    entries += [CacheEntry(RATE_LIMIT, address, {"count": count}) for count, address in enumerate(ADDRESSES, 1)]
    entries += [CacheEntry(USER_PREFERENCES, person["id"], person["preferences"]) for person in people]
    complete = [candle for candle in candles if None not in candle.values()] if candles else _packaged_candles()
    if incomplete := len(candles) - len(complete) if candles else 0:
        progress.log(f"{incomplete} symbols have a newest candle without a price or its volume, which is not cached")
    entries += [CacheEntry(MARKET_LATEST, candle.pop("symbol"), candle) for candle in complete]
    return entries


def demo_token(platform: Platform, user_id: int) -> str:
    """The token of a user's demo session: the same in every run, and not guessable without the account's password."""
    secret = platform.secret("api", "redis").encode()
    drawn = hmac.new(secret, f"demo-session:{user_id}".encode(), hashlib.sha256).digest()
    return f"{user_id}.{base64.urlsafe_b64encode(drawn).decode().rstrip('=')}"


def _from_database(platform: Platform) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Users with their preferences, and each symbol's newest candle; a default or empty if not seeded yet."""
    import psycopg
    from psycopg.rows import dict_row

    people: list[dict[str, Any]] = []
    candles: list[dict[str, Any]] = []
    if platform.accounts.get("api") and platform.accounts["api"].postgres:
        with clients.postgres(platform, "api") as connection, connection.cursor(row_factory=dict_row) as cursor:
            try:
                people = cursor.execute((SQL / "cache_people.sql").read_bytes()).fetchall()
                candles = cursor.execute((SQL / "cache_candles.sql").read_bytes()).fetchall()
            except (psycopg.errors.UndefinedTable, psycopg.errors.InsufficientPrivilege):
                connection.rollback()  # not migrated yet: the caches work without it
    preferences = {"theme": "dark", "dashboard_layout": {"columns": 1, "widgets": ["chart"]}, "notification_settings": {"fills": True}}
    default = [{"id": 1, "username": "demo", "preferences": preferences}]
    return people or default, candles


def _packaged_candles() -> list[dict[str, Any]]:
    """The newest real daily candle of each packaged symbol, from bokeh_sampledata's stocks.csv.gz."""
    newest: dict[str, dict[str, Any]] = {}
    with (
        (resources.files("bokeh_sampledata") / "_data" / "stocks.csv.gz").open("rb") as packed,
        gzip.open(packed, "rt", encoding="ascii", newline="") as text,
    ):
        for row in csv.DictReader(text):
            moment = datetime.fromisoformat(row["Date"]).replace(tzinfo=UTC)
            known = newest.get(row["Ticker"])
            if known is None or moment > known["timestamp"]:
                prices = {name: Decimal(row[name.capitalize()]) for name in ("open", "high", "low", "close", "volume")}
                newest[row["Ticker"]] = {"symbol": row["Ticker"], "timestamp": moment, **prices}
    return list(newest.values())
