"""What a limiter sends and decides, answer by answer; that Redis counts so is in tests/integration/keyspaces."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from christmas import rate_limits
from christmas.operations import Batch
from christmas.rate_limits import Decision, _decide

NOW, MARGIN = 1_000.0, rate_limits._MARGIN
ONE_MORE = Batch([("INCR", "k")])
AN_END = ("PEXPIRE", "k", 60_000, "NX")
FIRST = Batch([("INCR", "k"), AN_END, ("PTTL", "k")], transaction=True)
LEFT = Batch([("PTTL", "k")])


def decided(windows: dict[str, float], *answers: list[Any]) -> tuple[list[Batch], Decision]:
    """What was sent for a limit of 3, and the decision."""
    operation = _decide("k", 3, windows)
    sent = [next(operation), *map(operation.send, answers[:-1])]
    with pytest.raises(StopIteration) as ended:
        operation.send(answers[-1])
    return sent, ended.value.value


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> float:
    monkeypatch.setattr(rate_limits, "time", SimpleNamespace(monotonic=lambda: NOW))
    return NOW


@pytest.mark.parametrize(
    ("count", "left", "sent", "decision"),
    [
        (1, 60_000, [FIRST], Decision(allowed=True, remaining=2, retry_after=0.0)),
        (3, 60_000, [FIRST], Decision(allowed=True, remaining=0, retry_after=0.0)),
        (4, 30_500, [FIRST, LEFT], Decision(allowed=False, remaining=0, retry_after=30.5)),
        (4, -2, [FIRST, LEFT], Decision(allowed=False, remaining=0, retry_after=0.0)),
    ],
)
def test_a_request_whose_window_is_not_known(count: int, left: int, sent: list[Batch], decision: Decision) -> None:
    answers = [[count, 1, left], [left]][: len(sent)]
    assert decided({}, *answers) == (sent, decision)


def test_a_window_counts_as_open_until_a_margin_before_its_end() -> None:
    windows: dict[str, float] = {}
    decided(windows, [1, 1, 60_000])
    assert windows == {"k": NOW + 60 - MARGIN}
    over = {"k": NOW}
    assert decided(over, [2, 0, 500])[0] == [FIRST]
    assert over == {"k": NOW + 0.5 - MARGIN}  # what ends within the margin isn't taken for open


@pytest.mark.parametrize(("count", "remaining"), [(2, 1), (3, 0)])
def test_in_a_known_window_counting_is_enough(count: int, remaining: int) -> None:
    windows = {"k": NOW + 0.1}
    assert decided(windows, [count]) == ([ONE_MORE], Decision(allowed=True, remaining=remaining, retry_after=0.0))
    assert windows.keys() == {"k"}


def test_a_counter_that_was_evicted_gets_its_end_again() -> None:
    windows = {"k": NOW + 0.1}
    assert decided(windows, [1], [1]) == ([ONE_MORE, Batch([AN_END])], Decision(allowed=True, remaining=2, retry_after=0.0))
    assert windows == {}


def test_no_more_windows_are_remembered_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits, "_REMEMBERED", 2)
    windows = {"a": 0.0}
    decided(windows, [1, 1, 60_000])
    assert windows.keys() == {"a", "k"}
    windows = {"a": 0.0, "b": 0.0}
    decided(windows, [1, 1, 60_000])
    assert windows.keys() == {"k"}
