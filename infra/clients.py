"""Connections to the three stores, certificates verified, each opened for one account."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.patience import patience
from infra.connections import Platform

if TYPE_CHECKING:
    import psycopg
    import redis
    import weaviate


@contextlib.contextmanager
def postgres(platform: Platform, account: str, *, autocommit: bool = False, **options: Any) -> Iterator[psycopg.Connection]:
    """A psycopg connection; committed at the end unless an exception leaves the block."""
    import psycopg

    with psycopg.connect(
        platform.postgres_url(account),
        autocommit=autocommit,
        connect_timeout=round(patience(10)),
        application_name=f"christmas-{account}",
        **options,
    ) as connection:
        yield connection


@contextlib.contextmanager
def redis_client(platform: Platform, account: str) -> Iterator[redis.Redis]:
    """A redis-py client (RESP3, text answers). Bytes that are no UTF-8 come as lone surrogates and go back as the very same bytes."""
    import redis

    client: redis.Redis = redis.Redis.from_url(
        platform.redis_url(account),
        protocol=3,
        decode_responses=True,
        # Any client may write a key of any bytes; whoever looks at all keys has to bear it.
        encoding_errors="surrogateescape",
        socket_connect_timeout=patience(10),
        socket_timeout=patience(30),
        client_name=f"christmas-{account}",
    )
    try:
        yield client
    finally:
        client.close()


@contextlib.contextmanager
def weaviate_client(platform: Platform, account: str) -> Iterator[weaviate.WeaviateClient]:
    """A Weaviate client, REST and gRPC, both trusting the stack's CA alone. Sends the embedding key that the vectorizer needs."""
    import grpc
    import weaviate
    from weaviate.classes.init import AdditionalConfig, Auth, GrpcConfig, Timeout
    from weaviate.connect import ConnectionParams

    host, port = platform.endpoints["weaviate"].address()
    grpc_host, grpc_port = platform.endpoints["weaviate_grpc"].address()
    client = weaviate.WeaviateClient(
        ConnectionParams.from_params(host, port, True, grpc_host, grpc_port, True),  # noqa: FBT003 # secure, both
        auth_client_secret=Auth.api_key(platform.secret(account, "weaviate")),
        additional_headers={"X-OpenAI-Api-Key": platform.embedding_key},
        additional_config=AdditionalConfig(
            timeout=Timeout(init=patience(10), query=patience(60), insert=patience(120)),
            grpc_config=GrpcConfig(credentials=grpc.ssl_channel_credentials(root_certificates=platform.ca_file.read_bytes())),
        ),
    )
    _trust(client, platform.ca_file)
    try:
        client.connect()
        yield client
    finally:
        client.close()


def _trust(client: weaviate.WeaviateClient, ca_file: Path) -> None:
    """Let the REST half of this client trust a CA, and ask no package index for a newer client: the lock file decides on that.

    The library takes a CA from the environment only, which belongs to the whole process: other threads open connections meanwhile.
    """
    import ssl

    import httpx

    connection = client._connection
    context = ssl.create_default_context(cafile=str(ca_file))
    # What it makes its HTTP client with; proxies of the environment are for other hosts than the stack's.
    connection._make_client = lambda _colour: httpx.Client(headers=connection._headers, verify=context, trust_env=False)  # type: ignore[method-assign, assignment]
    connection._check_package_version = lambda _colour: None  # type: ignore[method-assign, assignment]
