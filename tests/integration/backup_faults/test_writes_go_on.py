"""Clients that write all the time and note what was acknowledged: a restore to a time has all from before it and nothing from after."""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from backup.drill import drill
from backup.restore import remove, restore
from infra.clients import postgres, redis_client
from infra.connections import Platform
from tests.support.backup_faults import Sets
from tests.support.waiting import wait_for

pytestmark = pytest.mark.exhaustive

_PAUSE = 0.005


@dataclass
class Writer:
    """One client. `acknowledged` has for each number when its write began and when it was confirmed."""

    acknowledged: list[tuple[int, datetime, datetime]] = field(default_factory=list)

    def run(self, write: Callable[[int], object], stop: threading.Event) -> None:
        """Write number after number."""
        number = 0
        while not stop.is_set():
            began = datetime.now(UTC)
            write(number)
            self.acknowledged.append((number, began, datetime.now(UTC)))
            number += 1
            time.sleep(_PAUSE)

    def until(self, moment: datetime) -> tuple[set[int], set[int]]:
        """The numbers confirmed before a moment, and those begun after it."""
        return {number for number, _, ended in self.acknowledged if ended < moment}, {
            number for number, began, _ in self.acknowledged if began > moment
        }


@contextlib.contextmanager
def writing(platform: Platform) -> Iterator[dict[str, Writer]]:
    """A writer to PostgreSQL and one to Redis, from beginning to end of the block."""
    writers = {"postgres": Writer(), "redis": Writer()}
    stop = threading.Event()
    with postgres(platform, "ingest", autocommit=True) as connection, redis_client(platform, "api") as client:

        def insert(number: int) -> None:
            connection.execute(
                "insert into market_data (symbol, timestamp, open, volume) values ('WRITER', now() + %s * interval '1 microsecond', 1, %s)",
                (number, number),
            )

        def remember(number: int) -> None:
            with client.pipeline(transaction=True) as together:
                together.hset(f"session:writer-{number}", mapping={"user_id": 1, "username": "user1", "roles": "[]"})
                together.expire(f"session:writer-{number}", 36_000)
                together.execute()

        jobs = {"postgres": insert, "redis": remember}
        threads = [threading.Thread(target=writers[store].run, args=(job, stop)) for store, job in jobs.items()]
        for thread in threads:
            thread.start()
        try:
            yield writers
        finally:
            stop.set()
            for thread in threads:
                thread.join()


def found_in(platform: Platform) -> dict[str, set[int]]:
    """The numbers that are there."""
    with postgres(platform, "backup") as connection:
        rows = connection.execute("select volume::int from market_data where symbol = 'WRITER'").fetchall()
    return {"postgres": {number for (number,) in rows}, "redis": remembered_in(platform)}


def remembered_in(platform: Platform) -> set[int]:
    """The numbers that are there in Redis."""
    with redis_client(platform, "backup") as client:
        return {int(key.rpartition("-")[2]) for key in client.scan_iter(match="session:writer-*", count=1000)}


@dataclass
class Past:
    """What was written, two moments in it, and the set that was made meanwhile."""

    writers: dict[str, Writer]
    moments: dict[str, datetime]
    set_id: str


@pytest.fixture(scope="module")
def past(made: Sets) -> Past:
    made.make("full")
    moments = {}

    def written(count: int = 50) -> datetime:
        """Let so many writes be acknowledged and more than a second pass; returns a whole one, for Redis' log notes no finer ones."""
        before = {store: len(each.acknowledged) for store, each in writers.items()}
        time.sleep(1.2)
        wait_for(
            lambda: all(len(each.acknowledged) >= before[store] + count for store, each in writers.items()), f"{count} writes to each store"
        )
        return datetime.now(UTC).replace(microsecond=0)

    with writing(made.platform) as writers:
        written()
        set_id = made.make().id
        moments["a second after the set"] = written()
        written()
        moments["one that no set had seen"] = written()
        written()
    return Past(writers, moments, set_id)


@pytest.mark.parametrize("which", ["a second after the set", "one that no set had seen"])
def test_all_that_was_acknowledged_before_a_time_is_there_and_nothing_after(made: Sets, past: Past, which: str) -> None:
    moment, name = past.moments[which], f"faults-time-{os.getpid()}"
    restore(made.platform, moment.isoformat(), stores=["postgres", "redis"], into=name, folder=made.folder)
    try:
        found = found_in(made.restored(name))
    finally:
        remove(name)
    assert set(past.writers) == {"postgres", "redis"}
    for store, writer in past.writers.items():
        before, after = writer.until(moment)
        assert before, store
        assert after, store
        assert before <= found[store], f"{store} lost {sorted(before - found[store])[:5]}"
        assert not after & found[store], f"{store} has {sorted(after & found[store])[:5]} from after it"


def test_a_moment_within_a_second_never_shows_what_came_after(made: Sets, past: Past) -> None:
    moment, name = past.moments["one that no set had seen"] + timedelta(seconds=0.4), f"faults-within-{os.getpid()}"
    done = restore(made.platform, moment.isoformat(), stores=["redis"], into=name, folder=made.folder)
    assert datetime.fromisoformat(done.stores["redis"]["shows"]) == moment.replace(microsecond=0)
    try:
        found = remembered_in(made.restored(name))
    finally:
        remove(name)
    before, _ = past.writers["redis"].until(moment.replace(microsecond=0))
    _, after = past.writers["redis"].until(moment)
    assert before
    assert after
    assert before <= found
    assert not after & found


def test_a_set_made_while_clients_wrote_is_exact(made: Sets, past: Past) -> None:
    """Its counts and checksums are those of the restored rows, although thousands were written around its reference point."""
    report = drill(made.platform, past.set_id, folder=made.folder)
    assert report.passed, [report.failure, *(proof for proof in report.proofs if not proof.passed)]
