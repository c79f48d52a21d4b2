"""What grows, and which limit is reached when, as tables or JSON."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from christmas.blueprint.machine_alarms import HOST_ALARMS
from core import terminal
from core.terminal import json_text
from core.words import size_text
from infra import connections
from monitor import signs
from monitor.growth.sizes import unit_of
from monitor.growth.trend import Reach, Trend
from schedule import growth
from schedule.growth import Growth

_NAME_COLUMNS = 34
_FAR_DAYS = 3_650.0
_NOT_YET = "no trend yet: that needs six records over six hours"


def show(stack: str, days: int, *, as_json: bool) -> int:
    """Print the growth of the last `days`; returns 1 if a limit may be reached within the days at which `host.disk` warns, else 0."""
    name = connections.stack_name(stack)
    grown = growth.read(signs.folder_of(name) / growth.FILE, datetime.now(UTC) - timedelta(days=days))
    print(json_text(grown) if as_json else text(name, grown))
    return int(any(limit.reach and limit.reach.days <= HOST_ALARMS.days_warn for limit in grown.limits))


def text(stack: str, grown: Growth) -> str:
    """The growth in lines: the limits first, the nearest on top."""
    if grown.since is None:
        return f"stack {stack}: nothing is recorded yet; its schedule does that every hour (invoke schedule)"
    lines = [f"stack {stack}: {grown.records} records since {grown.since:%Y-%m-%d %H:%M} UTC", "", "limits"]
    for limit in grown.limits:
        when = when_text(limit.reach) if limit.trend else _NOT_YET
        lines.append(f"  {terminal.pad(limit.name, _NAME_COLUMNS)} {limit.value:g} of {limit.bound:g}: {when}")
        if limit.reach and limit.reach.days < _FAR_DAYS:
            lines.append(f"  {'':{_NAME_COLUMNS}} {limit.remedy}")
    lines += ["", "sizes"]
    for size in grown.sizes:
        change = change_text(size.trend, unit_of(size.name)) if size.trend else _NOT_YET
        lines.append(f"  {terminal.pad(size.name, _NAME_COLUMNS)} {amount(size.value, unit_of(size.name))}, {change}")
    return "\n".join(lines)


def when_text(reached: Reach | None) -> str:
    """When a limit is reached, with the interval."""
    if reached is None or reached.days >= _FAR_DAYS:
        return "not in sight"
    latest = "never" if reached.latest is None else f"{reached.latest:.1f} days" if reached.latest < _FAR_DAYS else "years"
    return f"in {reached.days:.1f} days ({reached.soonest:.1f} days at the soonest, {latest} at the latest)"


def change_text(direction: Trend, unit: str) -> str:
    """The change a day, with the interval."""
    sign = "+" if direction.per_day >= 0 else "-"
    return f"{sign}{amount(abs(direction.per_day), unit)} a day ({_signed(direction.low, unit)} to {_signed(direction.high, unit)})"


def _signed(value: float, unit: str) -> str:
    return f"{'-' if value < 0 else '+'}{amount(abs(value), unit)}"


def amount(value: float, unit: str) -> str:
    """A size in words of its unit."""
    return size_text(round(value)) if unit == "bytes" else f"{value:,.0f} {unit}"
