"""Earlier values of figures, kept beside the schedule's signs: server counters count since their start, so only increases matter."""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from christmas.blueprint.server_alarms import COUNTED
from infra.connections import LOCAL, Platform
from monitor import signs

_FOLDER = "figures"
_KEPT_SECONDS = 7 * 86_400.0
_CLOSEST_SECONDS = 60.0  # closer samples replace each other
_MOST = 2_000

Sample = tuple[float, float]
"""Time in seconds since 1970, and value."""


@dataclass(frozen=True, slots=True)
class Increase:
    """The increase of a counter within that many seconds."""

    count: float
    seconds: float

    def __str__(self) -> str:
        minutes = round(self.seconds / 60)
        return "since the last look" if minutes < 1 else f"within {minutes} min"


def remember(platform: Platform, name: str, value: float, now: float | None = None) -> list[Sample]:
    """Store a value; return the earlier ones of the last week, oldest first. A failed write is ignored."""
    now = time.time() if now is None else now
    path = _folder(platform) / f"{name}.json"
    earlier = [sample for sample in _read(path) if now - _KEPT_SECONDS <= sample[0] <= now]
    thinned = earlier[:-1] if len(earlier) > 1 and now - earlier[-2][0] < _CLOSEST_SECONDS else earlier
    _write(path, [*thinned, (now, value)][-_MOST:])
    return earlier


def _folder(platform: Platform) -> Path:
    """Beside the signs for a stack of this clone; beside the CA for other platforms, such as restored ones."""
    of_clone = platform.ca_file.is_relative_to(LOCAL)
    return (signs.folder_of(platform.stack) if of_clone else platform.ca_file.parent) / _FOLDER


def increase(platform: Platform, name: str, value: float, now: float | None = None) -> Increase | None:
    """The increase of a counter since the oldest sample within `COUNTED`, or None for the first sample.

    A lower value than before means that the counter was reset.
    """
    now = time.time() if now is None else now
    return risen(remember(platform, name, value, now), value, now)


def since_last(platform: Platform, name: str, value: float, now: float | None = None) -> Increase | None:
    """The increase of a counter since the sample before, for what is judged as it is now; None for the first sample."""
    now = time.time() if now is None else now
    return risen(remember(platform, name, value, now)[-1:], value, now)


def risen(earlier: Sequence[Sample], value: float, now: float) -> Increase | None:
    """The same from given samples. Pure."""
    window = COUNTED.total_seconds()
    recent = [sample for sample in earlier if now - sample[0] <= window] or list(earlier[-1:])
    if not recent:
        return None
    total, before = 0.0, recent[0][1]
    for _, reading in [*recent[1:], (now, value)]:
        total += reading - before if reading >= before else reading
        before = reading
    return Increase(total, now - recent[0][0])


def slope(earlier: Sequence[Sample], value: float, now: float, *, span: float, least: float) -> float | None:
    """The change per second over the samples of the last `span` seconds, or None if they span less than `least`. Pure.

    Fitted by least squares.
    """
    points = [*(sample for sample in earlier if now - sample[0] <= span), (now, value)]
    if points[-1][0] - points[0][0] < least:
        return None
    middle = sum(at for at, _ in points) / len(points)
    mean = sum(figure for _, figure in points) / len(points)
    spread = sum((at - middle) ** 2 for at, _ in points)
    return sum((at - middle) * (figure - mean) for at, figure in points) / spread


def _read(path: Path) -> list[Sample]:
    try:
        return [(float(at), float(figure)) for at, figure in json.loads(path.read_text(encoding="ascii"))]
    except (OSError, ValueError, TypeError):
        return []


def _write(path: Path, points: Sequence[Sample]) -> None:
    """Replaces the file atomically, without fsync: a crash loses one sample."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        fresh.write_text(json.dumps([[round(at, 1), figure] for at, figure in points]), encoding="ascii")
        fresh.replace(path)
    except OSError:
        return
