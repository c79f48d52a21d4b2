"""The check of the audit: quiet on ordinary days, says what was seen and what to do, and that it could not be learned."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from monitor import audit
from monitor.result import Status
from security.audit import looked_at
from security.audit.anomalies import Anomaly
from security.audit.chain import Chain
from security.audit.collect import REPLACED
from security.audit.events import Event

PLATFORM: Any = SimpleNamespace(stack="of-a-test")


def anomaly(rule: str, words: str = "api did something") -> Anomaly:
    return Anomaly("2026-11-29T12:00:00.000000000Z", rule, "postgresql", "api", words)


def event(account: str, action: str, at: datetime, outcome: str = "done", thing: str = "database") -> Event:
    return Event(f"{at:%Y-%m-%dT%H:%M:%S.%f}000Z", "postgresql", account, "10.0.0.9", action, thing, outcome, "1")  # type: ignore[arg-type]


@pytest.fixture
def chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Chain:
    """An audit that was collected just now."""
    monkeypatch.setattr(audit, "folder_of", lambda _stack: tmp_path)
    made = Chain(tmp_path)
    add(made, event("api", "login", datetime.now(UTC)))
    return made


def add(chain: Chain, *events: Event) -> None:
    with chain.adding():
        chain.add(events, {})


def test_ordinary_days_are_ok(chain: Chain) -> None:
    found = audit.anomalies(PLATFORM)
    assert (found.status, found.value, found.next_step) == (Status.OK, 0, "")


def test_what_is_told_says_when_who_and_what_to_do_until_somebody_looked(chain: Chain) -> None:
    now = datetime.now(UTC)
    add(chain, event("api", "ddl: create function", now - timedelta(minutes=1), thing="function public.f"))
    found = audit.anomalies(PLATFORM)
    assert found.status is Status.CRITICAL
    assert "api did ddl: create function on function public.f" in found.message
    assert "invoke audit.anomalies" in found.next_step
    looked_at.mark(chain, now)
    assert audit.anomalies(PLATFORM).status is Status.OK
    assert chain.verify().faults == ()
    add(chain, event("api", "ddl: create function", datetime.now(UTC), thing="function public.g"))
    assert "public.g" in audit.anomalies(PLATFORM).message


def test_what_is_older_than_a_day_is_told_no_more(chain: Chain) -> None:
    add(chain, event("api", "ddl: create function", datetime.now(UTC) - timedelta(hours=25)))
    assert audit.anomalies(PLATFORM).status is Status.OK


@pytest.mark.parametrize(
    ("rule", "status"), [("new address", Status.WARNING), ("failed logins", Status.WARNING), ("superuser", Status.CRITICAL)]
)
def test_how_bad_it_is(rule: str, status: Status) -> None:
    assert audit.judge([anomaly(rule)], {}).status is status


def test_the_gravest_is_said_first_and_the_rest_is_counted() -> None:
    finding = audit.judge([anomaly("mass read", "api read everything"), *(anomaly("new address", f"address {n}") for n in range(5))], {})
    assert finding.message.startswith("mass read, new address (5): ")
    assert finding.message.index("api read everything") < finding.message.index("address 0")
    assert "and 3 more" in finding.message
    assert finding.value == 6


def test_a_container_that_was_replaced_is_no_anomaly_and_a_gap_is() -> None:
    assert audit.judge([anomaly("events lost", f"log lines after noon, {REPLACED}: what happened then")], {}).status is Status.OK
    assert audit.judge([anomaly("events lost", "log lines after noon: Docker has thrown them away")], {}).status is Status.WARNING


@pytest.mark.parametrize(
    ("rule", "minutes", "status"),
    [
        ("refused actions", 0, Status.OK),
        ("read by an administrator", 0, Status.OK),
        ("superuser", 0, Status.CRITICAL),
        ("refused actions", 5, Status.WARNING),
        ("refused actions", -5, Status.WARNING),
    ],
)
def test_what_a_trial_of_the_matrix_did_is_no_anomaly(rule: str, minutes: int, status: Status) -> None:
    began = datetime(2026, 11, 29, 11, 59, 50, tzinfo=UTC) + timedelta(minutes=minutes)
    assert audit.judge([anomaly(rule)], {}, [(began, began + timedelta(seconds=20))]).status is status


def test_a_store_that_can_not_be_read_is_unknown() -> None:
    finding = audit.judge([], {"redis": "no answer"})
    assert (finding.status, "redis: no answer" in finding.message) == (Status.UNKNOWN, True)
    assert audit.judge([anomaly("superuser")], {"redis": "no answer"}).status is Status.CRITICAL


def test_an_audit_that_was_not_collected_for_a_while_is_collected_first(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def collect(platform: object) -> object:
        asked.append(platform)
        return SimpleNamespace(unread={"weaviate": "its log can't be read"})

    monkeypatch.setattr(audit, "collect", collect)
    assert audit.anomalies(PLATFORM).status is Status.OK
    monkeypatch.setattr(Chain, "collected_at", lambda _chain: datetime.now(UTC) - timedelta(minutes=16))
    assert audit.anomalies(PLATFORM).status is Status.UNKNOWN
    assert asked == [PLATFORM]
