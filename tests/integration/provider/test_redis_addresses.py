"""From where Redis' accounts log in, on a real server: changed by hand, found, put right; and a server whose image has no module for it."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import os
from collections.abc import Iterator

import docker
import pytest
import redis
from docker.models.containers import Container

from airgap.images.catalog import image_reference
from core.errors import PlatformError
from infra.connections import Platform
from infra.provider.address_rules import MODULE, SETTING
from monitor import redis_addresses
from tests.integration.provider.kept import Kept
from tests.support.redis_neighbours import beside
from tests.support.redis_server import rules_of_bridge, run_scratch_redis
from tests.support.scratch import labels


def addresses(container: Container, **inputs: object) -> Kept:
    return Kept("RedisAddresses", {"container": str(container.name), "server": str(container.id), "rules": rules_of_bridge(), **inputs})


@contextlib.contextmanager
def admin_of(platform: Platform) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(platform.redis_url("admin"), decode_responses=True) as client:
        yield client


def test_what_is_changed_by_hand_is_found_and_put_right_without_a_restart() -> None:
    with run_scratch_redis() as (platform, container), admin_of(platform) as admin:
        kept = addresses(container)
        kept.up()
        assert kept.refresh() == []
        # The last of these leaves nobody in from the host, admin neither.
        for rules in (f"{rules_of_bridge()} admin@0.0.0.0/0", "api@0.0.0.0/0", ""):
            admin.config_set(SETTING, rules)
            assert kept.refresh() == ["accounts are bound to other addresses"]
            kept.up()
            assert kept.refresh() == []
            assert admin.config_get(SETTING) == {SETTING: rules_of_bridge()}
        # A list of the blueprint that has changed is one update, and nothing else.
        kept.inputs["rules"] = f"{rules_of_bridge()} monitor@10.0.0.0/8"
        assert kept.pending() == {"rules"}
        kept.up()
        assert admin.config_get(SETTING) == {SETTING: kept.inputs["rules"]}
        started = container.attrs["State"]["StartedAt"]
        container.reload()
        assert container.attrs["State"]["StartedAt"] == started
        _, problems = kept.kind.check({**kept.inputs, "rules": 'api@10.0.0.0/8"\nflushall'})
        assert len(problems) == 1
        container.stop()
        assert kept.refresh() == []
        assert "were not compared" in kept.logged[-1]


@pytest.fixture
def _without_module(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The tests' image of Redis is one that somebody else has built, without the module."""
    name, engine = f"christmas-tests/redis-without-module:{os.getpid()}", docker.from_env()
    text = f"FROM {image_reference('redis')}\nUSER 0:0\nRUN rm {MODULE}\nUSER 999:999\n"
    engine.images.build(fileobj=io.BytesIO(text.encode()), tag=name, rm=True, network_mode="none", labels=labels())
    monkeypatch.setenv("CHRISTMAS_TEST_REDIS_IMAGE", name)
    try:
        yield
    finally:
        engine.images.remove(name, force=True)


@pytest.mark.usefixtures("_without_module")
def test_a_server_without_the_module_comes_up_and_is_told() -> None:
    with run_scratch_redis() as (platform, container), beside(container) as neighbour:
        # This is what the module keeps out.
        assert neighbour.asks("admin", platform.secret("admin", "redis")) == "admin"
        own, foreign = addresses(container), addresses(container, required=False)
        with pytest.raises(PlatformError, match="without the module") as failure:
            own.up()
        assert "invoke up" in failure.value.next_step
        foreign.up()
        assert "bound to no address" in foreign.logged[-1]
        assert foreign.refresh() == []
        own.state, own.recorded = {"drift": []}, own.kind.check(own.inputs)[0]
        assert own.refresh() == ["accounts are bound to no address: the server runs without the module"]
        missing = redis_addresses.bound(platform)
        assert (missing.status, "without the module" in missing.message) == ("critical", True)
        anothers = redis_addresses.bound(dataclasses.replace(platform, foreign_images=("redis",)))
        assert (anothers.status, "this image is another's" in anothers.message) == ("warning", True)
