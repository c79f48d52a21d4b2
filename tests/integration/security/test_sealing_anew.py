"""Rows sealed anew with another key: among writers, killed and completed, one run at a time, and told what can't be opened."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator

import docker
import psycopg
import pytest

from christmas.sealed.errors import MovedError
from christmas.sealed.ring import KeyRing, from_json
from core.errors import PlatformError
from core.progress import SilentProgress
from infra.clients import postgres
from infra.connections import Platform
from security.resealing import Resealed, reseal
from security.rotation import rotation_lock
from security.usage import Kind, judge, key_usage
from tests.integration.provider.kept import Kept
from tests.integration.security.people import (
    everybody,
    held_row,
    killed_at_the_end,
    person,
    profiles,
    ring_of,
    seal_people,
    wait_for_a_waiter,
)
from tests.support import scratch
from tests.support.postgres_server import ScratchServer
from tests.support.waiting import PATIENCE

COUNT = 60
BATCH = 10


@pytest.fixture
def sealed(scratch_server: ScratchServer) -> Platform:
    """People sealed with the platform's ring, made once and then copied."""
    from migrations import run

    if not scratch_server.has_template("scratch_sealed_people"):
        scratch_server.fresh_database()
        run.upgrade(scratch_server.platform)
        seal_people(scratch_server.platform, COUNT)
        scratch_server.keep_as_template("scratch_sealed_people")
    scratch_server.fresh_database("scratch_sealed_people")
    return scratch_server.platform


def work(platform: Platform, ring: KeyRing) -> Resealed:
    with (
        postgres(platform, "migrator", autocommit=True) as lock,
        rotation_lock(lock),
        postgres(platform, "api", autocommit=True) as connection,
    ):
        return reseal(connection, ring, SilentProgress(), BATCH)


def kinds(platform: Platform, ring: KeyRing) -> dict[Kind, int]:
    with postgres(platform, "monitor", autocommit=True) as connection:
        return {kind: sum(each.values for each in found) for kind, found in judge(ring, key_usage(connection)).items() if found}


def all_of_it(platform: Platform, ring: KeyRing) -> bool:
    return everybody(platform, ring, COUNT) == [person(number) for number in range(1, COUNT + 1)]


VALUES = sum(
    2 + 2 * (person(number).phone is not None) + (person(number).address is not None) for number in range(1, COUNT + 1)
)  # with the phones' index entries


@pytest.mark.exhaustive
def test_every_row_is_sealed_with_the_active_key_and_found_under_it(sealed: Platform) -> None:
    ring = ring_of(sealed).up_to(2)
    assert kinds(sealed, ring) == {Kind.OLDER: VALUES}
    assert work(sealed, ring) == Resealed(COUNT, ())
    assert kinds(sealed, ring) == {Kind.ACTIVE: VALUES}
    after = ring.retired_below(2)
    assert all_of_it(sealed, after)
    with postgres(sealed, "api") as connection:
        assert profiles(after).find_by_phone(connection, "+82-2-555-0007") == [person(7)]
    assert work(sealed, ring) == Resealed(0, ())


def test_rows_from_before_a_retirement_are_sealed_anew_too(sealed: Platform) -> None:
    ring = ring_of(sealed).up_to(3).retired_below(3)
    assert kinds(sealed, ring) == {Kind.RETIRED: VALUES}
    assert work(sealed, ring).rows == COUNT
    assert all_of_it(sealed, ring)


def test_killed_in_the_middle_it_goes_on_where_it_was(sealed: Platform) -> None:
    ring = ring_of(sealed).up_to(2)
    with held_row(sealed, 35), killed_at_the_end(work, sealed, ring):
        wait_for_a_waiter(sealed)
    there = kinds(sealed, ring)
    assert there[Kind.ACTIVE] > 0
    assert there[Kind.OLDER] > 0
    # Half of them under one key and half under the other: applications with the new ring read all.
    assert all_of_it(sealed, ring)
    assert work(sealed, ring).rows == 30
    assert kinds(sealed, ring) == {Kind.ACTIVE: VALUES}
    assert all_of_it(sealed, ring)


