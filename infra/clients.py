"""Connections to the three stores, certificates verified, each opened for one account."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
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
    import os

    import grpc
    import weaviate
    from weaviate.classes.init import AdditionalConfig, Auth, GrpcConfig, Timeout

    host, port = platform.endpoints["weaviate"].address()
    grpc_host, grpc_port = platform.endpoints["weaviate_grpc"].address()
    credentials = grpc.ssl_channel_credentials(root_certificates=platform.ca_file.read_bytes())
    # The client's REST half takes a CA from the environment only.
    before = os.environ.get("SSL_CERT_FILE")
    os.environ["SSL_CERT_FILE"] = str(platform.ca_file)
    try:
        client = weaviate.connect_to_custom(
            http_host=host,
            http_port=port,
            http_secure=True,
            grpc_host=grpc_host,
            grpc_port=grpc_port,
            grpc_secure=True,
            auth_credentials=Auth.api_key(platform.secret(account, "weaviate")),
            headers={"X-OpenAI-Api-Key": platform.embedding_key},
            additional_config=AdditionalConfig(
                trust_env=True,
                timeout=Timeout(init=patience(10), query=patience(60), insert=patience(120)),
                grpc_config=GrpcConfig(credentials=credentials),
            ),
        )
    finally:
        if before is None:
            del os.environ["SSL_CERT_FILE"]
        else:
            os.environ["SSL_CERT_FILE"] = before
    try:
        yield client
    finally:
        client.close()
