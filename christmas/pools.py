"""Redis clients: RESP3, bounded pools, short timeouts, retries with backoff.

Bytes that are not UTF-8 become lone surrogates: one odd key does not break a scan, and `values.decode` refuses odd values.
"""

from __future__ import annotations

from typing import Any

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import ExponentialWithJitterBackoff
from redis.retry import Retry

MAX_CONNECTIONS = 64
"""Connections per pool. A service with two processes stays far below the server's limit of clients."""
WAIT_FOR_CONNECTION = 2.0
"""Seconds to wait for a free connection before the call fails like with a server that is down."""
TIMEOUT = 2.0
"""Seconds to connect, and to wait for an answer."""
RETRIES = 3


def _backoff() -> ExponentialWithJitterBackoff:
    return ExponentialWithJitterBackoff(cap=0.25, base=0.01)


def _options(max_connections: int, timeout: float) -> dict[str, Any]:
    return {
        "protocol": 3,
        "decode_responses": True,
        "encoding_errors": "surrogateescape",
        "max_connections": max_connections,
        "timeout": WAIT_FOR_CONNECTION,
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        "health_check_interval": 30,
    }


def connect(url: str, *, max_connections: int = MAX_CONNECTIONS, timeout: float = TIMEOUT) -> redis.Redis:
    """A client for `url` (`REDIS_URL`, with its TLS settings); can be shared between threads. Connects at first use."""
    pool = redis.BlockingConnectionPool.from_url(url, retry=Retry(_backoff(), RETRIES), **_options(max_connections, timeout))
    return redis.Redis.from_pool(pool)


def connect_async(url: str, *, max_connections: int = MAX_CONNECTIONS, timeout: float = TIMEOUT) -> redis.asyncio.Redis:
    """The same for asyncio; for one event loop."""
    pool = redis.asyncio.BlockingConnectionPool.from_url(url, retry=AsyncRetry(_backoff(), RETRIES), **_options(max_connections, timeout))
    return redis.asyncio.Redis.from_pool(pool)
