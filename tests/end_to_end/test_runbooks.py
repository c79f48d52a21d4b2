"""Faults of a running stack, by the pages of docs/runbooks: the alert fires, its page's checks name the fault, and its commands mend it.

That a service is down, deadlocks, a critical check and a hanging exporter are in test_monitoring.py.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from airgap.images.catalog import BASE_IMAGE
from infra import clients
from tests.end_to_end.watched import Watched, carry_out, fires, is_counted, is_over
from tests.support.inside import inside, printed_alone

pytestmark = pytest.mark.exhaustive


@contextlib.contextmanager
def setting(watched: Watched, name: str, value: Callable[[Any], object]) -> Iterator[redis.Redis]:
    """A setting of Redis changed, and put back."""
    with clients.redis_client(watched.platform, "admin") as admin:
        before = str(admin.config_get(name)[name])
        admin.config_set(name, str(value(admin)))
        try:
            yield admin
        finally:
            admin.config_set(name, before)


def test_redis_that_can_not_save(watched: Watched) -> None:
    container = watched.stack.container("redis")
    began = time.monotonic()
    inside(container, "chmod", "500", "/data")
    try:
        with clients.redis_client(watched.platform, "admin") as admin:
            admin.bgsave()
        assert fires(watched, "RedisDoesNotSave", began)["severity"] == "critical"
        assert carry_out(watched, "RedisDoesNotSave", "Confirm")[0] == 2
    finally:
        inside(container, "chmod", "700", "/data")
    assert carry_out(watched, "RedisDoesNotSave", "Mend") == [0]
    is_over(watched, "RedisDoesNotSave")


def test_redis_that_throws_keys_away(watched: Watched) -> None:
    names = [f"rate_limit:192.0.2.{number}" for number in range(3000)]
    is_counted(watched, "redis_evicted_keys_total")
    watched.stack.invoke("check", "--only", "redis.evictions", check=False)
    with clients.redis_client(watched.platform, "api") as api, api.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.set(name, "1", ex=300)
        pipe.execute()
        began = time.monotonic()
        # Those that would expire soonest go first, so it is these.
        with setting(watched, "maxmemory", lambda admin: int(admin.info("memory")["used_memory"]) - 100_000):
            api.set(names[0], "1", ex=300)
        api.delete(*names)
    assert fires(watched, "RedisEvicts", began)["severity"] == "warning"
    assert carry_out(watched, "RedisEvicts", "Confirm")[0] in {1, 2}
    with clients.redis_client(watched.platform, "admin") as admin:
        assert int(admin.info("stats")["evicted_keys"]) > 0


def test_redis_that_refuses_connections(watched: Watched) -> None:
    is_counted(watched, "redis_rejected_connections_total")
    began = time.monotonic()
    with contextlib.ExitStack() as opened:
        held = [opened.enter_context(clients.redis_client(watched.platform, "api")) for _ in range(20)]
        assert all(client.ping() for client in held)
        with setting(watched, "maxclients", lambda admin: int(admin.info("clients")["connected_clients"]) + 1):
            refused = [opened.enter_context(clients.redis_client(watched.platform, "api")) for _ in range(8)]
            with pytest.raises((redis.exceptions.ConnectionError, redis.exceptions.ResponseError)):
                any(client.ping() is None for client in refused)
        assert fires(watched, "RedisRefusesConnections", began)["severity"] == "critical"
        assert carry_out(watched, "RedisRefusesConnections", "Confirm") in ([2, 0], [1, 0], [0, 0])
        assert carry_out(watched, "RedisRefusesConnections", "Mend") == [0]
        with clients.redis_client(watched.platform, "admin") as admin:
            assert not [each for each in admin.client_list() if each["user"] == "api"], "the page's command ended them"
        assert all(client.ping() for client in held), "and a pool makes new ones"


def test_a_process_that_the_kernel_ended(watched: Watched) -> None:
    is_counted(watched, "node_vmstat_oom_kill")
    began = time.monotonic()
    printed_alone(BASE_IMAGE, "sh", "-c", "tail /dev/zero || true", mem_limit="32m", memswap_limit="32m")
    assert fires(watched, "KilledForMemory", began)["severity"] == "critical"
    assert set(carry_out(watched, "KilledForMemory", "Confirm")) <= {0, 1, 2}


def test_certificates_that_end_within_a_day(watched: Watched) -> None:
    began = time.monotonic()
    watched.stack.pulumi("config", "set", "christmas:certificateDays", "1")
    try:
        watched.stack.invoke("up")
        labels = fires(watched, "CertificateExpires", began)
        assert labels["service"] in {"redis", "weaviate", "embedder"}
        assert carry_out(watched, "CertificateExpires", "Confirm") == [0], "they are new: the page says why the alert has them all the same"
    finally:
        watched.stack.pulumi("config", "rm", "christmas:certificateDays")
        mended = carry_out(watched, "CertificateExpires", "Mend")
    assert mended == [0]
    is_over(watched, "CertificateExpires")
