"""Preferences read through from their rows, against a real Redis over TLS; sync and async alike."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import redis

from christmas import pools
from christmas.blueprint.keyspaces_and_ttls import USER_PREFERENCES
from christmas.preferences import AsyncPreferences, Preferences
from infra.connections import Platform
from tests.integration.keyspaces.conftest import Both, everything_is_sound
from tests.support.redis_outage import Relay


class Rows:
    """The rows of user_profiles as a loader sees them, counted."""

    def __init__(self) -> None:
        self.rows: dict[int, dict[str, Any]] = {1: {"theme": "dark"}}
        self.asked = 0
        self.on_load: Callable[[], None] = lambda: None

    def load(self, user_id: int) -> dict[str, Any] | None:
        self.asked += 1
        found = self.rows.get(user_id)
        self.on_load()
        return found

    async def load_async(self, user_id: int) -> dict[str, Any] | None:
        return self.load(user_id)


def _preferences(make: Callable[..., Both], rows: Rows, **options: Any) -> Both:
    # Each kind takes the loader of its own colour.
    class AsyncOver(AsyncPreferences):
        def __init__(self, client: Any) -> None:
            super().__init__(client, rows.load_async)

    class SyncOver(Preferences):
        def __init__(self, client: Any) -> None:
            super().__init__(client, rows.load)

    assert inspect.iscoroutinefunction(AsyncOver.read)
    return make(SyncOver, AsyncOver, **options)


def test_preferences_are_read_through_and_kept(make: Callable[..., Both], admin: redis.Redis) -> None:
    rows = Rows()
    preferences = _preferences(make, rows)
    assert [preferences.read(1) for _ in range(3)] == [{"theme": "dark"}] * 3
    assert rows.asked == 1
    assert everything_is_sound(admin)


def test_a_changed_row_is_seen_after_the_drop(make: Callable[..., Both]) -> None:
    rows = Rows()
    preferences = _preferences(make, rows)
    preferences.read(1)
    rows.rows[1] = {"theme": "light"}
    assert preferences.drop(1)
    assert preferences.read(1) == {"theme": "light"}


def test_a_row_that_changes_while_it_is_read_is_not_kept(make: Callable[..., Both], redis_platform: Platform, admin: redis.Redis) -> None:
    rows = Rows()
    preferences = _preferences(make, rows)
    other = pools.connect(redis_platform.redis_url("api"))

    def change() -> None:
        rows.on_load = lambda: None
        rows.rows[1] = {"theme": "light"}
        Preferences(other, rows.load).drop(1)

    rows.on_load = change
    assert preferences.read(1) == {"theme": "dark"}
    assert list(admin.scan_iter()) == []
    assert preferences.read(1) == {"theme": "light"}
    other.close()
    other.connection_pool.disconnect()


def test_a_user_without_a_profile_has_none_and_is_not_kept(make: Callable[..., Both], admin: redis.Redis) -> None:
    rows = Rows()
    assert _preferences(make, rows).read(99) is None
    assert list(admin.scan_iter()) == []


def test_settings_that_do_not_fit_are_read_from_the_row(make: Callable[..., Both], admin: redis.Redis) -> None:
    rows = Rows()
    rows.rows[1] = {"dashboard_layout": "x" * 20_000}
    preferences = _preferences(make, rows)
    assert [preferences.read(1) for _ in range(2)] == [rows.rows[1]] * 2
    assert rows.asked == 2
    assert list(admin.scan_iter()) == []


def test_a_broken_cached_value_is_replaced(make: Callable[..., Both], admin: redis.Redis) -> None:
    rows = Rows()
    admin.set(USER_PREFERENCES.key(1), "not json", ex=100)
    assert _preferences(make, rows).read(1) == {"theme": "dark"}
    assert everything_is_sound(admin)


def test_preferences_fall_through_without_redis(make: Callable[..., Both], outage: tuple[Platform, Relay]) -> None:
    platform, line = outage
    rows = Rows()
    preferences = _preferences(make, rows, platform=platform)
    preferences.read(1)
    line.cut()
    assert preferences.read(1) == {"theme": "dark"}
    assert rows.asked == 2
    assert preferences.drop(1) is False
