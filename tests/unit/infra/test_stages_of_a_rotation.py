"""How far a rotation is, from what the stack's settings and outputs say; and when its overlap is over."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from core.errors import PlatformError
from infra import authority
from infra.connections import AuthorityTurn, Credentials, Platform, Turn, from_outputs
from infra.rotation import Stage, other_changes, state
from infra.settings import Overlap, overlap_of, parse
from infra.stacks import Change

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER, BEFORE, LONG_AGO = NOW + timedelta(hours=3), NOW - timedelta(hours=3), NOW - timedelta(days=3)


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
    ending = [
        Change("Any", name, "update")
        for name in (
            *("app-rotation", "app-postgres", "app-role", "app-redis", "app-redis-user", "app-weaviate-user"),
            *("redis-config", "redis-reload", "haproxy-keys", "haproxy-keys-reload"),
        )
    ]
    container = Change("Container", "redis", "replace")
    assert other_changes(ending, ["app"]) == []
    assert other_changes([*ending, Change("Certificate", "redis", "update")], ["app"]) == ["redis"]
    assert other_changes([*ending, container], ["app"]) == ["redis"]
    # Another account's, and what is more than a change.
    others = [Change("PostgresRole", "api-role", "update"), Change("PostgresRole", "app-twin-role", "delete")]
    assert other_changes([*ending, *others], ["app"]) == ["api-role", "app-twin-role"]
    # The CA's, when a step of it is due: not the containers, although they have the certificates' names.
    renewed = [Change("Certificate", "redis", "update"), Change("ConfigFiles", "redis-config", "update")]
    assert other_changes(renewed, [], authority.KINDS) == []
    assert other_changes(renewed, []) == ["redis", "redis-config"]
    assert other_changes([*renewed, *ending], ["app"], authority.KINDS) == []
    assert other_changes([*renewed, container], [], authority.KINDS) == ["redis"]


def ca(generation: int, *, former: bool, former_signs: bool = False) -> AuthorityTurn:
    return AuthorityTurn(generation, BEFORE, former, former_signs)


@pytest.mark.parametrize(
    ("counted", "overlap", "found", "step"),
    [
        (0, None, ca(0, former=False), authority.Step.BEGIN),
        (1, None, ca(0, former=False), authority.Step.MAKE),
        (1, None, ca(1, former=True, former_signs=True), authority.Step.DECLARE),
        (2, Overlap(generation=1, time=BEFORE), ca(2, former=True, former_signs=True), authority.Step.DECLARE),
        (1, Overlap(generation=1, time=LATER), ca(1, former=True, former_signs=True), authority.Step.WAIT_FOR_TRUST),
        # However late: a step is never left out.
        (1, Overlap(generation=1, time=BEFORE), ca(1, former=True, former_signs=True), authority.Step.CHANGE_OVER),
        (1, Overlap(generation=1, time=LONG_AGO), ca(1, former=True, former_signs=True), authority.Step.CHANGE_OVER),
        (1, Overlap(generation=1, time=BEFORE), ca(1, former=True), authority.Step.WAIT_FOR_END),
        (1, Overlap(generation=1, time=LONG_AGO), ca(1, former=True), authority.Step.END),
        (1, Overlap(generation=1, time=LONG_AGO), ca(1, former=False), authority.Step.BEGIN),
    ],
)
def test_every_interruption_of_a_rotation_of_the_ca_is_known(
    counted: int, overlap: Overlap | None, found: AuthorityTurn, step: authority.Step
) -> None:
    assert authority.state(counted, overlap, found, NOW).step is step


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
