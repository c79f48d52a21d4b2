"""What `accounts.matrix --prove` makes the stores refuse is taken off what the checks count, so far as it goes, and nothing else is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor import own_refusals
from monitor.own_refusals import Caused
from monitor.refusals import Refusal, without
from security.matrix.redis_store import forgettable

NOW = datetime(2026, 5, 5, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_refusals, "LOCAL", tmp_path)


def caused(minutes: int, **redis: int) -> Caused:
    ended = NOW - minutes * MINUTE
    return Caused(ended - MINUTE, ended, {"redis": redis}, "10.0.0.1")


def test_so_many_of_each_account_are_taken_off_and_no_more() -> None:
    refusals = [Refusal("denial", "api", "10.0.0.1", 5), Refusal("denial", "api", "10.0.0.9", 4), Refusal("login", "app", "10.0.0.1", 2)]
    assert without(refusals, {("api", ""): 6, ("backup", ""): 100}) == [
        Refusal("denial", "api", "10.0.0.9", 3),
        Refusal("login", "app", "10.0.0.1", 2),
    ]
    assert without(refusals, {("api", "10.0.0.1"): 100}) == refusals[1:]
    assert without(refusals, {}) == refusals


def test_what_was_caused_counts_for_as_long_as_the_checks_look_back() -> None:
    for each in (caused(90, api=7), caused(30, api=5, app=1), caused(2, api=3)):
        own_refusals.write("here", each)
    assert own_refusals.of_late("here", "redis", NOW - 60 * MINUTE) == {("api", "10.0.0.1"): 8, ("app", "10.0.0.1"): 1}
    assert own_refusals.of_late("here", "weaviate", NOW - 60 * MINUTE) == {}
    assert own_refusals.of_late("another", "redis", NOW - 60 * MINUTE) == {}
    assert len(own_refusals.spans("here")) == 3


def test_only_the_last_ten_are_kept_and_a_broken_file_takes_nothing_off(tmp_path: Path) -> None:
    for number in range(14):
        own_refusals.write("here", caused(number, api=1))
    assert sum(own_refusals.of_late("here", "redis", NOW - 60 * MINUTE).values()) == 10
    (tmp_path / "matrix" / "here.json").write_text('[{"ended": "')
    assert own_refusals.of_late("here", "redis", NOW - 60 * MINUTE) == {}


def test_only_the_oldest_entries_of_a_list_may_be_forgotten_and_only_those_of_trials() -> None:
    def entry(minutes: float) -> dict[str, object]:
        return {"timestamp-created": int((NOW - minutes * MINUTE).timestamp() * 1000), "object": "x"}

    own = [(NOW - 10 * MINUTE, NOW - 9 * MINUTE), (NOW - 5 * MINUTE, NOW - 4 * MINUTE)]
    # The newest stand first.
    assert forgettable([entry(1), entry(4.5), entry(9.5), entry(9.9)], own) == 3
    assert forgettable([entry(4.5), entry(20)], own) == 0
    assert forgettable([entry(4.5), entry(7), entry(9.5)], own) == 1
    assert forgettable([], own) == 0
