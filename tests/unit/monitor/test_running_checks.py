"""The runner: every check answers once, none can hang or silence the rest, and what can't be done is never ok."""

import io
import json
import re
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.errors import PlatformError
from infra.connections import Platform
from monitor.checks import STORES, Registered, choose, every, follow_from, run_checks, run_present
from monitor.ports_and_certificates import judge_certificate
from monitor.render import as_json, show
from monitor.result import CheckResult, Finding, Status, critical, exit_code, ok, warning

NOWHERE = Platform(
    stack="tests",
    endpoints={},
    accounts={},
    ca_file=Path("/nowhere"),
    containers={},
    volumes={},
    network="",
    embedding_profile="embedded",
    embedding_key="",
)


def result(status: Status, name: str = "a.check") -> CheckResult:
    return CheckResult(name=name, status=status, message="something was found", next_step="do something")


def test_what_is_wrong_is_looked_at_again_where_the_stack_was_changed_meanwhile() -> None:
    """As where values are sealed with a key that was made after the ring had been read."""
    rotated, asked = replace(NOWHERE, field_keys="with a second key"), []

    def sealed(platform: Platform) -> Finding:
        asked.append(platform.field_keys)
        return ok("all open") if platform == rotated else critical("nobody has their key", "find it")

    chosen = [
        Registered("sealed", sealed),
        Registered("other", lambda _: ok("fine")),
        Registered("full", lambda _: critical("full", "make room")),
    ]
    looked_at, results = run_present(NOWHERE, lambda: rotated, chosen)
    assert looked_at == rotated
    assert [result.status for result in results] == [Status.OK, Status.OK, Status.CRITICAL]
    asked.clear()
    _, results = run_present(NOWHERE, lambda: replace(NOWHERE), chosen)
    assert asked == [NOWHERE.field_keys], "nothing was changed, so it is wrong indeed"
    assert results[0].status is Status.CRITICAL


def test_a_store_that_is_away_is_told_once_and_others_are_left_alone() -> None:
    away, closed = result(Status.CRITICAL, "redis.reachable"), result(Status.UNKNOWN, "redis.tls")
    elsewhere, seen = result(Status.UNKNOWN, "weaviate.tls"), result(Status.WARNING, "redis.memory")
    assert follow_from([away, closed, elsewhere, seen, result(Status.CRITICAL, "redis.accounts")]) == [
        away,
        replace(closed, message="could not be checked: see redis.reachable", next_step=""),
        elsewhere,
        seen,
        replace(result(Status.CRITICAL, "redis.accounts"), next_step="first redis.reachable"),
    ]
    assert follow_from([result(Status.OK, "redis.reachable"), closed]) == [result(Status.OK, "redis.reachable"), closed]


def test_a_check_that_raises_is_unknown_and_says_why() -> None:
    def refuses(_: Platform) -> Finding:
        raise PlatformError(what="no way in", next_step="open the door")

    def broken(_: Platform) -> Finding:
        raise ZeroDivisionError("a fault of the check")

    results = run_checks(
        NOWHERE, [Registered("refuses", refuses), Registered("broken", broken), Registered("fine", lambda _: ok("good", 3, "x"))]
    )
    assert [(each.name, each.status) for each in results] == [("refuses", "unknown"), ("broken", "unknown"), ("fine", "ok")]
    assert "no way in" in results[0].message
    assert results[0].next_step == "open the door"
    assert "ZeroDivisionError" in results[1].message
    assert (results[2].value, results[2].unit) == (3, "x")


def test_a_check_that_hangs_is_unknown_after_its_time_and_holds_up_nobody() -> None:
    released, ended = threading.Event(), threading.Event()

    def hangs(_: Platform) -> Finding:
        released.wait()
        ended.set()
        return ok("never")

    results = run_checks(NOWHERE, [Registered("hangs", hangs, timeout=0.3), Registered("quick", lambda _: ok("good"), timeout=60)])
    assert not ended.is_set()
    released.set()
    assert [each.status for each in results] == ["unknown", "ok"]
    # On a busy machine it is given more time.
    assert re.search(r"no answer within [\d.]+ s", results[0].message)