def test_what_an_application_changes_meanwhile_is_kept(sealed: Platform) -> None:
    ring = ring_of(sealed).up_to(2)
    done: list[Resealed] = []
    with held_row(sealed, 35) as application:
        thread = threading.Thread(target=lambda: done.append(work(sealed, ring)))
        thread.start()
        wait_for_a_waiter(sealed)
        # The application still has the old ring, and its row is being waited for.
        changed = person(35)
        profiles(ring_of(sealed)).write(application, type(changed)(user_id=35, first_name="새 이름", phone="1"))
        application.commit()
        thread.join(PATIENCE)
        assert not thread.is_alive()
    assert done == [Resealed(COUNT, ())]
    found = everybody(sealed, ring.retired_below(2), COUNT)[34]
    assert found is not None
    assert (found.first_name, found.phone, found.address) == ("새 이름", "1", None)


def test_two_at_once_are_one_too_many(sealed: Platform) -> None:
    with psycopg.connect(sealed.postgres_url("migrator"), autocommit=True, application_name="the first one") as first, rotation_lock(first):
        with pytest.raises(PlatformError, match="another rotation of keys is running") as raised:
            work(sealed, ring_of(sealed).up_to(2))
        assert "the first one" in raised.value.where
    assert work(sealed, ring_of(sealed).up_to(2)).rows == COUNT


def test_a_row_that_cannot_be_opened_is_told_and_left_while_the_others_are_done(sealed: Platform) -> None:
    ring = ring_of(sealed).up_to(2)
    with postgres(sealed, "api") as connection:
        connection.execute("update user_profiles set first_name = last_name where user_id = 33")
        before = connection.execute("select * from user_profiles where user_id = 33").fetchone()
    done = work(sealed, ring)
    assert done.rows == COUNT - 1
    assert [(type(error), error.where) for error in done.refused] == [(MovedError, "user_profiles.first_name, user_id 33")]
    with postgres(sealed, "api") as connection:
        assert connection.execute("select * from user_profiles where user_id = 33").fetchone() == before


@pytest.fixture
def volume() -> Iterator[str]:
    created = docker.from_env().volumes.create(f"christmas-tests-ring-{uuid.uuid4().hex[:8]}", labels=scratch.labels())
    yield str(created.name)
    created.remove(force=True)


def field_keys(volume: str, platform: Platform, **settings: object) -> Kept:
    inputs = {
        "volume": volume,
        "image": scratch.image("timescaledb"),
        "file": "fields.json",
        "container": platform.containers["timescaledb"],
        "database": "christmas_db",
        **settings,
    }
    return Kept("FieldKeys", inputs)


@pytest.mark.exhaustive
def test_a_key_that_rows_need_is_not_retired(sealed: Platform, volume: str) -> None:
    kept = field_keys(volume, sealed, given=sealed.field_keys)
    kept.up()
    kept.inputs["newest"] = 2
    grown = from_json(kept.up()["result"])
    assert grown.keys[0] == ring_of(sealed).keys[0]
    kept.inputs["retired_below"] = 2
    with pytest.raises(PlatformError, match="can't be retired while rows need it: key 1 by") as raised:
        kept.up()
    assert f"key 1 by {COUNT} values of first_name" in raised.value.what
    assert "accounts.rotate --keys" in raised.value.next_step
    work(sealed, grown)
    retired = from_json(kept.up()["result"])
    assert [(key.number, key.retired) for key in retired.keys] == [(1, True), (2, False)]
    assert all_of_it(sealed, retired)
    # What was refused was refused before anything was recorded; a stack made anew finds the same ring.
    assert from_json(field_keys(volume, sealed).up()["result"]) == retired


@pytest.mark.exhaustive
def test_before_there_are_fields_nothing_can_need_a_key(empty_platform: Platform, volume: str) -> None:
    made = field_keys(volume, empty_platform, newest=3, retired_below=2)
    assert [key.number for key in from_json(made.up()["result"]).live] == [2, 3]
    assert made.refresh() == []
