"""What the ages of accounts' secrets come to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from christmas.blueprint.accounts import account
from christmas.blueprint.password_rotation import ROTATION_RULES
from christmas.blueprint.twin_logins import account_of_login, twin_of
from infra.authority import State, Step
from infra.connections import AuthorityTurn, Turn
from monitor.accounts import judge_authority, judge_rotations
from monitor.ages import days, hours
from monitor.postgres_server import judge_connections
from monitor.result import Status
from monitor.rights import Session, judge_sessions
from security.audit.events import UNKNOWN_ACCOUNT, account_of

NOW = datetime(2026, 3, 1, tzinfo=UTC)
END = ROTATION_RULES.overlap
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("age", "former", "status", "words"),
    [
        (timedelta(hours=1), False, Status.OK, "1 h old"),
        (timedelta(hours=1), True, Status.OK, "the former one of api is valid for 23 h more"),
        (END + ROTATION_RULES.end_within, True, Status.OK, ""),
        (END + ROTATION_RULES.end_within + SECOND, True, Status.WARNING, "their time is over"),
        (END * 20, False, Status.OK, ""),
        (ROTATION_RULES.renew_after + SECOND, False, Status.WARNING, "older than"),
    ],
)
def test_ages(age: timedelta, former: bool, status: Status, words: str) -> None:
    found = judge_rotations({"api": Turn(1, NOW - age, former), "rag": Turn(0, NOW - SECOND, former=False)}, NOW, "dev")
    assert (found.status, words in found.message) == (status, True), found


def test_a_stack_of_an_older_version_tells_nothing() -> None:
    assert judge_rotations({}, NOW, "dev").status is Status.UNKNOWN


@pytest.mark.parametrize(
    ("age", "found", "status", "words"),
    [
        (timedelta(days=30), None, Status.OK, "30 d old"),
        (ROTATION_RULES.renew_authority_after + SECOND, None, Status.WARNING, "more than"),
        (SECOND, State(1, Step.WAIT_FOR_TRUST, NOW + SECOND), Status.OK, "two are trusted"),
        (SECOND, State(1, Step.CHANGE_OVER, NOW - ROTATION_RULES.end_within), Status.OK, "two are trusted"),
        (SECOND, State(1, Step.END, NOW - ROTATION_RULES.end_within - SECOND), Status.WARNING, "is due since"),
        (SECOND, State(1, Step.DECLARE), Status.WARNING, "interrupted"),
    ],
)
def test_the_age_of_the_ca(age: timedelta, found: State | None, status: Status, words: str) -> None:
    judged = judge_authority(AuthorityTurn(1, NOW, former=found is not None, former_signs=False), NOW - age, found, NOW, "dev")
    assert (judged.status, words in judged.message) == (status, True), judged
    assert judge_authority(None, NOW, None, NOW, "dev").status is Status.UNKNOWN


def test_a_twin_is_its_account_in_logs_and_sessions() -> None:
    assert twin_of("api") == "api_twin"
    assert [account_of_login(name) for name in ("api_twin", "api", "stranger_twin", "_twin")] == ["api", "api", "stranger_twin", "_twin"]
    assert [account_of(name) for name in ("api_twin", "postgres", "stranger_twin")] == ["api", "postgres", UNKNOWN_ACCOUNT]
    too_long = Session(1, "api_twin", "10.0.0.1", is_busy=True, transaction_seconds=900.0, statement_seconds=900.0)
    assert judge_sessions([too_long]).status is Status.WARNING
    limit = account("api").postgres.connection_limit  # type: ignore[union-attr]
    assert judge_connections(10_000, {"api_twin": limit}).status is Status.WARNING


def test_ages_in_figures_have_two_places() -> None:
    span = timedelta(days=1, minutes=10, seconds=17)
    assert (hours(span), days(span)) == (24.17, 1.01)
