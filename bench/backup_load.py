"""What the backup's benchmark works on: a platform filled to a size, changed by a share, and clients that write steadily."""

from __future__ import annotations

import contextlib
import os
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from christmas.blueprint.relational import CANDLES_PER_WEEK, CHUNK_INTERVAL, DATABASE
from core.container_commands import execute
from infra.clients import postgres, redis_client, weaviate_client
from infra.connections import Platform

COLLECTION = "ChristmasDocument_embedded_be7c4000"
MARKET_BYTES = 1_000_000_000
REDIS_KEYS = 200_000
DOCUMENTS = 20_000
DIMENSIONS = 384
USERS = 1000  # as the statement below makes them
_BATCH_ROWS = 500_000
_WRITES_A_SECOND, _SEARCHES_A_SECOND = 100, 10
CLIENTS = {"postgres": "p99 of PostgreSQL's writers", "redis": "p99 of Redis' writers", "weaviate": "p95 of Weaviate's searches by vector"}

# Candles at the rate that the blueprint plans for: 500 symbols, one a minute in sessions of 390 minutes from Monday to Friday. The first
# day is a Thursday on which a chunk begins. Prices look like prices: neither all alike nor noise.
_CANDLES = """
insert into market_data (symbol, timestamp, open, high, low, close, volume)
select 'S' || lpad(mod(i, 500)::text, 4, '0'),
    timestamptz '2021-12-23 14:30Z' + make_interval(weeks => session / 5, days => (array[0, 1, 4, 5, 6])[1 + mod(session, 5)])
        + mod(i / 500, 390) * interval '1 minute',
    price, price + 0.5, price - 0.5, price + 0.1, 1000 + mod(i::bigint * 7919, 90000)
from (select i, i / 500 / 390 as session, round((100 + 40 * sin(i / 90000.0) + random())::numeric, 2) as price
    from generate_series({first}, {last}) as i) as drawn
"""
CANDLES_OF_A_CHUNK = round(CANDLES_PER_WEEK * (CHUNK_INTERVAL / timedelta(weeks=1)))

_USERS = """
insert into users (username, email, password_hash)
select 'user' || i, 'user' || i || '@example.org', '$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQxMjM0$aGFzaGhhc2hoYXNoaGFzaA'
from generate_series(1, 1000) as i
"""


