"""How far a rotation is, from what the stack's settings and outputs say; and when its overlap is over."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from core.errors import PlatformError
from infra.connections import Credentials, Platform, Turn, from_outputs
from infra.rotation import Stage, other_changes, state
from infra.settings import Overlap, overlap_of, parse

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER, BEFORE = NOW + timedelta(hours=3), NOW - timedelta(hours=3)


def turn(generation: int, *, former: bool) -> Turn:
    return Turn(generation, BEFORE, former)


@pytest.mark.parametrize(
    ("counted", "overlap", "found", "stage"),
    [
        (0, None, turn(0, former=False), Stage.IDLE),
        # Killed before or within `up`.
        (1, None, turn(0, former=False), Stage.COUNTED),
        (2, Overlap(generation=1, time=BEFORE), turn(1, former=True), Stage.COUNTED),
        # Killed after `up`; what is declared is another rotation's.
        (1, None, turn(1, former=True), Stage.MADE),
        (2, Overlap(generation=1, time=BEFORE), turn(2, former=True), Stage.MADE),
        (1, Overlap(generation=1, time=LATER), turn(1, former=True), Stage.OVERLAP),
        # Over: the next `up` or the next rotation ends it.
        (1, Overlap(generation=1, time=BEFORE), turn(1, former=True), Stage.IDLE),
        (1, Overlap(generation=1, time=BEFORE), turn(1, former=False), Stage.IDLE),
    ],
)
def test_every_interruption_is_known(counted: int, overlap: Overlap | None, found: Turn, stage: Stage) -> None:
    known = state("api", counted, overlap, found, NOW)
    assert known.stage is stage
    assert (known.until is not None) == (stage is Stage.OVERLAP)


def test_the_overlap_is_over_at_its_time_and_for_its_rotation_alone() -> None:
    until = json.dumps({"api": f"2@{NOW.isoformat()}", "rag": f"2@{NOW.isoformat()}"})
    settings = parse("dev", {"christmas:rotations": '{"api": 2, "rag": 3}', "christmas:formerUntil": until})
    assert not settings.overlap_is_over("api", NOW - timedelta(seconds=1))
    assert settings.overlap_is_over("api", NOW)
    assert not settings.overlap_is_over("rag", LATER)
    assert not settings.overlap_is_over("backup", LATER)


@pytest.mark.parametrize(
    "text", ["2", "2@", "@2026-03-01T00:00:00Z", "two@2026-03-01T00:00:00Z", "2@2026-03-01T00:00:00", "-1@2026-03-01T00:00:00Z"]
)
def test_a_time_that_is_none_is_refused(text: str) -> None:
    assert overlap_of(text) is None
    with pytest.raises(PlatformError, match="formerUntil"):
        parse("dev", {"christmas:formerUntil": f'{{"api": "{text}"}}'})


def test_the_schedule_ends_secrets_and_nothing_else() -> None:
    ending = dict.fromkeys(
        ("app-rotation", "app-postgres", "app-role", "app-redis", "app-redis-user", "redis-config", "redis-reload"), "update"
    )
    assert other_changes(ending, ["app"]) == []
    assert other_changes({**ending, "redis-certificate": "update"}, ["app"]) == ["redis-certificate"]
    assert other_changes({**ending, "christmas-dev-redis": "replace"}, ["app"]) == ["christmas-dev-redis"]
    # Another account's, and what is more than a change.
    assert other_changes({**ending, "api-role": "update", "app-twin-role": "delete"}, ["app"]) == ["api-role", "app-twin-role"]


def test_an_account_logs_in_as_its_twin_where_that_has_the_newest_password(platform: Platform) -> None:
    assert platform.postgres_login("api") == "api_twin"
    assert platform.postgres_login("ingest") == "ingest"
    assert platform.postgres_url("api").startswith("postgresql://api_twin:new@")
    assert platform.rotations["api"].former


@pytest.fixture
def platform() -> Platform:
    at = {"host": "127.0.0.1", "port": 1, "inside_host": "timescaledb", "inside_port": 5432}
    outputs = {
        "endpoints": {"postgres": at},
        "accounts": {
            "api": {"postgres": "new", "postgres_login": "api_twin", "redis": None, "weaviate": None},
            # As an older version exports it.
            "ingest": {"postgres": "old", "redis": None, "weaviate": None},
        },
        "rotations": {"api": {"generation": 1, "made": NOW.isoformat(), "former": True}},
        "ca_certificate": "",
        "containers": {}, "volumes": {}, "network": "n", "embedding_profile": "embedded", "embedding_key": "",
    }  # fmt: skip
    found = from_outputs("unit", outputs)
    assert found.accounts["ingest"] == Credentials(postgres="old")
    return found
