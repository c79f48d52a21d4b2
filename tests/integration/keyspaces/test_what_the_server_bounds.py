"""What the platform's own redis.conf holds an account to that its ACL can't see, and what neither holds: docs/adr/0611."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
import redis

from infra import clients
from infra.connections import Platform
from monitor import keyspaces, redis_settings
from monitor.keyspace_audit import Fault, audit
from tests.support.redis_server import run_scratch_redis

MIB = 2**20
WRITERS = ("api", "app")
HUNG_UP = (redis.exceptions.ConnectionError, redis.exceptions.ResponseError)


@pytest.fixture(scope="module")
def bounded() -> Iterator[Platform]:
    with run_scratch_redis("maxmemory 64mb") as (platform, _container):
        yield platform


@pytest.mark.parametrize("account", WRITERS)
def test_no_value_is_larger_than_the_server_lets_one_be(bounded: Platform, account: str) -> None:
    with clients.redis_client(bounded, account) as client, pytest.raises(HUNG_UP):
        client.set("user:1:preferences", "x" * (MIB + 1), ex=60)
    with clients.redis_client(bounded, account) as client:
        with client.pipeline(transaction=True) as pipe:
            for number in range(12):
                pipe.set(f"user:{number}:preferences", "x" * (MIB - 1000), ex=60)
            with pytest.raises(HUNG_UP):
                pipe.execute()
        assert not client.exists("user:1:preferences", "user:11:preferences")
    assert redis_settings.policy(bounded).status == "ok"


def test_all_clients_together_take_no_more_than_their_share(bounded: Platform) -> None:
    """Transactions that are never carried out, each within the bound of one: the server hangs up where they are too much together."""
    with clients.redis_client(bounded, "monitor") as monitor, contextlib.ExitStack() as held:

        def hung_up() -> int:
            return int(monitor.info("stats")["evicted_clients"])

        before = hung_up()
        for _ in range(4):
            one = redis.Redis.from_url(bounded.redis_url("api"), single_connection_client=True)
            held.callback(one.close)
            with contextlib.suppress(*HUNG_UP):
                one.execute_command("MULTI")
                for number in range(4):
                    one.execute_command("SET", f"user:{number}:preferences", "x" * (MIB - 1000), "EX", 60)
        assert hung_up() > before
        assert monitor.ping()


@pytest.mark.parametrize("account", WRITERS)
def test_what_the_server_can_not_hold_is_found_and_mended(bounded: Platform, account: str) -> None:
    """Without an expiry, with one that is too long, and too big for its keyspace: each is told, and the former two are mended."""
    with clients.redis_client(bounded, account) as client:
        client.set("user:1:preferences", "{}")
        client.incr("rate_limit:192.0.2.1")
        client.hset(f"session:{'a' * 64}", "user_id", "1")
        client.set("user:2:preferences", "{}", ex=10**9)
        client.set("user:3:preferences", "x" * 100_000, ex=60)
        with clients.redis_client(bounded, "monitor") as monitor:
            faults = {(finding.key, finding.fault) for finding in audit(monitor).findings}
        assert {
            ("user:1:preferences", Fault.NO_EXPIRY),
            ("rate_limit:192.0.2.1", Fault.NO_EXPIRY),
            (f"session:{'a' * 64}", Fault.NO_EXPIRY),
            ("user:2:preferences", Fault.LONG_EXPIRY),
            ("user:3:preferences", Fault.OVERSIZED),
        } <= faults
        assert keyspaces.expiry(bounded).status == "critical"
        assert keyspaces.mend_next(bounded, 0) == (4, 0)
        left = [int(client.ttl(str(key))) for key in client.scan_iter()]
        assert len(left) == 5
        assert all(0 < seconds <= 86_400 for seconds in left)
        client.unlink(*client.scan_iter())
