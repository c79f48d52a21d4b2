"""Loads demo users with profiles, orders, trades and backtests that are consistent with each other and with the candles.

Existing rows stay unchanged, even if somebody edited them: demo data is for experiments.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from christmas.profiles import Profile, Profiles
from christmas.sealed import ring
from christmas.sealed.cipher import FieldCipher
from core.errors import PlatformError
from core.progress import Progress, SilentProgress
from seed.candles import samples
from seed.demo_backtests import ACCOUNT as BACKTEST
from seed.demo_backtests import load_runs
from seed.demo_orders import PlannedOrder, by_symbol, plan
from seed.demo_people import PEOPLE, Person
from seed.report import SeedReport
from seed.statements import load as statement

if TYPE_CHECKING:
    import psycopg

    from infra.connections import Platform

ACCOUNT = "api"
# No account that serves applications may take advisory locks (docs/adr/0011).
LOCK_ACCOUNT = "migrator"
# Any number: two loads at the same time take turns instead of violating each other's unique keys.
_LOCK = 0x64656D6F


def load(platform: Platform, progress: Progress | None = None) -> SeedReport:
    """Insert missing rows; a second run changes nothing.

    Users, orders and trades are one transaction of account `api`, backtests one of account `backtest`.
    Raises PlatformError if the candles for trades and backtests are not loaded.
    """
    from infra.clients import postgres

    progress = progress or SilentProgress()
    started = time.monotonic()
    orders = plan(by_symbol(samples()))
    with postgres(platform, LOCK_ACCOUNT, autocommit=True) as lock:
        # The session holds it until all is loaded; a killed run leaves none behind.
        lock.execute("select pg_advisory_lock(%s)", (_LOCK,))
        inserted, unchanged = _load(platform, orders, progress)
    return SeedReport("demo", inserted, 0, unchanged, time.monotonic() - started)


def _load(platform: Platform, orders: list[PlannedOrder], progress: Progress) -> tuple[int, int]:
    """Insert missing rows; returns how many were inserted, and how many existed."""
    from infra.clients import postgres

    with postgres(platform, ACCOUNT) as connection:
        _refuse_without_candles(connection, orders)
        progress.status("users and profiles")
        people = _load_people(connection, FieldCipher(ring.from_json(platform.field_keys)))
        progress.status("orders and trades")
        traded = _load_orders(connection, orders, progress)
        users = dict(
            connection.execute(
                "select username, id from users where username = any(%s)", ([person.username for person in PEOPLE],)
            ).fetchall()
        )
    with postgres(platform, BACKTEST) as connection:
        progress.status("backtests")
        tried = load_runs(connection, users)
    inserted, unchanged = (sum(counts) for counts in zip(people, traded, tried, strict=True))
    return inserted, unchanged


def _refuse_without_candles(connection: psycopg.Connection, orders: list[PlannedOrder]) -> None:
    fills = [(order.symbol, trade) for order in orders for trade in order.trades]
    missing = connection.execute(
        statement("fills_outside_candles"),
        {
            "symbols": [symbol for symbol, _ in fills],
            "days": [trade.timestamp.replace(hour=0, minute=0, second=0) for _, trade in fills],
            "prices": [trade.price for _, trade in fills],
        },
    ).fetchone()
    if missing is not None:
        raise PlatformError(
            f"the demo trades don't fit the candles: {missing[0]} has none for {missing[1]:%Y-%m-%d}, or a different one from the samples'",
            where="market_data",
            next_step="load the sample candles first: invoke seed.market",
        )


def _load_people(connection: psycopg.Connection, cipher: FieldCipher) -> tuple[int, int]:
    from argon2 import PasswordHasher

    missing = {
        row[0] for row in connection.execute(statement("missing_users"), {"usernames": [person.username for person in PEOPLE]}).fetchall()
    }
    hasher, profiles = PasswordHasher(), Profiles(cipher)
    inserted = 0
    for person in PEOPLE:
        if person.username in missing:
            # Nobody knows the password: to log in as a demo user, set a new one.
            _insert_user(connection, person, hasher.hash(secrets.token_urlsafe(32)))
            inserted += 1
        inserted += _insert_profile(connection, person, profiles)
    return inserted, 2 * len(PEOPLE) - inserted


def _insert_user(connection: psycopg.Connection, person: Person, password_hash: str) -> None:
    connection.execute(
        "insert into users (username, email, password_hash, is_active, created_at, updated_at) values (%s, %s, %s, %s, %s, %s)",
        (person.username, person.email, password_hash, person.active, person.joined, person.joined),
    )


def _insert_profile(connection: psycopg.Connection, person: Person, profiles: Profiles) -> int:
    """Insert a missing profile; returns how many were inserted."""
    missing = connection.execute(statement("profile_is_missing"), {"username": person.username}).fetchone()
    if missing is None:
        return 0
    fields = {name: getattr(person, name) for name in ("first_name", "last_name", "phone", "address", "preferences")}
    return connection.execute(
        statement("insert_profile"), profiles.parameters(Profile(user_id=missing[0], **fields)) | {"joined": person.joined}
    ).rowcount


def _load_orders(connection: psycopg.Connection, orders: list[PlannedOrder], progress: Progress) -> tuple[int, int]:
    inserted = unchanged = 0
    for number, order in enumerate(orders, 1):
        rows = 1 + len(order.trades)
        inserted_row = connection.execute(statement("insert_order"), {**_plain(order), "updated_at": order.updated_at}).fetchone()
        if inserted_row is None:
            unchanged += rows
            continue
        order_id, user_id = inserted_row
        with connection.cursor() as cursor:
            cursor.executemany(
                statement("insert_trade"),
                [
                    {"order_id": order_id, "user_id": user_id, "symbol": order.symbol, "side": order.side, **asdict(trade)}
                    for trade in order.trades
                ],
            )
        inserted += rows
        progress.count(number, len(orders), "orders")
    return inserted, unchanged


def _plain(order: PlannedOrder) -> dict[str, object]:
    return {name: value for name, value in asdict(order).items() if name != "trades"}
