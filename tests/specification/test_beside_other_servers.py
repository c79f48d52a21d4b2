"""Each store's own client with the fewest lines, in one process with calls to other hosts: the environment file serves them all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra import env_file
from infra.connections import Platform
from tests.support.scratch import new_authority
from tests.unit.infra.test_trust import https_server

pytestmark = pytest.mark.exhaustive
APPLICATION = """
import asyncio, json, os, sys, urllib.request
from urllib.parse import urlsplit
import httpx, openai, psycopg, redis, redis.asyncio, weaviate
from weaviate.classes.init import AdditionalConfig, Auth

elsewhere = sys.argv[1]
found = {}
address = urlsplit(os.environ["WEAVIATE_URL"])
weaviate_options = dict(
    http_host=address.hostname, http_port=address.port, http_secure=True,
    grpc_host=os.environ["WEAVIATE_GRPC_HOST"], grpc_port=int(os.environ["WEAVIATE_GRPC_PORT"]), grpc_secure=True,
    auth_credentials=Auth.api_key(os.environ["WEAVIATE_API_KEY"]), additional_config=AdditionalConfig(trust_env=True),
)
with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
    found["psycopg"] = connection.execute("select current_user").fetchone()[0]
found["redis"] = redis.Redis.from_url(os.environ["REDIS_URL"]).ping()
with weaviate.connect_to_custom(**weaviate_options) as client:
    found["weaviate"] = len(client.collections.use("ChristmasDocument").query.fetch_objects(limit=1).objects)
found["embedder"] = len(openai.OpenAI().embeddings.create(model="multilingual-e5-small", input="a", encoding_format="float").data)

async def again():
    async with await psycopg.AsyncConnection.connect(os.environ["DATABASE_URL"]) as connection:
        found["async psycopg"] = (await (await connection.execute("select current_user")).fetchone())[0]
    async with redis.asyncio.Redis.from_url(os.environ["REDIS_URL"]) as client:
        found["async redis"] = await client.ping()
    async with weaviate.use_async_with_custom(**weaviate_options) as client:
        found["async weaviate"] = len((await client.collections.use("ChristmasDocument").query.fetch_objects(limit=1)).objects)
    async with httpx.AsyncClient() as client:
        found["async elsewhere"] = (await client.get(elsewhere)).status_code

asyncio.run(again())
found["httpx"] = httpx.get(elsewhere).status_code
found["urllib"] = urllib.request.urlopen(elsewhere).status
found["openai"] = openai.OpenAI(base_url=elsewhere.removesuffix("/models")).models.list().data
print(json.dumps(found))
"""


def test_every_client_connects_beside_calls_to_other_hosts(platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = new_authority()
    (tmp_path / "machine.pem").write_bytes(authority.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "machine.pem"))
    file = env_file.write(platform, "app", path=tmp_path / "app.env")
    with https_server(authority, tmp_path) as port:
        done = subprocess.run(
            ["sh", "-c", f'set -a; . "{file}"; exec "$0" "$@"', sys.executable, "-c", APPLICATION, f"https://localhost:{port}/v1/models"],
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout) == {
        "psycopg": "app",
        "redis": True,
        "weaviate": 1,
        "embedder": 1,
        "async psycopg": "app",
        "async redis": True,
        "async weaviate": 1,
        "async elsewhere": 200,
        "httpx": 200,
        "urllib": 200,
        "openai": [],
    }
