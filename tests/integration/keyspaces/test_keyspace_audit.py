"""The audit finds one planted fault of every kind in a real Redis, as the account that may not read contents."""

from __future__ import annotations

import time

import pytest
import redis

from christmas.blueprint.keyspaces_and_ttls import KEYSPACES
from core.progress import SilentProgress
from infra import clients
from infra.connections import Platform
from monitor import keyspaces
from monitor.keyspace_audit import FIXABLE, Fault, audit, fix
from seed import cache
from tests.support.keyspace_faults import FOREVER, SESSION, plant


def test_sound_entries_have_no_faults(redis_platform: Platform) -> None:
    cache.load(redis_platform, SilentProgress())
    with clients.redis_client(redis_platform, "monitor") as client:
        found = audit(client)
    # Candles may be gone again by now; what lasts longer is there.
    assert (found.findings, found.complete) == ([], True)
    assert {keyspace.name for keyspace in KEYSPACES if keyspace.ttl.total_seconds() > 5} <= set(found.keys)
    assert all(found.memory[name] > 0 for name in found.keys)


def test_every_kind_of_fault_is_found(redis_platform: Platform) -> None:
    with clients.redis_client(redis_platform, "admin") as admin:
        planted = plant(admin)
    with clients.redis_client(redis_platform, "monitor") as client:
        found = audit(client)
    assert {finding.key: finding.fault for finding in found.findings} == planted
    assert set(planted.values()) == set(Fault)
    message = "".join(map(str, found.findings)) + repr(found.findings)
    assert not any(name in message for name in (FOREVER, "session:token"))


def test_the_one_big_field_of_a_hash_is_never_missed(redis_platform: Platform) -> None:
    """Sixty hashes whose big field lies wherever each one's own order puts it, one that is beyond counting, and a big text."""
    with clients.redis_client(redis_platform, "admin") as admin:
        planted = {f"session:{number}" for number in range(60)}
        for key in planted:
            admin.hset(key, mapping={**SESSION, "extra": "x" * 20_000})
            admin.expire(key, 600)
        pipeline = admin.pipeline(transaction=False)
        for start in range(0, 40_000, 1000):
            pipeline.hset("session:endless", mapping={**SESSION, **{f"extra{number}": "x" * 50 for number in range(start, start + 1000)}})
        pipeline.expire("session:endless", 600)
        pipeline.execute()
        admin.set("user:1:preferences", "x" * 1_000_000, ex=600)
    with clients.redis_client(redis_platform, "monitor") as client:
        found = audit(client)
    assert {finding.key for finding in found.findings if finding.fault is Fault.OVERSIZED} == {
        *planted,
        "session:endless",
        "user:1:preferences",
    }


def test_only_what_is_declared_fixable_is_fixed(redis_platform: Platform) -> None:
    with clients.redis_client(redis_platform, "admin") as admin:
        planted = plant(admin)
    with clients.redis_client(redis_platform, "monitor") as client, clients.redis_client(redis_platform, "api") as api:
        assert fix(api, audit(client).findings) == 2
        left = audit(client)
    assert {finding.key for finding in left.findings} == {key for key, fault in planted.items() if fault not in FIXABLE}


@pytest.mark.exhaustive
def test_a_bound_of_keys_is_kept_and_told(redis_platform: Platform) -> None:
    with clients.redis_client(redis_platform, "admin") as admin:
        pipeline = admin.pipeline(transaction=False)
        for number in range(2000):
            pipeline.set(f"rate_limit:10.0.{number // 256}.{number % 256}", 1, ex=60)
        pipeline.execute()
    with clients.redis_client(redis_platform, "monitor") as client:
        bounded = audit(client, max_keys=500)
        whole = audit(client, keys_per_second=1e9)
    assert (bounded.total, bounded.complete) == (500, False)
    assert (whole.total, whole.complete, whole.findings) == (2000, True, [])


def test_the_rate_is_bounded(redis_platform: Platform) -> None:
    with clients.redis_client(redis_platform, "admin") as admin:
        for number in range(300):
            admin.set(f"rate_limit:10.0.0.{number}" if number < 256 else f"rate_limit:10.0.1.{number - 256}", 1, ex=60)
    with clients.redis_client(redis_platform, "monitor") as client:
        begun = time.monotonic()
        found = audit(client, keys_per_second=300)
        assert time.monotonic() - begun >= 0.95
    assert found.total == 300


def test_the_auditing_account_may_not_mend(redis_platform: Platform) -> None:
    with clients.redis_client(redis_platform, "admin") as admin:
        plant(admin)
    with clients.redis_client(redis_platform, "monitor") as client:
        findings = audit(client).findings
        with pytest.raises(redis.exceptions.NoPermissionError):
            fix(client, findings)


def test_what_lives_too_long_is_found_bit_by_bit_and_mended(redis_platform: Platform) -> None:
    with clients.redis_client(redis_platform, "admin") as admin:
        planted = plant(admin)
        for number in range(300):
            admin.set(f"rate_limit:10.0.{number // 256}.{number % 256}", 1, ex=None if number % 3 == 0 else 60)
    begin, mended, looks = 0, 0, 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keyspaces, "MENDED_AT_ONCE", 50)
        while looks == 0 or begin:
            count, begin = keyspaces.mend_next(redis_platform, begin)
            mended += count
            looks += 1
    assert mended == 100 + sum(fault in FIXABLE for fault in planted.values())
    assert looks > 4
    with clients.redis_client(redis_platform, "monitor") as client:
        assert not {finding.fault for finding in audit(client).findings} & FIXABLE
