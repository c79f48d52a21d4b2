"""What the schedule tells Prometheus: names, numbers and times, in a text that Prometheus' own library reads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from prometheus_client.parser import text_string_to_metric_families

from monitor.exposition import Known, text
from monitor.result import CheckResult, Status
from monitor.signs import WorkSigns
from security.audit.uses import AccountUse
from tests.support.manifests import NOON, manifest

RESULTS = (
    CheckResult(name="redis.memory", status=Status.OK, message="fine", value=0.5, unit="share"),
    CheckResult(name="postgres.accounts", status=Status.CRITICAL, message="account hunter2 can log in", next_step="rotate hunter2"),
    CheckResult(name="host.load", status=Status.UNKNOWN, message="late"),
)


def read(known: Known) -> dict[tuple[str, ...], float]:
    """Each figure by its name and its labels' values."""
    told = text(known).decode()
    return {
        (sample.name, *sample.labels.values()): sample.value for family in text_string_to_metric_families(told) for sample in family.samples
    }


def test_checks_sets_drills_and_work() -> None:
    drill = {
        "passed": False,
        "started": "2026-11-22T03:00:00+00:00",
        "restore_seconds": 31.5,
        "loss_seconds": {"redis": 60.0, "postgres": 2},
    }
    found = read(
        Known(
            at=NOON,
            results=RESULTS,
            sets=[manifest(), manifest("20261123-130000-incremental-0001", kind="incremental", started=NOON + timedelta(hours=1))],
            drills=[{**drill, "passed": True}, drill],
            works={"backup": WorkSigns(done=NOON, failures=2, message="a secret"), "drill": WorkSigns()},
            sizes={"keyspace session": 12.0, "backups all sets": 5e9},
            uses=[AccountUse("api", 40, 3)],
        )
    )
    assert found["christmas_checks_run_timestamp_seconds",] == NOON.timestamp()
    assert found["christmas_check_status", "redis.memory"] == 0
    assert found["christmas_check_status", "postgres.accounts"] == 2
    assert found["christmas_check_status", "host.load"] == 3
    assert found["christmas_check_value", "redis.memory", "share"] == 0.5
    assert ("christmas_check_value", "postgres.accounts", "") not in found
    assert found["christmas_backup_sets", "full"] == found["christmas_backup_sets", "incremental"] == 1
    assert found["christmas_backup_newest_timestamp_seconds",] == (NOON + timedelta(hours=1)).timestamp()
    assert found["christmas_drill_passed",] == 0
    assert found["christmas_drill_timestamp_seconds",] == datetime(2026, 11, 22, 3, tzinfo=UTC).timestamp()
    assert found["christmas_drill_restore_seconds",] == 31.5
    assert found["christmas_drill_loss_seconds", "postgres"] == 2
    assert found["christmas_work_failures", "backup"] == 2
    assert ("christmas_work_done_timestamp_seconds", "drill") not in found
    assert found["christmas_size", "keyspace", "session", "keys"] == 12
    assert found["christmas_size", "backups", "all sets", "bytes"] == 5e9
    assert (found["christmas_audit_events", "api"], found["christmas_audit_refused", "api"]) == (40, 3)


def test_what_there_is_not_is_not_told() -> None:
    found = read(Known(at=NOON, results=()))
    assert {name for name, *_ in found} == {"christmas_checks_run_timestamp_seconds", "christmas_backup_sets"}


def test_no_message_is_told() -> None:
    told = text(Known(at=NOON, results=RESULTS, works={"backup": WorkSigns(failures=1, message="hunter2")})).decode()
    assert 'christmas_work_failures{work="backup"} 1' in told
    assert "hunter2" not in told
