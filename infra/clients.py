"""Connections to the three stores with verified certificates, each as one account."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from christmas.blueprint.postgres_bounds import AUTHENTICATION_SECONDS
from christmas.weaviate_access import WeaviateAccess
from core.patience import patience
from infra.connections import Platform

if TYPE_CHECKING:
    import psycopg
    import redis
    import weaviate


_SERVER_WAITS_SECONDS = 2.0 * AUTHENTICATION_SECONDS
"""How long the server may hold a connection whose client has given up; twice its own limit, for a slow machine."""
_unanswered_logins: dict[object, float] = {}


@contextlib.contextmanager
def postgres(platform: Platform, account: str, *, autocommit: bool = False, **options: Any) -> Iterator[psycopg.Connection]:
    """A psycopg connection; committed at the end unless the block raises."""
    import psycopg

    unanswered_logins()  # forgets the old ones, of which a process that runs for weeks would have many
    login = object()
    _unanswered_logins[login] = time.monotonic()
    try:
        connection = psycopg.connect(
            platform.postgres_url(account),
            autocommit=autocommit,
            connect_timeout=round(patience(10)),
            application_name=f"christmas-{account}",
            **options,
        )
    except psycopg.OperationalError as error:
        if "FATAL" in str(error):  # the server's own words: it has answered
            _unanswered_logins.pop(login, None)
        raise
    _unanswered_logins.pop(login, None)
    with connection:
        yield connection


def unanswered_logins() -> int:
    """The logins to PostgreSQL of this process that got no answer, as far as the server may still hold their connections."""
    since = time.monotonic() - _SERVER_WAITS_SECONDS
    for login, began in list(_unanswered_logins.items()):
        if began < since:
            _unanswered_logins.pop(login, None)
    return len(_unanswered_logins)


@contextlib.contextmanager
def redis_client(platform: Platform, account: str) -> Iterator[redis.Redis]:
    """A redis-py client (RESP3, text answers). Bytes that are not UTF-8 become lone surrogates and are sent back unchanged."""
    import redis

    client: redis.Redis = redis.Redis.from_url(
        platform.redis_url(account),
        protocol=3,
        decode_responses=True,
        # Any client may write a key of any bytes; code that lists all keys must handle them.
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
    """A Weaviate client, REST and gRPC, both trusting only the stack's CA. Sends the embedding key that the vectorizer needs."""
    host, port = platform.endpoints["weaviate"].address()
    grpc_host, grpc_port = platform.endpoints["weaviate_grpc"].address()
    client = WeaviateAccess(
        host,
        port,
        grpc_host,
        grpc_port,
        platform.ca_file,
        key=platform.secret(account, "weaviate"),
        embedding_key=platform.embedding_key,
        init=patience(10),
        query=patience(60),
        insert=patience(120),
    ).client()
    try:
        client.connect()
        yield client
    finally:
        client.close()
