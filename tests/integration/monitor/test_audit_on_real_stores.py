"""The audit of real stores: who did what is in it once, whatever happens in between, and no value is."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import psycopg
import pytest
import redis
import weaviate

from backup.make import make
from infra import clients
from infra.connections import Platform
from security.audit.chain import Chain
from security.audit.collect import collect
from security.audit.events import Event
from tests.support.scratch_platform import DOCUMENTS, ScratchPlatform
from tests.support.waiting import wait_for

VALUE = "leaked-value-4712"


@pytest.fixture(scope="module")
def platform(scratch_platform: ScratchPlatform) -> Platform:
    return scratch_platform.platform


@pytest.fixture(scope="module")
def chain(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Chain:
    """An audit that begins with what the stores have logged so far."""
    folder = tmp_path_factory.mktemp("audit")
    assert collect(platform, folder).unread == {}
    return Chain(folder)


def new_events(platform: Platform, chain: Chain, before: int) -> list[Event]:
    collect(platform, chain.folder)
    return list(chain.after(before))


def wait_for_event(platform: Platform, chain: Chain, before: int, **wanted: str) -> Event:
    """A log is written a moment after the answer."""

    def look() -> list[Event]:
        events = new_events(platform, chain, before)
        return [event for event in events if all(getattr(event, name) == value for name, value in wanted.items())]

    found: list[Event] = wait_for(look, f"the audit has {wanted}")
    return found[0]


def test_writes_and_refusals_of_postgresql(platform: Platform, chain: Chain) -> None:
    before = chain.head().number
    with psycopg.connect(platform.postgres_url("api"), autocommit=True) as connection:
        connection.execute("update users set is_active = is_active where username = %s", (VALUE,))
    wrong = platform.postgres_url("api").replace(platform.secret("api", "postgres"), VALUE)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(wrong)
    written = wait_for_event(platform, chain, before, account="api", action="write: update", object="table public.users")
    assert (written.store, written.outcome) == ("postgresql", "done")
    assert wait_for_event(platform, chain, before, account="api", action="login", outcome="denied")
    assert wait_for_event(platform, chain, before, account="api", action="logout", session=written.session)


def test_reads_of_sensitive_tables(platform: Platform, chain: Chain) -> None:
    before = chain.head().number
    with psycopg.connect(platform.postgres_url("api"), autocommit=True) as connection:
        connection.execute("select * from orders where symbol = %s", (VALUE,))
        for _ in range(3):
            connection.execute("select u from users as u where email = %s", (VALUE,))
        connection.execute("delete from user_profiles where phone_index = %s returning phone", (VALUE.encode(),))
    read = wait_for_event(platform, chain, before, account="api", action="read: select", object="table public.users")
    assert (read.store, read.outcome) == ("postgresql", "done")
    # The first is logged at once, the others are counted until the session has ended.
    assert wait_for_event(platform, chain, before, account="api", action="logout", session=read.session)
    reads = [each for each in chain.after(before) if (each.action, each.object, each.session) == (read.action, read.object, read.session)]
    assert sum(each.count for each in reads) == 3
    assert "." in read.address
    for action in ("read: delete", "write: delete"):
        assert wait_for_event(platform, chain, before, account="api", action=action, object="table public.user_profiles")
    of_session = {each.object for each in chain.after(before) if each.session == read.session}
    assert of_session == {"database", "table public.users", "table public.user_profiles"}


def test_refusals_of_redis(platform: Platform, chain: Chain) -> None:
    before = chain.head().number
    with clients.redis_client(platform, "api") as client:
        for _ in range(3):
            with pytest.raises(redis.exceptions.NoPermissionError):
                client.get(VALUE)
        with pytest.raises(redis.exceptions.NoPermissionError):
            client.flushall()
    refused = wait_for_event(platform, chain, before, store="redis", account="api", action="key: get")
    assert sum(each.count for each in chain.after(before) if each.action == "key: get") == 3
    assert "." in refused.address
    assert wait_for_event(platform, chain, before, store="redis", account="api", action="command: flushall")


def test_decisions_of_weaviate(platform: Platform, chain: Chain) -> None:
    before = chain.head().number
    with clients.weaviate_client(platform, "rag") as store, pytest.raises(weaviate.exceptions.InsufficientPermissionsError):
        store.collections.use(DOCUMENTS).data.insert({"content": VALUE}, vector=[1.0, 0.0, 0.0, 0.0])
    refused = wait_for_event(platform, chain, before, store="weaviate", account="rag", outcome="denied")
    assert DOCUMENTS in refused.object


def test_nothing_is_in_it_twice_and_no_value_at_all(platform: Platform, chain: Chain) -> None:
    """An audit that is collected in one go has the same events as one that was collected bit by bit."""
    collect(platform, chain.folder)
    end = max(line["time"] for line in chain.lines())
    whole = Chain(chain.folder.with_name("whole"))
    collect(platform, whole.folder)

    def of(audit: Chain) -> dict[Event, int]:
        counts: dict[Event, int] = {}
        for event in audit.events():
            if event.time <= end and event.store != "redis":
                key = dataclasses.replace(event, time="", count=1)
                counts[key] = counts.get(key, 0) + event.count
        return counts

    bit_by_bit, in_one_go = of(chain), of(whole)
    assert {key: count for key, count in bit_by_bit.items() if in_one_go.get(key, 0) < count} == {}
    assert chain.verify().faults == ()
    assert VALUE not in "".join(file.read_text() for file in chain.files())


def test_a_store_that_can_not_be_read_keeps_no_other_from_being_read(platform: Platform, chain: Chain) -> None:
    gone = dataclasses.replace(platform, containers={**platform.containers, "weaviate": "christmas-no-such-container"})
    before = chain.head().number
    with clients.redis_client(platform, "api") as client, pytest.raises(redis.exceptions.NoPermissionError):
        client.flushdb()
    collected = collect(gone, chain.folder)
    assert list(collected.unread) == ["weaviate"]
    assert [event.action for event in new_events(platform, chain, before) if event.store == "redis"] == ["command: flushdb"]


def test_a_backup_set_is_signed_with_the_newest_line(
    platform: Platform, chain: Chain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backup.audit_lines.folder_of", lambda _stack: chain.folder)
    manifest = make(platform, kind="full", stores=["redis"], folder=tmp_path)
    assert manifest is not None
    assert manifest.audit is not None
    assert (manifest.audit.number, manifest.audit.hash) == (chain.head().number, chain.head().hash)