def test_checks_run_at_the_same_time() -> None:
    everybody = threading.Barrier(10)

    def waits_for_the_others(_: Platform) -> Finding:
        everybody.wait(60)
        return ok("good")

    results = run_checks(NOWHERE, [Registered(f"check{number}", waits_for_the_others, timeout=120) for number in range(10)])
    assert [each.status for each in results] == ["ok"] * 10


@pytest.mark.parametrize(
    ("statuses", "code"),
    [
        ([], 3),
        ([Status.OK], 0),
        ([Status.OK, Status.WARNING], 1),
        ([Status.UNKNOWN, Status.WARNING], 3),
        ([Status.UNKNOWN, Status.CRITICAL, Status.OK], 2),
    ],
)
def test_the_exit_code_is_the_worst_ones(statuses: list[Status], code: int) -> None:
    assert exit_code([result(status) for status in statuses]) == code


def test_names_are_unique_and_a_first_part_chooses_all_below_it() -> None:
    names = [check.name for check in every()]
    assert len(names) == len(set(names))
    assert [check.name for check in choose(["redis"])] == [name for name in names if name.startswith("redis.")]
    assert next(check.name for check in choose(["backup.full", "backup"])) == "backup.full"
    with pytest.raises(PlatformError, match="there is no check mysql"):
        choose(["mysql"])


def test_a_store_chooses_what_looks_into_it_and_both_narrow() -> None:
    names = {check.name for check in choose(None, ["postgres"])}
    assert {"postgres.locks", "backup.archive"} <= names
    assert not [name for name in names if name.startswith(("redis", "weaviate"))]
    assert {check.name.split(".")[0] for check in choose(None, ["weaviate", "embedder"])} == {"weaviate", "weaviate_grpc", "embedder"}
    assert [check.name for check in choose(["redis.memory", "postgres"], ["redis"])] == ["redis.memory"]
    for store in STORES:
        assert choose(None, [store])
    with pytest.raises(PlatformError, match="there is no store mysql"):
        choose(None, ["mysql"])
    with pytest.raises(PlatformError, match="no check matches both"):
        choose(["backup.kit"], ["redis"])


def test_json_has_the_documented_shape() -> None:
    document = json.loads(as_json("dev", [result(Status.WARNING), result(Status.OK, "b.check")]))
    assert document["stack"] == "dev"
    assert (document["status"], document["exit_code"]) == ("warning", 1)
    assert document["checks"][0] == {
        "name": "a.check",
        "status": "warning",
        "message": "something was found",
        "next_step": "do something",
        "value": None,
        "unit": "",
        "warn_from": None,
        "critical_from": None,
        "seconds": 0.0,
    }


def test_a_pipe_gets_plain_lines_with_the_next_step_where_something_is_wrong() -> None:
    stream = io.StringIO()
    show("dev", [result(Status.CRITICAL), result(Status.OK, "b.check")], stream)
    lines = stream.getvalue().splitlines()
    assert lines[0].split() == ["critical", "a.check", "something", "was", "found"]
    assert "next: do something" in lines[1]
    assert lines[2].startswith("ok")
    assert lines[-1] == "stack dev: 1 ok, 1 critical"
    assert "\x1b" not in stream.getvalue()


@pytest.mark.parametrize(("columns", "lines"), [("160", 3), ("80", 4)])
def test_a_terminal_gets_a_list_that_fits_it(monkeypatch: pytest.MonkeyPatch, columns: str, lines: int) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("COLUMNS", columns)
    stream = Terminal()
    show("dev", [result(Status.CRITICAL)], stream)
    assert "something was found" in stream.getvalue()
    assert "next: do something" in stream.getvalue()
    assert len(stream.getvalue().splitlines()) == lines


@pytest.mark.parametrize(
    ("days_left", "status"), [(80, "ok"), (31, "ok"), (29, "warning"), (8, "warning"), (7, "critical"), (-1, "critical")]
)
def test_a_certificate_is_judged_by_what_is_left_of_its_life(days_left: float, status: str) -> None:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    end = now + timedelta(days=days_left)
    assert judge_certificate(end - timedelta(days=90), end, now, "dev").status == status


def test_findings_keep_their_figures() -> None:
    assert warning("a", "b", 1.5, "hours") == Finding(Status.WARNING, "a", "b", 1.5, "hours")
