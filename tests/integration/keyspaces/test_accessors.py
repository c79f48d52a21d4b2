"""The accessors against a real Redis over TLS, as the accounts that applications have; sync and async alike."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import redis

from christmas import pools
from christmas.blueprint.keyspaces_and_ttls import MARKET_LATEST, RATE_LIMIT, SESSION
from christmas.blueprint.model import BlueprintError
from christmas.errors import SessionsUnavailableError, StoreUnavailableError
from christmas.market import AsyncMarketCache, Candle, MarketCache
from christmas.rate_limits import AsyncRateLimiter, Decision, RateLimiter
from christmas.sessions import AsyncSessions, Sessions
from christmas.values import ValueRefused
from infra.connections import Platform
from tests.integration.keyspaces.conftest import Both, everything_is_sound, in_time
from tests.support.redis_outage import Relay
from tests.support.waiting import PATIENCE, wait_for

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CANDLE = Candle(NOW, Decimal("1.5"), Decimal("2"), Decimal("1"), Decimal("1.75"), Decimal("1000"))


def test_a_session_is_made_read_touched_and_ended(make: Callable[..., Both], admin: redis.Redis) -> None:
    sessions = make(Sessions, AsyncSessions)
    created = sessions.create(7, "민수", ["trader"], user_agent="curl/8")
    assert sessions.read(created.token) == created
    assert created.extra == {"user_agent": "curl/8"}
    assert created.token not in repr(created)
    assert everything_is_sound(admin)
    admin.pexpire(SESSION.key(created.id), 5000)
    assert sessions.touch(created.token)
    assert int(admin.pttl(SESSION.key(created.id))) > 80_000_000
    assert sessions.read(created.token).expires_at > created.expires_at
    assert sessions.end(created.token)
    assert not sessions.end(created.token)
    assert sessions.read(created.token) is None


def test_an_ended_session_is_not_revived_by_a_touch(make: Callable[..., Both], admin: redis.Redis) -> None:
    sessions = make(Sessions, AsyncSessions)
    created = sessions.create(7, "x")
    sessions.end(created.token)
    assert not sessions.touch(created.token)
    assert list(admin.scan_iter()) == []


def test_keys_and_values_that_are_no_text_end_nothing(make: Callable[..., Both], admin: redis.Redis) -> None:
    sessions = make(Sessions, AsyncSessions)
    created = sessions.create(7, "x")
    odd = SESSION.key("7.odd")
    # As a client of another language may leave them: bytes that are no UTF-8, sent as they are.
    admin.hset(SESSION.key("7.") + "\udcff", "user_id", "7")
    fields: Any = admin.hgetall(SESSION.key(created.id))
    admin.hset(odd, mapping={**fields, "username": "\udcfe"})
    try:
        assert [each.id for each in sessions.of_user(7)] == [created.id]
        assert sessions.read("7.odd") is None
    finally:
        admin.unlink(SESSION.key("7.") + "\udcff", odd)
        sessions.end(created.token)


def test_a_users_sessions_are_found_and_ended_together(make: Callable[..., Both]) -> None:
    sessions = make(Sessions, AsyncSessions)
    mine = [sessions.create(7, "x") for _ in range(5)]
    others = [sessions.create(user_id, "y") for user_id in (70, 77, 17, 1)]
    assert {each.id for each in sessions.of_user(7)} == {each.id for each in mine}
    assert sessions.end_all(7) == 5
    assert sessions.of_user(7) == []
    assert all(sessions.read(other.token) for other in others)


@pytest.mark.parametrize("token", ["", "*", "7.*", "x\ny", "x" * 10_240, "missing", "세션", f"7.{'x' * 43}\n", f"\u0667.{'x' * 43}"])
def test_hostile_tokens_are_nobodys(make: Callable[..., Both], token: str) -> None:
    sessions = make(Sessions, AsyncSessions)
    created = sessions.create(7, "x")
    assert sessions.read(token) is None
    assert not sessions.touch(token)
    assert not sessions.end(token)
    assert not sessions.end_listed(token)
    assert sessions.read(created.token) == created


def test_nobody_is_logged_in_by_a_broken_or_outlived_value(make: Callable[..., Both], admin: redis.Redis) -> None:
    sessions = make(Sessions, AsyncSessions)
    created = sessions.create(7, "x")
    admin.hset(SESSION.key(created.id), "user_id", "root")
    assert sessions.read(created.token) is None
    other = sessions.create(8, "y")
    admin.hset(SESSION.key(other.id), "expires_at", (datetime.now(UTC) - timedelta(seconds=1)).isoformat())
    assert sessions.read(other.token) is None


def test_what_does_not_fit_a_session_is_refused(make: Callable[..., Both], admin: redis.Redis) -> None:
    sessions = make(Sessions, AsyncSessions)
    for arguments, extra in (((7, "x" * 5000), {}), (("7", "x"), {}), ((7, "x"), {"roles_": 3}), ((7, "x"), {"expires_at": "never"})):
        with pytest.raises((ValueRefused, BlueprintError)):
            sessions.create(*arguments, **extra)
    assert list(admin.scan_iter()) == []


def test_sessions_fail_clearly_without_redis_and_recover(make: Callable[..., Both], outage: tuple[Platform, Relay]) -> None:
    platform, line = outage
    sessions = make(Sessions, AsyncSessions, platform=platform)
    created = sessions.create(7, "x")
    line.cut()
    for call in (lambda: sessions.read(created.token), lambda: sessions.touch(created.token), lambda: sessions.end_all(7)):
        with pytest.raises(SessionsUnavailableError) as failure:
            call()
        assert created.token not in str(failure.value)
    line.mend()
    assert sessions.read(created.token) == created


def test_a_limit_holds_and_says_when_to_come_again(make: Callable[..., Both], admin: redis.Redis) -> None:
    limiter = make(RateLimiter, AsyncRateLimiter, 3)
    decisions = [limiter.check("192.0.2.1") for _ in range(5)]
    assert [decision.allowed for decision in decisions] == [True, True, True, False, False]
    assert [decision.remaining for decision in decisions] == [2, 1, 0, 0, 0]
    assert 50 < decisions[-1].retry_after <= 60
    assert limiter.check("192.0.2.2").allowed
    assert everything_is_sound(admin)


def test_a_counter_that_was_evicted_gets_an_end_again(make: Callable[..., Both], admin: redis.Redis) -> None:
    limiter = make(RateLimiter, AsyncRateLimiter, 3)
    for _ in range(2):
        limiter.check("192.0.2.1")
    admin.flushall()
    assert limiter.check("192.0.2.1").remaining == 2
    assert 0 < int(admin.pttl(RATE_LIMIT.key("192.0.2.1"))) <= 60_000


def test_one_address_has_one_counter_however_it_is_spelled(make: Callable[..., Both], admin: redis.Redis) -> None:
    limiter = make(RateLimiter, AsyncRateLimiter, 100)
    for spelling in ("2001:DB8:0:0::1", "2001:db8::1", "[2001:0db8::0001]:443", "2001:db8::1%eth0"):
        limiter.check(spelling)
    for spelling in ("192.0.2.1", "::ffff:192.0.2.1", "::ffff:c000:201", "192.0.2.1:51234"):
        limiter.check(spelling)
    assert {key: admin.get(key) for key in admin.scan_iter()} == {RATE_LIMIT.key("2001:db8::"): "4", RATE_LIMIT.key("192.0.2.1"): "4"}


def test_whoever_owns_a_64_is_one_client(make: Callable[..., Both], admin: redis.Redis) -> None:
    limiter = make(RateLimiter, AsyncRateLimiter, 10)
    assert sum(limiter.check(f"2001:db8:77:1::{number:x}").allowed for number in range(1, 201)) == 10
    assert list(admin.scan_iter()) == [RATE_LIMIT.key("2001:db8:77:1::")]
    assert limiter.check("2001:db8:77:2::1").allowed


@pytest.mark.parametrize("address", ["", "*", "192.0.2.1\n", "localhost", "192.0.2.999", "x" * 10_240])
def test_what_is_no_address_is_refused(make: Callable[..., Both], admin: redis.Redis, address: str) -> None:
    with pytest.raises(ValueError, match="does not appear"):
        make(RateLimiter, AsyncRateLimiter, 3).check(address)
    assert list(admin.scan_iter()) == []


@pytest.mark.parametrize(("choice", "allowed"), [("allow", True), ("refuse", False)])
def test_without_redis_the_declared_choice_is_taken(
    make: Callable[..., Both], outage: tuple[Platform, Relay], choice: str, allowed: bool
) -> None:
    platform, line = outage
    limiter = make(RateLimiter, AsyncRateLimiter, 3, platform=platform, when_down=choice)
    assert limiter.check("192.0.2.1").counted
    line.cut()
    decision = limiter.check("192.0.2.1")
    assert (decision.allowed, decision.counted) == (allowed, False)


@pytest.mark.exhaustive
def test_200_clients_at_the_windows_edge_get_exactly_the_limit_of_each_window(redis_platform: Platform, admin: redis.Redis) -> None:
    """Everybody asks all the time while the window ends and a new one begins: no request is lost, none is let in twice."""
    client = pools.connect(redis_platform.redis_url("api"), max_connections=200, timeout=PATIENCE)
    limiter = RateLimiter(client, 40)
    key = RATE_LIMIT.key("198.51.100.9")
    barrier, used_up, edge_is_past = threading.Barrier(200), threading.Event(), threading.Event()

    def ask() -> list[Decision]:
        limiter.check("192.0.2.1")  # connects
        barrier.wait()
        decisions: list[Decision] = []
        last = False
        while not last:
            # Who asks once more after the edge, and is refused, has seen the second window used up.
            past = edge_is_past.is_set()
            decisions.append(limiter.check("198.51.100.9"))
            last = past and not decisions[-1].allowed
            if not decisions[-1].allowed:
                used_up.set()
            time.sleep(0.05)
        return decisions

    with ThreadPoolExecutor(200) as pool:
        asking = [pool.submit(ask) for _ in range(200)]
        assert used_up.wait(PATIENCE)
        admin.pexpire(key, 500)
        # The second window lives for a minute, and has counted from the first request that found the other gone.
        wait_for(lambda: int(admin.pttl(key)) > 500, "the second window has begun", pause=0.01)
        edge_is_past.set()
        answers = [each for future in asking for each in future.result()]
    client.close()
    client.connection_pool.disconnect()
    assert [answer for answer in answers if not answer.counted] == []
    allowed = [answer.remaining for answer in answers if answer.allowed]
    # Two windows: in each, every count up to the limit was given out exactly once.
    assert sorted(allowed) == sorted([*range(40), *range(40)])
    assert 0 < int(admin.pttl(key)) <= 60_000


def test_a_tick_is_written_and_read_whole(make: Callable[..., Both], admin: redis.Redis, redis_platform: Platform) -> None:
    tick = {f"SYM{number}": dataclasses.replace(CANDLE, close=Decimal(number)) for number in range(1000)}
    writer, reader = make(MarketCache, AsyncMarketCache, account="ingest"), make(MarketCache, AsyncMarketCache)

    def written_and_read() -> tuple[int, object, int, list[int]]:
        written, found, keys = writer.write(tick), reader.read([*tick, "MISSING"]), len(list(admin.scan_iter(count=1000)))
        return written, found, keys, [int(admin.pttl(MARKET_LATEST.key(symbol))) for symbol in list(tick)[::100]]

    written, found, keys, left = in_time(redis_platform, written_and_read)
    assert (written, keys) == (1000, 1000)
    assert found == tick
    assert len(left) == 10
    assert all(0 < each <= 5000 for each in left)


def test_a_tick_takes_one_round_trip(make: Callable[..., Both], admin: redis.Redis) -> None:
    cache = make(MarketCache, AsyncMarketCache, account="ingest")
    cache.write({"A": CANDLE})
    before = int(admin.info("stats")["total_reads_processed"])
    cache.write({f"SYM{number}": CANDLE for number in range(10)})
    # One read for what was sent, and one for this very question.
    assert int(admin.info("stats")["total_reads_processed"]) - before <= 2


def test_stale_candles_are_never_served(make: Callable[..., Both], admin: redis.Redis) -> None:
    make(MarketCache, AsyncMarketCache, account="ingest").write({"AAPL": CANDLE})
    reader = make(MarketCache, AsyncMarketCache)
    assert "AAPL" in reader.read(["AAPL"])
    time.sleep(5.05)
    assert reader.read(["AAPL"]) == {}


def test_a_candle_whose_writer_died_before_its_expiry_is_never_served(make: Callable[..., Both], admin: redis.Redis) -> None:
    writer, reader = make(MarketCache, AsyncMarketCache, account="ingest"), make(MarketCache, AsyncMarketCache)
    writer.write({"AAPL": CANDLE})
    admin.persist(MARKET_LATEST.key("AAPL"))
    assert reader.read(["AAPL"]) == {}
    writer.write({"AAPL": CANDLE})
    assert reader.read(["AAPL"]) == {"AAPL": CANDLE}
    assert everything_is_sound(admin)


def test_a_bad_candle_or_symbol_stops_the_whole_tick(make: Callable[..., Both], admin: redis.Redis) -> None:
    cache = make(MarketCache, AsyncMarketCache, account="ingest")
    for tick in (
        {"OK": CANDLE, "BAD": dataclasses.replace(CANDLE, open=Decimal("NaN"))},
        {"OK": CANDLE, "": CANDLE},
    ):
        with pytest.raises((ValueRefused, BlueprintError)):
            cache.write(tick)
    assert list(admin.scan_iter()) == []


def test_market_reads_fall_through_without_redis_and_writes_tell(make: Callable[..., Both], outage: tuple[Platform, Relay]) -> None:
    platform, line = outage
    writer = make(MarketCache, AsyncMarketCache, account="ingest", platform=platform)
    reader = make(MarketCache, AsyncMarketCache, platform=platform)
    writer.write({"AAPL": CANDLE})
    line.cut()
    assert reader.read(["AAPL"]) == {}
    with pytest.raises(StoreUnavailableError):
        writer.write({"AAPL": CANDLE})


def test_clients_speak_resp3_and_bound_their_pools(redis_platform: Platform) -> None:
    client = pools.connect(redis_platform.redis_url("api"), max_connections=2)
    assert client.execute_command("HELLO")["proto"] == 3
    held = [client.connection_pool.get_connection() for _ in range(2)]
    with pytest.raises(redis.exceptions.ConnectionError):
        client.ping()
    for each in held:
        client.connection_pool.release(each)
    client.close()
    client.connection_pool.disconnect()


def test_a_tick_refused_by_the_server_leaves_the_connection_usable(make: Callable[..., Both], admin: redis.Redis) -> None:
    cache = make(MarketCache, AsyncMarketCache, account="ingest")
    admin.set(MARKET_LATEST.key("TEXT"), "of another type", ex=5)
    with pytest.raises(redis.exceptions.ResponseError, match="WRONGTYPE"):
        cache.write({"AAPL": CANDLE, "TEXT": CANDLE})
    admin.delete(MARKET_LATEST.key("TEXT"))
    assert cache.write({"AAPL": CANDLE, "TEXT": CANDLE}) == 2
    with pytest.raises(redis.exceptions.NoPermissionError):
        make(MarketCache, AsyncMarketCache).write({"AAPL": CANDLE})


def test_a_connection_that_broke_meanwhile_is_made_anew(make: Callable[..., Both], outage: tuple[Platform, Relay]) -> None:
    platform, line = outage
    cache = make(MarketCache, AsyncMarketCache, account="ingest", platform=platform)
    cache.write({"AAPL": CANDLE})
    line.cut()
    line.mend()
    assert cache.write({"AAPL": CANDLE}) == 1
