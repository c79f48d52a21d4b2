"""The check on encrypted columns: right when all is well, and right about each thing broken on purpose."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from christmas.sealed.ring import KeyRing, new_ring
from infra.clients import postgres
from infra.connections import Platform
from monitor.sealed_fields import fields
from tests.integration.security.people import add_users, person, profiles, ring_of, seal_people
from tests.support.cases import in_make_test
from tests.support.postgres_server import ScratchServer


@pytest.fixture
def six(migrated_platform: Platform) -> Platform:
    seal_people(migrated_platform, 6)
    return migrated_platform


def with_ring(platform: Platform, ring: KeyRing) -> Platform:
    return dataclasses.replace(platform, field_keys=ring.as_json())


def test_all_sealed_with_the_active_key_is_well(six: Platform) -> None:
    found = fields(six)
    assert (found.status, found.value, found.message) == ("ok", 25, "25 values sealed with key 1")


def test_no_profile_at_all_is_well(migrated_platform: Platform) -> None:
    assert (fields(migrated_platform).status, fields(migrated_platform).value) == ("ok", 0)


RINGS: list[tuple[str, Callable[[KeyRing], KeyRing], str, str]] = [
    ("another ring", lambda _: new_ring(), "critical", "a key that the ring does not have: address with key 1"),
    ("a ring without it", lambda _: new_ring(7), "critical", "a key that the ring does not have"),
    ("retired", lambda ring: ring.up_to(2).retired_below(2), "critical", "sealed with a retired key"),
    ("a newer key", lambda ring: ring.up_to(2), "warning", "25 values wait to be sealed with key 2"),
]


@pytest.mark.parametrize(("change", "status", "told"), in_make_test([ring[1:] for ring in RINGS], 0, 3), ids=[ring[0] for ring in RINGS])
def test_each_kind_of_key_is_told(six: Platform, change: Callable[[KeyRing], KeyRing], status: str, told: str) -> None:
    found = fields(with_ring(six, change(ring_of(six))))
    assert (found.status, found.value) == (status, 25)
    assert told in found.message
    assert found.next_step


def test_one_value_under_a_strange_key_is_enough(six: Platform) -> None:
    add = dataclasses.replace(person(1), phone=None, address=None, last_name=None)
    with postgres(six, "api") as connection:
        profiles(new_ring(4)).write(connection, add)
    found = fields(six)
    assert (found.status, found.value) == ("critical", 1)
    assert "first_name with key 4" in found.message


def test_plain_text_is_told_once_a_constraint_is_gone(six: Platform, scratch_server: ScratchServer) -> None:
    with scratch_server.admin() as connection:
        connection.execute("alter table user_profiles drop constraint ck_user_profiles_last_name")
    found = fields(six)
    assert (found.status, found.message) == ("critical", "no valid CHECK refuses plain text in user_profiles.last_name")
    with postgres(six, "api") as connection:
        connection.execute("update user_profiles set last_name = 'in plain text' where user_id = 2")
    found = fields(six)
    assert (found.status, found.value, found.message) == ("critical", 1, "1 values are not sealed: last_name")


@pytest.mark.exhaustive
def test_a_constraint_that_was_never_held_against_the_rows_does_not_count(six: Platform, scratch_server: ScratchServer) -> None:
    with scratch_server.admin() as connection:
        connection.execute("alter table user_profiles drop constraint ck_user_profiles_address")
        connection.execute(
            "alter table user_profiles add constraint ck_user_profiles_address"
            " check (substring(address from 1 for 2) = '\\xc101'::bytea) not valid"
        )
    assert "user_profiles.address" in fields(six).message
    with scratch_server.admin() as connection:
        connection.execute("alter table user_profiles validate constraint ck_user_profiles_address")
    assert fields(six).status == "ok"


def test_without_a_ring_nothing_can_be_said(migrated_platform: Platform) -> None:
    from monitor.checks import run

    add_users(migrated_platform, 1)
    (result,) = run(dataclasses.replace(migrated_platform, field_keys=""), ["postgres.encryption"], timeout=120)
    assert result.status == "unknown"
    assert "no ring of keys" in result.message
