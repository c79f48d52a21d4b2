"""What grows: a trend that a prune or a big load does not turn, its interval, and when a limit is reached."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.growth import text, when_text
from monitor.checks import every
from monitor.growth.trend import Point, Reach, Trend, reach, trend
from monitor.result import CheckResult, Status
from schedule import growth

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
DAY = 86_400.0


def hourly(per_day: float, *, days: float = 10, noise: float = 0.0, start: float = 100.0, seed: int = 1) -> list[Point]:
    chance = random.Random(seed)  # noqa: S311 - noise that is the same in each run
    return [(hour * 3_600.0, start + per_day * hour / 24 + chance.gauss(0, noise)) for hour in range(round(days * 24) + 1)]


@settings(max_examples=25)
@given(per_day=st.floats(-1e9, 1e9), start=st.floats(0, 1e12))
def test_a_straight_line_is_its_own_trend(per_day: float, start: float) -> None:
    found = trend(hourly(per_day, days=2, start=start))
    assert found is not None
    assert found.per_day == pytest.approx(per_day, rel=1e-3, abs=abs(start) * 1e-6 + 1e-6)
    assert found.low <= found.per_day <= found.high


def test_a_prune_every_week_does_not_turn_it() -> None:
    points = [(at, value - (50.0 if at > 7 * DAY else 0.0)) for at, value in hourly(8.0)]
    found = trend(points)
    assert found is not None
    assert 0 < found.low <= found.per_day <= 8.5


def test_the_interval_has_the_truth_in_most_cases() -> None:
    hits = 0
    for seed in range(60):
        found = trend(hourly(5.0, days=3, noise=4.0, seed=seed))
        assert found is not None
        hits += found.low <= 5.0 <= found.high
    assert hits >= 52


@pytest.mark.parametrize("points", [[], hourly(1.0, days=0.2), hourly(1.0, days=10)[:5], [(0.0, float(n)) for n in range(50)]])
def test_too_little_is_no_trend(points: list[Point]) -> None:
    assert trend(points) is None


@pytest.mark.parametrize(
    ("value", "limit", "direction", "below", "reached"),
    [
        pytest.param(0.5, 0.9, Trend(0.1, 0.05, 0.2), False, Reach(4.0, 2.0, 8.0), id="rises-to-it"),
        pytest.param(0.5, 0.1, Trend(-0.1, -0.2, -0.05), True, Reach(4.0, 2.0, 8.0), id="falls-to-it"),
        pytest.param(0.5, 0.9, Trend(-0.1, -0.2, -0.05), False, None, id="moves-away"),
        pytest.param(0.5, 0.9, Trend(0.1, -0.1, 0.2), False, Reach(4.0, 2.0, None), id="perhaps-never"),
        pytest.param(0.5, 0.9, Trend(0.1, 0.0, 0.2), False, Reach(4.0, 2.0, None), id="perhaps-stands"),
        pytest.param(0.5, 0.9, Trend(0.0, 0.0, 0.0), False, None, id="stands"),
        pytest.param(0.9, 0.9, Trend(-0.1, -0.2, -0.05), False, Reach(0.0, 0.0, 0.0), id="is-there"),
        pytest.param(0.95, 0.9, Trend(-0.1, -0.2, -0.05), False, Reach(0.0, 0.0, 0.0), id="passed"),
    ],
)
def test_a_limit_is_reached_from_either_side(value: float, limit: float, direction: Trend, below: bool, reached: Reach | None) -> None:
    found = reach(value, limit, direction, below=below)
    assert (found and (found.days, found.soonest, found.latest)) == (
        reached
        and (
            pytest.approx(reached.days),
            pytest.approx(reached.soonest),
            pytest.approx(reached.latest) if reached.latest else reached.latest,
        )
    )


def test_a_limit_lies_above_unless_it_is_said_to_lie_below() -> None:
    assert reach(0.5, 0.9, Trend(0.1, 0.05, 0.2)) == reach(0.5, 0.9, Trend(0.1, 0.05, 0.2), below=False)


def check(name: str, value: float, bound: float) -> CheckResult:
    return CheckResult(name=name, status=Status.OK, message="", value=value, warn_from=0.8 if bound > 0.5 else 0.1, critical_from=bound)


def recorded(path: Path, hours: int) -> None:
    for hour in range(hours):
        results = [check("redis.memory", 0.5 + hour * 0.001, 0.9), check("host.disk", 0.4, 0.03), check("postgres.answer", 3.0, 9.0)]
        growth.record(path, {"table orders": 1e9 + hour * 1e6, "collection Doc": 48.0}, results, NOW - timedelta(hours=hours - hour))


def test_what_was_recorded_is_told_the_nearest_limit_first(tmp_path: Path) -> None:
    recorded(tmp_path / "growth.jsonl", 100)
    found = growth.read(tmp_path / "growth.jsonl", NOW - timedelta(days=30))
    days = {limit.name: limit.reach and round(limit.reach.days, 1) for limit in found.limits}
    assert list(days.items()) == [("redis.memory", 12.5), ("host.disk", None)]
    assert [size.name for size in found.sizes] == ["table orders", "collection Doc"]
    told = text("dev", found)
    assert "redis.memory" in told.splitlines()[3]
    assert growth.REMEDIES["redis.memory"] in told
    assert "+24.0 MB a day" in told
    assert growth.read(tmp_path / "growth.jsonl", NOW - timedelta(hours=3)).records == 3


def test_a_schedule_that_is_started_anew_each_time_records_once_an_hour(tmp_path: Path) -> None:
    path = tmp_path / "growth.jsonl"
    assert growth.is_due(path, NOW)
    growth.record(path, {"table orders": 1.0}, [], NOW)
    assert not growth.is_due(path, NOW + timedelta(minutes=59))
    assert growth.is_due(path, NOW + timedelta(hours=1))
    growth.record(path, {"table orders": 1.0}, [])
    assert not growth.is_due(path)


def test_a_new_stack_says_what_is_missing(tmp_path: Path) -> None:
    assert "nothing is recorded yet" in text("dev", growth.read(tmp_path / "growth.jsonl", NOW))
    recorded(tmp_path / "growth.jsonl", 2)
    assert "needs six records" in text("dev", growth.read(tmp_path / "growth.jsonl", NOW - timedelta(days=1)))


def test_never_is_a_word() -> None:
    assert when_text(Reach(4.0, 2.0, None)) == "in 4.0 days (2.0 days at the soonest, never at the latest)"
    assert when_text(None) == "not in sight"


def test_every_limit_is_one_that_a_check_watches() -> None:
    assert set(growth.REMEDIES) <= {registered.name for registered in every()}
