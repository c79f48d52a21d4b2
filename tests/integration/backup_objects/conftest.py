"""One platform in scratch containers, with one of each object in it that somebody may put there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from backup.weaviate.portable.wire import Wire
from core.container_commands import execute
from core.docker_client import docker_client
from infra.connections import Platform
from infra.provider import psql
from tests.support.scratch_platform import ROOT_KEY, ScratchPlatform, fill, run_scratch_platform

TENANTS = "ByTenant"
ODD_KEY = b"session:\xff\xfe\x01old-php-client"


@pytest.fixture(scope="package")
def scratch_platform() -> Iterator[ScratchPlatform]:
    with run_scratch_platform() as running:
        fill(running.platform)
        _fill_postgres(running.platform)
        _fill_redis(running.platform)
        _fill_weaviate(running.platform)
        yield running


def superuser(platform: Platform, statements: str) -> str:
    """Run statements as the server's own user, in the platform's database."""
    running = docker_client().containers.get(platform.containers["timescaledb"])
    return psql.run(running, f"set search_path to public;\n{statements}", database="christmas_db")


def _fill_postgres(platform: Platform) -> None:
    execute(platform.containers["timescaledb"], ["mkdir", "/home/postgres/pgdata/elsewhere"], user="postgres")
    superuser(platform, Path(__file__).with_name("make.sql").read_text())
    # Whose sessions live on.
    superuser(platform, "delete from users where id = 20")


def _fill_redis(platform: Platform) -> None:
    """What account api may write, whatever the blueprint says; and of each type one, which only others can."""
    with redis.Redis.from_url(platform.redis_url("api")) as client:
        client.hset(ODD_KEY, "user_id", "1")
        client.expire(ODD_KEY, 3600)
        client.hset("session:bytes", mapping={b"\xff\x00": b"\xfe" * 10, "user_id": "no number"})
        client.expire("session:bytes", 3600)
        client.set("user:abc:preferences", b"\xff\xfe")
    with redis.Redis.from_url(platform.redis_url("admin")) as client:
        client.set("session:plain", "no hash", ex=3600)
        client.xadd("stream", {"a": "b"})
        client.rpush("list", b"\xff")
        client.sadd("set", b"\xfe")
        client.zadd("zset", {b"\xff\x01": 1.5})
        client.set(b"\x00\xff", b"\x80", ex=3600)


def _fill_weaviate(platform: Platform) -> None:
    with Wire(platform.weaviate_url(), key=ROOT_KEY, ca_file=platform.ca_file) as wire:
        properties = [{"name": "t", "dataType": ["text"]}]
        enabled = {"enabled": True}
        wire.post("schema", {"class": TENANTS, "vectorizer": "none", "multiTenancyConfig": enabled, "properties": properties})
        wire.post(f"schema/{TENANTS}/tenants", [{"name": "seoul"}, {"name": "put-away"}])
        for tenant in ("seoul", "put-away"):
            one = {"class": TENANTS, "id": "11111111-1111-4111-8111-111111111111", "tenant": tenant, "vector": [1, 2]}
            (answer,) = wire.post("batch/objects", {"objects": [{**one, "properties": {"t": tenant}}]})
            assert answer["result"]["status"] == "SUCCESS"
        wire._wanted(wire._send("PUT", f"schema/{TENANTS}/tenants", json=[{"name": "put-away", "activityStatus": "COLD"}]), "PUT")
        # Nothing in them has a vector, or a collection has nothing in it.
        wire.post("schema", {"class": "WithoutVectors", "vectorizer": "none", "properties": properties})
        wire.post("batch/objects", {"objects": [{"class": "WithoutVectors", "properties": {"t": "words alone"}}]})
        wire.post("schema", {"class": "Empty", "vectorizer": "none", "properties": properties})
        # What is nearest to an object's own vector is not at distance zero, or can't be asked.
        for name, index, vectors in (
            ("ByProduct", {"distance": "dot"}, ([1, 2, 3], [10, 20, 30])),
            ("OfZeros", {}, ([0, 0, 0], [1, 0, 0])),
            ("WithoutIndex", {"skip": True}, ([1, 2, 3],)),
        ):
            wire.post("schema", {"class": name, "vectorizer": "none", "vectorIndexConfig": index, "properties": properties})
            for vector in vectors:
                wire.post("batch/objects", {"objects": [{"class": name, "properties": {"t": "x"}, "vector": vector}]})
        several = {"m": {"vectorizer": {"none": {}}, "vectorIndexType": "hnsw", "vectorIndexConfig": {"multivector": {"enabled": True}}}}
        wire.post("schema", {"class": "ByManyVectors", "vectorConfig": several, "properties": properties})
        for many in ([[1, 2], [3, 4]], [[5, 6]]):
            wire.post("batch/objects", {"objects": [{"class": "ByManyVectors", "properties": {"t": "x"}, "vectors": {"m": many}}]})
