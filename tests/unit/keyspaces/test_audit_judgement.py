"""What the audit says of one key, as a table."""

from __future__ import annotations

import pytest

from christmas.blueprint.keyspace_model import Keyspace
from christmas.blueprint.keyspaces_and_ttls import MARKET_LATEST, RATE_LIMIT, SESSION, USER_PREFERENCES
from monitor.keyspace_audit import SLACK_MS, Fault, judge

CANDLE = [field.name for field in MARKET_LATEST.fields]
LOGIN = [field.name for field in SESSION.fields]


@pytest.mark.parametrize(
    ("keyspace", "kind", "ttl_ms", "memory", "shape", "faults"),
    [
        (MARKET_LATEST, "hash", 4000, 300, CANDLE, []),
        (MARKET_LATEST, "hash", 5000 + SLACK_MS, 300, CANDLE, []),
        (MARKET_LATEST, "hash", 5001 + SLACK_MS, 300, CANDLE, [Fault.LONG_EXPIRY]),
        (MARKET_LATEST, "hash", -1, 300, CANDLE, [Fault.NO_EXPIRY]),
        (MARKET_LATEST, "hash", 4000, 300, [*CANDLE, "note"], [Fault.WRONG_SHAPE]),
        (MARKET_LATEST, "hash", 4000, 300, CANDLE[1:], [Fault.WRONG_SHAPE]),
        (MARKET_LATEST, "string", 4000, 300, None, [Fault.WRONG_TYPE]),
        (MARKET_LATEST, "string", -1, 300, None, [Fault.NO_EXPIRY, Fault.WRONG_TYPE]),
        (MARKET_LATEST, "hash", 4000, 100_000, CANDLE, [Fault.OVERSIZED]),
        (MARKET_LATEST, "hash", 4000, 300, [], []),  # expired while it was looked at
        (SESSION, "hash", 4000, 600, [*LOGIN, "user_agent"], []),
        (RATE_LIMIT, "string", 4000, 60, 3, []),
        (RATE_LIMIT, "string", 4000, 60, 21, [Fault.WRONG_SHAPE]),
        (RATE_LIMIT, "string", 4000, 60, 65, [Fault.OVERSIZED]),
        (USER_PREFERENCES, "string", 4000, 60, 16_384, []),
        (USER_PREFERENCES, "string", 4000, 60, 16_385, [Fault.OVERSIZED]),
    ],
)
def test_judgement(keyspace: Keyspace, kind: str, ttl_ms: int, memory: int, shape: object, faults: list[Fault]) -> None:
    assert judge(keyspace, kind, ttl_ms, memory, shape) == faults
