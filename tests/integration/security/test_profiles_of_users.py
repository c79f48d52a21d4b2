"""Profiles through the accessor on a real server: sealed in the rows, found by phone, and nobody's who may not read them."""

from __future__ import annotations

import asyncio
import dataclasses

import psycopg
import pytest

from christmas.blueprint.accounts import ACCOUNTS
from christmas.profiles import AsyncProfiles, Profile, Profiles
from christmas.sealed.cipher import FieldCipher
from christmas.sealed.errors import AlteredError, MovedError, ValueTooLongError, WrongKeyError
from christmas.sealed.ring import KeyRing, new_ring
from infra.clients import postgres
from infra.connections import Platform
from tests.integration.security.people import add_users, person, profiles, ring_of, seal_people


@pytest.fixture
def ten(migrated_platform: Platform) -> Platform:
    seal_people(migrated_platform, 10)
    return migrated_platform


def test_what_is_written_is_read(ten: Platform) -> None:
    made = profiles(ring_of(ten))
    changed = dataclasses.replace(person(3), phone="02-555-0000", address=None, preferences=None)
    with postgres(ten, "api") as connection:
        assert made.read(connection, 3) == person(3)
        made.write(connection, changed)
        assert made.read(connection, 3) == changed
        assert made.read(connection, 99) is None
        assert "민지" not in repr(made.read(connection, 3))


def test_asyncio_gets_the_same(ten: Platform) -> None:
    async def talk() -> None:
        made = AsyncProfiles(FieldCipher(ring_of(ten)))
        async with await psycopg.AsyncConnection.connect(ten.postgres_url("api")) as connection:
            assert await made.read(connection, 1) == person(1)
            await made.write(connection, dataclasses.replace(person(2), phone=person(1).phone))
            assert [each.user_id for each in await made.find_by_phone(connection, "0082 2 555 0001")] == [1, 2]
            assert await made.read(connection, 99) is None

    asyncio.run(talk())


def test_a_phone_is_found_however_it_is_written_and_no_other(ten: Platform) -> None:
    made = profiles(ring_of(ten))
    with postgres(ten, "api") as connection:
        for written in ("+82-2-555-0001", "+82 2 5550001", "0082 (2) 555 0001"):
            assert made.find_by_phone(connection, written) == [person(1)]
        assert made.find_by_phone(connection, "+82-2-555-0003") == []


def test_a_row_under_a_newer_key_is_found_and_read_with_the_ring_read_again(ten: Platform) -> None:
    grown = ring_of(ten).up_to(2)
    asked: list[int] = []

    def renew() -> KeyRing:
        asked.append(1)
        return grown

    with postgres(ten, "api") as connection:
        profiles(grown).write(connection, person(1))
        with_old = Profiles(FieldCipher(ring_of(ten), renew))
        assert with_old.find_by_phone(connection, "+82-2-555-0001") == [person(1)]
        assert with_old.find_by_phone(connection, "+82-2-555-0002") == [person(2)]
        assert asked == [1]


def test_a_value_put_elsewhere_in_the_database_is_noticed(ten: Platform) -> None:
    made = profiles(ring_of(ten))
    with postgres(ten, "api") as connection:
        connection.execute("update user_profiles set address = (select address from user_profiles where user_id = 1) where user_id = 2")
        connection.execute("update user_profiles set last_name = first_name where user_id = 4")
        connection.execute("update user_profiles set first_name = set_byte(first_name, 60, get_byte(first_name, 60) # 1) where user_id = 7")
        for user_id, error, column in ((2, MovedError, "address"), (4, MovedError, "last_name"), (7, AlteredError, "first_name")):
            with pytest.raises(error) as raised:
                made.read(connection, user_id)
            assert raised.value.where == f"user_profiles.{column}, user_id {user_id}"
        with pytest.raises(WrongKeyError):
            profiles(new_ring()).read(connection, 1)


def test_nothing_too_long_is_sealed_and_the_longest_fits(migrated_platform: Platform) -> None:
    add_users(migrated_platform, 1)
    made = profiles(ring_of(migrated_platform))
    longest = Profile(user_id=1, first_name="\U0001f600" * 100, last_name="한" * 100, phone="\U0001f600" * 20, address="길" * 20_000)
    with postgres(migrated_platform, "api") as connection:
        made.write(connection, longest)
        assert made.read(connection, 1) == longest
        with pytest.raises(ValueTooLongError):
            made.write(connection, dataclasses.replace(longest, phone="1" * 21))


COMPARISONS = (
    "first_name = 'Minji'",
    "first_name <> 'Minji'",
    "last_name in ('Kimplain', 'Leeplain')",
    "phone like '+82%'",
    "'Minji' = first_name",
    "address > 'a'",
    "case first_name when 'Minji' then true end",
    "first_name = last_name",
)


def test_a_comparison_with_a_sealed_column_is_refused_and_told_what_to_write(ten: Platform) -> None:
    with postgres(ten, "api", autocommit=True) as connection:
        for condition in COMPARISONS:
            with pytest.raises(psycopg.errors.FeatureNotSupported, match="are sealed") as refused:
                connection.execute(f"select user_id from user_profiles where {condition}".encode())
            assert "find_by_phone" in str(refused.value.diag.message_hint)
        assert connection.execute("select count(*) from user_profiles where first_name is not null").fetchone() == (10,)
        assert connection.execute("select count(*) from user_profiles where first_name::bytea = 'x'").fetchone() == (0,)


READERS = {"migrator", "api", "app", "backup"}
COLUMNS = ("first_name", "last_name", "phone", "address", "phone_index")
ACCOUNTS_THERE = [account.name for account in ACCOUNTS if account.postgres]


@pytest.mark.parametrize("account", ACCOUNTS_THERE)
def test_only_who_serves_or_backs_up_profiles_reads_even_what_is_sealed(ten: Platform, account: str) -> None:
    for column in COLUMNS:
        with postgres(ten, account) as connection:
            query = f"select {column} from user_profiles where user_id = 1".encode()
            if account in READERS:
                row = connection.execute(query).fetchone()
                assert row is not None
                assert b"Kimplain" not in bytes(row[0])
            else:
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(query)


@pytest.mark.parametrize("account", ACCOUNTS_THERE)
def test_who_may_ask_which_keys_are_used(ten: Platform, account: str) -> None:
    with postgres(ten, account) as connection:
        if account in {"migrator", "api", "monitor"}:
            rows = connection.execute("select field, key_number, row_count from field_key_usage() order by field").fetchall()
            assert rows == [("address", 1, 8), ("first_name", 1, 10), ("last_name", 1, 10), ("phone", 1, 7), ("phone_index", 1, 7)]
        else:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("select * from field_key_usage()")


def test_what_analysts_may_read_holds_no_key_of_a_person(ten: Platform) -> None:
    with postgres(ten, "analyst") as connection:
        row = connection.execute("select user_id, preferences from user_profiles where user_id = 1").fetchone()
        assert row == (1, {"theme": "dark"})
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select email from users")
