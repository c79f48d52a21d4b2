"""A trend through noisy points, and when it reaches a limit. Pure.

Slopes as by Theil and Sen: the median slope of all pairs, which follows a prune or a big load only where those are the rule.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

_DAY = 86_400.0
_LEAST_POINTS = 6
_LEAST_SECONDS = 6 * 3_600.0
_MOST_POINTS = 60
"""More are thinned out to medians: neighbours in time say nearly the same, and would make the interval too narrow."""
_DEVIATIONS = 1.96  # 95 in 100

Point = tuple[float, float]
"""Time in seconds since 1970, and value."""


@dataclass(frozen=True, slots=True)
class Trend:
    """The change per day: the likely one, and the bounds between which it is in 95 of 100 cases."""

    per_day: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Reach:
    """Days until a limit is reached: likely, at the soonest, and at the latest; `latest` is None if it may never be."""

    days: float
    soonest: float
    latest: float | None


def trend(points: Sequence[Point]) -> Trend | None:
    """The trend, or None where the points are fewer than six or span less than six hours."""
    if len(points) < _LEAST_POINTS or points[-1][0] - points[0][0] < _LEAST_SECONDS:
        return None
    thinned = _thinned(points)
    slopes = sorted(
        (later[1] - earlier[1]) / (later[0] - earlier[0]) * _DAY
        for number, earlier in enumerate(thinned)
        for later in thinned[number + 1 :]
        if later[0] > earlier[0]
    )
    count = len(thinned)
    # Kendall's variance of concordant pairs gives the ranks of the interval's ends (Sen 1968).
    width = _DEVIATIONS * math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    first = max(0, math.floor((len(slopes) - width) / 2))
    last = min(len(slopes) - 1, math.ceil((len(slopes) + width) / 2))
    return Trend(statistics.median(slopes), slopes[first], slopes[last])


def _thinned(points: Sequence[Point]) -> list[Point]:
    """At most `_MOST_POINTS` points: medians over parts of equal length in time."""
    if len(points) <= _MOST_POINTS:
        return list(points)
    begin, length = points[0][0], (points[-1][0] - points[0][0]) / _MOST_POINTS
    parts: dict[int, list[Point]] = {}
    for point in points:
        parts.setdefault(min(_MOST_POINTS - 1, int((point[0] - begin) / length)), []).append(point)
    return [(statistics.median(at for at, _ in part), statistics.median(value for _, value in part)) for part in parts.values()]


def reach(value: float, limit: float, direction: Trend, *, below: bool = False) -> Reach | None:
    """When `value` reaches `limit`, by rising or with `below` by falling; None if it does not go there. A passed limit is reached now."""
    sign = -1 if below else 1
    gap = (limit - value) * sign
    if gap <= 0:
        return Reach(0.0, 0.0, 0.0)
    likely, slowest, fastest = direction.per_day * sign, *sorted((direction.low * sign, direction.high * sign))
    if likely <= 0:
        return None
    return Reach(gap / likely, gap / fastest, gap / slowest if slowest > 0 else None)