def _psql(platform: Platform, statement: str) -> str:
    line = ["psql", "-X", "-Atq", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", DATABASE, "-c", statement]
    return execute(platform.containers["timescaledb"], line, user="postgres").text()


def fill(platform: Platform, scale: float, report: Callable[[str], object]) -> int:
    """Fill all three stores; returns how many candles there are."""
    report("candles")
    rows = 0
    while int(_psql(platform, "select hypertable_size('market_data')")) < scale * MARKET_BYTES:
        count = max(10_000, round(_BATCH_ROWS * min(1.0, scale)))
        write_candles(platform, rows, count)
        rows += count
    settle(platform)
    # The drill insists that the user whom a session names exists.
    _psql(platform, _USERS)
    report("keys")
    write_keys(platform, 0, round(REDIS_KEYS * scale))
    report("documents")
    with weaviate_client(platform, "indexer") as store:
        from weaviate.classes.config import Configure, DataType, Property

        store.collections.create(
            COLLECTION,
            vector_config=Configure.Vectors.self_provided(),
            properties=[Property(name="content", data_type=DataType.TEXT), Property(name="file_path", data_type=DataType.TEXT)],
        )
    write_documents(platform, 0, round(DOCUMENTS * scale))
    return rows


def write_candles(platform: Platform, first: int, count: int) -> None:
    """Candles from that number on."""
    _psql(platform, _CANDLES.format(first=first, last=first + count - 1))


def settle(platform: Platform) -> None:
    """What a real server has done by itself by then: hint bits and visibility are on the disk."""
    _psql(platform, "vacuum analyze market_data")
    _psql(platform, "checkpoint")


def touch(platform: Platform, rows: int) -> None:
    """Change the newest candles."""
    newest = f"select symbol, timestamp from market_data order by timestamp desc limit {rows}"  # noqa: S608 - a number
    _psql(platform, f"update market_data set volume = volume + 1 where (symbol, timestamp) in ({newest})")  # noqa: S608


def bytes_read(platform: Platform) -> float:
    """Bytes of the database that the server's sessions have read, from its cache or not."""
    read = "select (sum(blks_hit) + sum(blks_read)) * current_setting('block_size')::int from pg_stat_database"
    return float(_psql(platform, f"select pg_stat_force_next_flush(); {read}").splitlines()[-1])


def change(platform: Platform, rows: int, scale: float, share: float) -> None:
    """Add a share of what is there to each store: newer candles, newer sessions, new documents."""
    write_candles(platform, rows, round(rows * share))
    write_keys(platform, round(REDIS_KEYS * scale), round(REDIS_KEYS * scale * share))
    write_documents(platform, round(DOCUMENTS * scale), round(DOCUMENTS * scale * share))


def write_keys(platform: Platform, first: int, count: int) -> None:
    """Sessions of the blueprint's shape."""
    with redis_client(platform, "api") as client:
        for start in range(first, first + count, 1000):
            pipeline = client.pipeline(transaction=False)
            for number in range(start, min(start + 1000, first + count)):
                name = f"session:{number:08d}-{os.urandom(8).hex()}"
                fields = {"user_id": number % USERS + 1, "username": f"user{number % USERS + 1}", "roles": '["trader"]', "ip": "192.0.2.7"}
                pipeline.hset(name, mapping=fields)  # type: ignore[arg-type]
                pipeline.expire(name, timedelta(hours=20))
            pipeline.execute()


def write_documents(platform: Platform, first: int, count: int) -> None:
    """Passages with ready vectors."""
    with weaviate_client(platform, "indexer") as store:
        collection = store.collections.use(COLLECTION)
        with collection.batch.fixed_size(batch_size=256, concurrent_requests=2) as batch:
            for number in range(first, first + count):
                vector = [byte / 127.5 - 1 for byte in os.urandom(DIMENSIONS)]
                text = f"passage {number} " + "of a document about markets and orders " * 8
                batch.add_object({"content": text, "file_path": f"docs/{number // 20}.md"}, vector=vector)
        if collection.batch.failed_objects:
            raise RuntimeError("not every document was written")


@dataclass
class Latencies:
    """When each write of one client began and how long it took, in seconds."""

    percent: int = 99
    seen: list[tuple[float, float]] = field(default_factory=list)

    def quantile(self, spans: list[tuple[float, float]]) -> float:
        """That percentile of what began within these spans of monotonic time."""
        within = [took for began, took in self.seen if any(start <= began < end for start, end in spans)]
        return statistics.quantiles(within, n=100)[self.percent - 1]


@contextlib.contextmanager
def writing(platform: Platform) -> Iterator[dict[str, Latencies]]:
    """Clients of PostgreSQL and Redis with a hundred writes a second each, and one of Weaviate with ten searches, until the block ends."""
    latencies_by_store = {"postgres": Latencies(), "redis": Latencies(), "weaviate": Latencies(95)}
    stop = threading.Event()
    with (
        postgres(platform, "ingest", autocommit=True) as connection,
        redis_client(platform, "api") as client,
        weaviate_client(platform, "rag") as store,
    ):
        passages = store.collections.use(COLLECTION)

        def insert(number: int) -> None:
            connection.execute(
                "insert into market_data (symbol, timestamp, open, volume) values ('WRITER', clock_timestamp(), 1, %s)", (number,)
            )

        def remember(number: int) -> None:
            client.set(f"rate_limit:10.1.{number // 250 % 250}.{number % 250}", 1, ex=3600)

        def search(_: int) -> None:
            passages.query.near_vector([byte / 127.5 - 1 for byte in os.urandom(DIMENSIONS)], limit=5)

        def run(write: Callable[[int], object], latencies: Latencies, rate: float) -> None:
            number = 0
            while not stop.is_set():
                began = time.monotonic()
                write(number)
                took = time.monotonic() - began
                latencies.seen.append((began, took))
                number += 1
                stop.wait(max(0.0, 1 / rate - took))

        jobs = [
            (insert, latencies_by_store["postgres"], _WRITES_A_SECOND),
            (remember, latencies_by_store["redis"], _WRITES_A_SECOND),
            (search, latencies_by_store["weaviate"], _SEARCHES_A_SECOND),
        ]
        threads = [threading.Thread(target=run, args=job) for job in jobs]
        for thread in threads:
            thread.start()
        try:
            yield latencies_by_store
        finally:
            stop.set()
            for thread in threads:
                thread.join()
