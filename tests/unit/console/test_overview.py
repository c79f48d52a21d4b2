"""Decisions of `status`, `logs` and `--watch`."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from christmas.blueprint.backup_and_drill_rules import BACKUP_RULES
from console import status, watching
from console.logs import Line, of_docker, of_schedule
from console.services import Service, in_order
from core.aside import Late, gather
from core.errors import PlatformError
from core.words import parse_since
from monitor.containers import memory_of
from monitor.result import Status
from schedule import history
from tests.support.manifests import manifest

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def service(state: str = "healthy", **more) -> Service:
    return Service("redis", "christmas-dev-redis", state, NOW - HOUR, 100_000_000, 768_000_000, **more)


@pytest.mark.parametrize(
    ("found", "wanted", "words"),
    [
        (service(answer_seconds=0.012), "ok", "healthy, up 1 h, memory 100.0 MB of 768.0 MB, answers in 12 ms"),
        (service("starting", answer_seconds=0.012), "ok", "starting"),
        (service("starting"), "warning", "starting"),
        (service("paused"), "critical", "paused"),
        (service("exited with 137 (out of memory)"), "critical", "exited with 137"),
        (service("unhealthy"), "critical", "unhealthy"),
        (service(trouble="does not answer within 2 s"), "unknown", "does not answer"),
        (Service("redis", "", "no container"), "critical", "no container"),
    ],
)
def test_a_service_is_judged_by_what_was_seen(found: Service, wanted: str, words: str) -> None:
    judged = found.judge(NOW)
    assert judged.status == wanted
    assert words in judged.message
    assert bool(judged.next_step) == (wanted != "ok")


def test_what_is_missing_has_its_place() -> None:
    found = in_order({"redis": service(), "scratch": Service("scratch", "x", "running")})
    assert [(each.name, each.state) for each in found] == [
        ("timescaledb", "no container"),
        ("redis", "healthy"),
        ("weaviate", "no container"),
        ("haproxy", "no container"),
        ("scratch", "running"),
    ]


def test_memory_is_counted_as_docker_does() -> None:
    assert memory_of({"memory_stats": {"usage": 100, "limit": 500, "stats": {"inactive_file": 30}}}) == (70, 500)
    assert memory_of({"memory_stats": {"usage": 100, "limit": 500, "stats": {"total_inactive_file": 30, "inactive_file": 1}}}) == (70, 500)
    assert memory_of({"memory_stats": {}}) == (None, None)


def test_the_next_set_is_told_by_the_sets_there_are() -> None:
    full = manifest(started=NOW - 3 * HOUR)
    newer = manifest("20261129-113000-incremental-0000", kind="incremental", started=NOW - HOUR / 2, parent=full.id)
    assert status.judge_next([], BACKUP_RULES, NOW).message == "full, due now"
    soon = status.judge_next([full, newer], BACKUP_RULES, NOW)
    assert (soon.status, soon.message) == ("ok", "incremental, in 30 min; full in 21 h")
    late = status.judge_next([full], BACKUP_RULES, NOW)
    assert (late.status, late.message) == ("warning", "incremental, due now")


def test_the_last_set_and_drill_are_told() -> None:
    full = manifest(started=NOW - 3 * HOUR)
    assert status.judge_last([], NOW).status == "warning"
    assert "3 h ago" in status.judge_last([full], NOW).message
    passed = {"started": (NOW - timedelta(days=2)).isoformat(), "passed": True}
    assert status.judge_drill([], BACKUP_RULES, NOW).status == "ok"
    assert status.judge_drill([passed], BACKUP_RULES, NOW).message == "passed, 2 d ago; the next in 5 d"
    assert status.judge_drill([passed | {"passed": False}], BACKUP_RULES, NOW).status == "critical"


def test_the_last_recorded_run_is_the_files_end(tmp_path: Path) -> None:
    path = tmp_path / "checks.jsonl"
    assert history.last(path) is None
    for minute in range(3):
        history.add(path, {"at": (NOW + minute * timedelta(minutes=1)).isoformat(), "status": "warning", "checks": 60, "not_ok": []}, NOW)
    with path.open("a") as file:
        file.write('{"at": "2026-')
    told = history.last(path)
    assert told is not None
    assert told["at"] == (NOW + timedelta(minutes=2)).isoformat()
    wrong = told | {"not_ok": [{"name": f"a.{number}", "status": "warning", "message": ""} for number in range(8)]}
    assert status.judge_checks(wrong, NOW + HOUR).message == (
        "52 of 60 ok, 58 min ago: a.0 warning, a.1 warning, a.2 warning, a.3 warning, a.4 warning, a.5 warning, and 2 more"
    )
    assert status.judge_checks(None, NOW).status == "warning"


def test_what_hangs_hides_nothing() -> None:
    released = threading.Event()
    found = gather({"hangs": released.wait, "raises": lambda: 1 / 0, "quick": lambda: 3}, 1.0)
    released.set()
    assert isinstance(found["hangs"], Late)
    assert str(found["hangs"]) == "no answer within 1 s"
    assert isinstance(found["raises"], ZeroDivisionError)
    assert found["quick"] == 3
    assert list(found) == ["hangs", "raises", "quick"]


def test_an_overview_is_as_bad_as_its_worst_part_and_can_be_written_down() -> None:
    found = status.Overview("dev", NOW, [service(answer_seconds=0.01)], {"schema": status._untold(Late(4.0))})
    assert found.status is Status.UNKNOWN
    document = json.loads(json.dumps(found.as_dict()))
    assert (document["exit_code"], document["services"][0]["uptime_seconds"]) == (3, 3600)
    assert document["parts"] == [
        {"name": "schema", "status": "unknown", "message": "no answer within 4 s", "next_step": document["parts"][0]["next_step"]}
    ]


@pytest.mark.parametrize(("given", "pause"), [(None, None), (False, None), (True, 5.0), ("10", 10.0), ("0", 1.0), ("0.1", 1.0)])
def test_the_pause_of_watching(given: object, pause: float | None) -> None:
    assert watching.seconds_of(given, 5.0, "x") == pause


def test_a_pause_that_is_none_is_refused() -> None:
    with pytest.raises(PlatformError, match="'often' is not a number of seconds"):
        watching.seconds_of("often", 5.0, "x")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("30s", NOW - timedelta(seconds=30)),
        ("10m", NOW - timedelta(minutes=10)),
        ("2h", NOW - 2 * HOUR),
        ("1d", NOW - 24 * HOUR),
        ("2026-11-29T14:30", datetime(2026, 11, 29, 14, 30, tzinfo=UTC)),
        ("2026-11-29T14:30+09:00", datetime(2026, 11, 29, 5, 30, tzinfo=UTC)),
    ],
)
def test_since_when(text: str, moment: datetime) -> None:
    assert parse_since(text, NOW) == moment


@pytest.mark.parametrize("text", ["", "10", "m", "yesterday", "-5m"])
def test_since_nothing(text: str) -> None:
    with pytest.raises(PlatformError, match="is not a time"):
        parse_since(text, NOW)


def test_lines_of_docker_come_whole_whatever_pieces_they_come_in() -> None:
    sent = "2026-11-29T12:00:00.123456789Z one\n2026-11-29T12:00:01Z zwei ü\nno time\n2026-11-29T12:00:02.5Z last".encode()
    expected = [
        Line(datetime(2026, 11, 29, 12, 0, 0, 123456, UTC), "redis", "one"),
        Line(datetime(2026, 11, 29, 12, 0, 1, tzinfo=UTC), "redis", "zwei ü"),
        Line(datetime(2026, 11, 29, 12, 0, 1, tzinfo=UTC), "redis", "no time"),
        Line(datetime(2026, 11, 29, 12, 0, 2, 500000, UTC), "redis", "last"),
    ]
    for size in (1, 7, 1000):
        pieces = [sent[at : at + size] for at in range(0, len(sent), size)]
        found = list(of_docker("redis", pieces))
        assert [(each.at, each.text) for each in found] == [(each.at, each.text) for each in expected]


def test_lines_of_the_schedule_belong_to_the_time_before_them() -> None:
    said = ["2026-11-29T11:00:00Z old", "  of old", "2026-11-29T12:00:00Z backup: FAILED", "  where: here"]
    assert [each.text for each in of_schedule(said, NOW)] == ["backup: FAILED", "  where: here"]
