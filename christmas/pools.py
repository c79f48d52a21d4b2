"""Clients for the accessors: RESP3, bounded pools, short time-outs, retries with backoff.

Bytes that are no UTF-8 come as lone surrogates: one odd key among those of a scan ends nothing, and `values.decode` refuses odd values.
"""

from __future__ import annotations

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import ExponentialWithJitterBackoff
from redis.retry import Retry

MAX_CONNECTIONS = 64
"""Connections of one pool. A service of two processes stays far below the server's bound of clients."""
WAIT_FOR_CONNECTION = 2.0
"""Seconds to wait for a free connection before the call fails as if the server were down."""
TIMEOUT = 2.0
"""Seconds to connect, and to wait for an answer."""
RETRIES = 3


def _backoff() -> ExponentialWithJitterBackoff:
    return ExponentialWithJitterBackoff(cap=0.25, base=0.01)


def connect(url: str, *, max_connections: int = MAX_CONNECTIONS, timeout: float = TIMEOUT) -> redis.Redis:
    """A client for `url` (`REDIS_URL`, TLS and all); safe to share between threads. Connects when first used."""
    pool = redis.BlockingConnectionPool.from_url(
        url,
        protocol=3,
        decode_responses=True,
        encoding_errors="surrogateescape",
        max_connections=max_connections,
        timeout=WAIT_FOR_CONNECTION,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        health_check_interval=30,
        retry=Retry(_backoff(), RETRIES),
    )
    return redis.Redis.from_pool(pool)


def connect_async(url: str, *, max_connections: int = MAX_CONNECTIONS, timeout: float = TIMEOUT) -> redis.asyncio.Redis:
    """The same for asyncio; for one event loop."""
    pool = redis.asyncio.BlockingConnectionPool.from_url(
        url,
        protocol=3,
        decode_responses=True,
        encoding_errors="surrogateescape",
        max_connections=max_connections,
        timeout=WAIT_FOR_CONNECTION,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        health_check_interval=30,
        retry=AsyncRetry(_backoff(), RETRIES),
    )
    return redis.asyncio.Redis.from_pool(pool)
