"""Redis keys that no keyspace would have, one or two with each fault that the audit knows."""

from __future__ import annotations

from typing import Any

import redis

from monitor.keyspace_audit import Fault

SESSION: dict[Any, Any] = {
    "user_id": "1",
    "username": "x",
    "roles": "[]",
    "created_at": "2026-11-23T12:00:00+00:00",
    "expires_at": "2026-11-24T12:00:00+00:00",
}


FOREVER, SHAPE, BIG = (f"session:{each * 64}" for each in "abc")
"""Named as a session is: by a hash."""


def plant(admin: redis.Redis) -> dict[str, Fault]:
    """One key with each fault, none of which is gone by itself before a slow machine has looked."""
    admin.set("cache:stray", "1", ex=600)
    admin.set("market:A:B:latest", "1", ex=600)
    admin.hset(FOREVER, mapping=SESSION)
    admin.set("rate_limit:192.0.2.1", "1", ex=600)
    admin.hset("user:9000002:preferences", mapping={"theme": "dark"})
    admin.expire("user:9000002:preferences", 600)
    admin.hset(SHAPE, mapping={"user_id": "1"})
    admin.expire(SHAPE, 600)
    admin.set("rate_limit:192.0.2.2", "9" * 30, ex=60)
    admin.hset(BIG, mapping={**SESSION, "extra": "x" * 20_000})
    admin.expire(BIG, 600)
    admin.set("user:9000001:preferences", "x" * 20_000, ex=600)
    admin.hset("session:token", mapping=SESSION)
    admin.expire("session:token", 600)
    return {
        "cache:stray": Fault.UNKNOWN,
        "market:A:B:latest": Fault.UNKNOWN,
        FOREVER: Fault.NO_EXPIRY,
        "rate_limit:192.0.2.1": Fault.LONG_EXPIRY,
        "user:9000002:preferences": Fault.WRONG_TYPE,
        SHAPE: Fault.WRONG_SHAPE,
        "rate_limit:192.0.2.2": Fault.WRONG_SHAPE,
        BIG: Fault.OVERSIZED,
        "user:9000001:preferences": Fault.OVERSIZED,
        "session:token": Fault.TELLING,
    }
