"""Plain profiles become sealed ones and plain ones again, with writers at work, and also where the migration is killed in the middle."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator

import psycopg
import pytest

from christmas.profiles import Profile
from core.errors import PlatformError
from infra.clients import postgres
from infra.connections import Platform
from migrations import run
from tests.integration.security.people import (
    add_users,
    everybody,
    killed_at_the_end,
    person,
    profiles,
    ring_of,
    wait_for_a_waiter,
)
from tests.support.inside import inside
from tests.support.postgres_server import ScratchServer

COUNT = 1300
COLUMNS = ("first_name", "last_name", "phone", "address")


@pytest.fixture
def plain(scratch_server: ScratchServer) -> Platform:
    """At the revision before, with plain rows; made once, then copied."""
    if not scratch_server.has_template("scratch_plain_profiles"):
        scratch_server.fresh_database()
        run.upgrade(scratch_server.platform, "0007")
        add_users(scratch_server.platform, COUNT)
        with postgres(scratch_server.platform, "api") as connection:
            rows = [(each.user_id, each.first_name, each.last_name, each.phone, each.address) for each in map(person, range(1, COUNT + 1))]
            with connection.cursor() as cursor:
                cursor.executemany(
                    "insert into user_profiles (user_id, first_name, last_name, phone, address, preferences)"
                    """ values (%s, %s, %s, %s, %s, '{"theme": "dark"}')""",
                    rows,
                )
        scratch_server.keep_as_template("scratch_plain_profiles")
    scratch_server.fresh_database("scratch_plain_profiles")
    return scratch_server.platform


def plain_rows(platform: Platform) -> list[Profile]:
    with postgres(platform, "api") as connection:
        rows = connection.execute("select user_id, first_name, last_name, phone, address, preferences from user_profiles order by 1")
        return [Profile(user_id=row[0], preferences=row[5], **dict(zip(COLUMNS, row[1:5], strict=True))) for row in rows.fetchall()]


def test_every_row_is_there_afterwards_and_can_be_found(plain: Platform) -> None:
    assert run.upgrade(plain, "0008").revisions == ("0008",)
    ring = ring_of(plain)
    assert everybody(plain, ring, COUNT) == [person(number) for number in range(1, COUNT + 1)]
    with postgres(plain, "api") as connection:
        assert [each.user_id for each in profiles(ring).find_by_phone(connection, "+82 2 555 0007")] == [7]


@pytest.mark.exhaustive
def test_nothing_plain_stays_in_the_tables_file(plain: Platform, scratch_server: ScratchServer) -> None:
    def plain_bytes() -> int:
        with scratch_server.admin() as connection:
            connection.execute("checkpoint")
            row = connection.execute("select current_setting('data_directory') || '/' || pg_relation_filepath('user_profiles')").fetchone()
        assert row is not None
        command = f"grep -c -a -E 'Kimplain|plainstreet|555-00' {row[0]} || true"
        return int(inside(scratch_server.container, "sh", "-c", command))

    assert plain_bytes() > 0
    run.upgrade(plain, "0008")
    assert plain_bytes() == 0


@pytest.mark.exhaustive
def test_going_back_gives_the_plain_rows_again(plain: Platform) -> None:
    before = plain_rows(plain)
    run.upgrade(plain, "0008")
    assert run.downgrade(plain, "0007").revisions == ("0008",)
    assert plain_rows(plain) == before
    run.upgrade(plain, "0008")
    assert everybody(plain, ring_of(plain), COUNT) == before
    assert run.downgrade(plain, "base").current is None
    assert run.upgrade(plain).current == run.head_revision()


@pytest.mark.exhaustive
@pytest.mark.parametrize("direction", ["up", "down"])
def test_without_keys_nothing_is_lost(plain: Platform, direction: str) -> None:
    keyless = dataclasses.replace(plain, field_keys="")
    if direction == "up":
        before = plain_rows(plain)
        with pytest.raises(PlatformError, match="no key ring") as raised:
            run.upgrade(keyless, "0008")
        assert plain_rows(plain) == before
    else:
        run.upgrade(plain, "0008")
        with pytest.raises(PlatformError, match="no key ring") as raised:
            run.downgrade(keyless, "0007")
        assert everybody(plain, ring_of(plain), COUNT) == [person(number) for number in range(1, COUNT + 1)]
    assert "invoke up" in raised.value.next_step
    assert run.status(plain).current == ("0007" if direction == "up" else "0008")


@pytest.mark.exhaustive
def test_an_empty_table_needs_no_keys(empty_platform: Platform) -> None:
    keyless = dataclasses.replace(empty_platform, field_keys="")
    assert run.upgrade(keyless).current == run.head_revision()
    assert run.downgrade(keyless, "base").current is None


@contextlib.contextmanager
def stopped_at(server: ScratchServer, user_id: int) -> Iterator[None]:
    """Whoever updates that row waits while the block runs. No lock on the table is held: the migration has to get its own."""
    with server.admin() as connection:
        connection.execute("create schema halting")
        connection.execute(
            "create function halting.wait() returns trigger language plpgsql as"
            " 'begin perform pg_advisory_xact_lock_shared(77); return new; end'"
        )
        connection.execute(
            f"create trigger halting before update on user_profiles for each row when (new.user_id = {user_id})"
            " execute function halting.wait()".encode()
        )
        connection.execute("select pg_advisory_lock(77)")
        try:
            yield
        finally:
            connection.execute("select pg_advisory_unlock(77)")
            connection.execute("drop schema halting cascade")


@pytest.mark.exhaustive
def test_killed_in_the_middle_it_is_completed_and_what_was_changed_meanwhile_is_kept(
    plain: Platform, scratch_server: ScratchServer
) -> None:
    with stopped_at(scratch_server, 1200), killed_at_the_end(run.upgrade, plain, "0008"):
        wait_for_a_waiter(plain)
    with postgres(plain, "migrator") as connection:
        sealed = connection.execute("select count(*) from user_profiles where sealed_first_name is not null").fetchone()
    assert sealed == (1000,)
    assert run.status(plain).current == "0007"
    # Applications still write the plain columns: of a row that is sealed already, and of one that is not.
    with postgres(plain, "api") as connection:
        connection.execute("update user_profiles set phone = '+82-2-555-9999' where user_id in (1, 1299)")
        connection.execute("update user_profiles set address = null where user_id = 2")
        connection.execute("update user_profiles set preferences = '{}' where user_id = 4")
    expected = plain_rows(plain)
    run.upgrade(plain, "0008")
    found = everybody(plain, ring_of(plain), COUNT)
    assert found == expected
    with postgres(plain, "api") as connection:
        assert [each.user_id for each in profiles(ring_of(plain)).find_by_phone(connection, "+82-2-555-9999")] == [1, 1299]
        assert profiles(ring_of(plain)).find_by_phone(connection, "+82-2-555-0001") == []


@pytest.mark.exhaustive
def test_plain_text_is_refused_from_then_on(plain: Platform) -> None:
    run.upgrade(plain, "0008")
    with postgres(plain, "api") as connection, pytest.raises(psycopg.errors.CheckViolation):
        connection.execute("update user_profiles set first_name = 'Kimplain' where user_id = 1")
