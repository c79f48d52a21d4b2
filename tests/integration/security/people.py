"""Rows of made-up people for this folder's tests, and work that is ended from outside in the middle."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import psycopg

from christmas.profiles import Profile, Profiles
from christmas.sealed.cipher import FieldCipher
from christmas.sealed.ring import KeyRing, from_json
from infra.clients import postgres
from infra.connections import Platform
from tests.support.waiting import wait_for

PHC = "$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA"


def person(number: int) -> Profile:
    """Somebody; every third has no phone, every fifth no address."""
    return Profile(
        user_id=number,
        first_name=f"민지-{number}-Minji",
        last_name=f"Kimplain{number}",
        phone=None if number % 3 == 0 else f"+82-2-555-{number:04d}",
        address=None if number % 5 == 0 else f"서울특별시 종로구 세종대로 {number} plainstreet",
        preferences={"theme": "dark"},
    )


def add_users(platform: Platform, count: int) -> None:
    with postgres(platform, "api") as connection:
        connection.execute(
            "insert into users (id, username, email, password_hash)"
            " select n, 'u' || n, 'u' || n || '@example.com', %s from generate_series(1, %s) as n",
            (PHC, count),
        )


def ring_of(platform: Platform) -> KeyRing:
    return from_json(platform.field_keys)


def profiles(ring: KeyRing) -> Profiles:
    return Profiles(FieldCipher(ring))


def seal_people(platform: Platform, count: int, ring: KeyRing | None = None) -> None:
    """Users with sealed profiles, by the accessor that applications use."""
    add_users(platform, count)
    made = profiles(ring or ring_of(platform))
    with postgres(platform, "api") as connection:
        for number in range(1, count + 1):
            made.write(connection, person(number))


def everybody(platform: Platform, ring: KeyRing, count: int) -> list[Profile | None]:
    made = profiles(ring)
    with postgres(platform, "api") as connection:
        return [made.read(connection, number) for number in range(1, count + 1)]


@contextlib.contextmanager
def held_row(platform: Platform, user_id: int) -> Iterator[psycopg.Connection]:
    """Lock a profile's row while the block runs: whoever comes to it waits there."""
    with psycopg.connect(platform.postgres_url("api")) as connection:
        connection.execute("select from user_profiles where user_id = %s for update", (user_id,))
        yield connection


def wait_for_a_waiter(platform: Platform) -> None:
    """Until some session waits for another's lock on a row."""
    waiting = "select from pg_locks where not granted"
    with postgres(platform, "monitor", autocommit=True) as connection:
        wait_for(lambda: connection.execute(waiting).fetchone() is not None, "somebody waits for a row", pause=0.02)


@contextlib.contextmanager
def killed_at_the_end(work: Callable[..., Any], *arguments: Any) -> Iterator[None]:
    """Run the work in a process of its own, which SIGKILL ends when the block does."""
    process = multiprocessing.get_context("fork").Process(target=work, args=arguments, daemon=True)
    process.start()
    try:
        yield
    finally:
        assert process.pid is not None
        assert process.is_alive(), "the work was over before it could be killed"
        os.kill(process.pid, signal.SIGKILL)
        process.join()
