"""Faults of what a stack does by itself, and of what PostgreSQL runs out of, by the pages of docs/runbooks. See test_runbooks.py.

The schedule's own is first: it tells nothing until something tells Prometheus. The one of the transaction numbers is last: it breaks
the archived log, so that a full set has to follow.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from backup.sets import folders, keys
from christmas.blueprint.backup_alarms import BACKUP_ALARMS
from christmas.blueprint.server_alarms import POSTGRES_ALARMS
from christmas.blueprint.services import MONITORING, POSTGRES_MAX_CONNECTIONS
from core import lock
from infra.components.pgbackrest_config import PGDATA
from monitor import exposition, signs
from schedule import figures
from tests.end_to_end.conftest import Stack
from tests.end_to_end.watched import PATIENCE, Watched, carry_out, checked, fires, forget_figures, goes, is_counted, is_over, watching
from tests.support import webhook
from tests.support.inside import inside, printed_alone
from tests.support.waiting import wait_for

pytestmark = pytest.mark.exhaustive


def superuser(watched: Watched, statement: str) -> str:
    words = ("psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", "christmas_db", "-c", statement)
    return inside(watched.stack.container("timescaledb"), *words, user="postgres").decode().strip()


@pytest.fixture(scope="module")
def watched(stack: Stack) -> Iterator[Watched]:
    """The stack with a Prometheus to which nobody has told anything yet."""
    forget_figures(stack)
    with watching(stack) as seen:
        yield seen


@pytest.fixture
def kept(watched: Watched) -> Iterator[Watched]:
    """The same with the schedule that the tests' stack else does without; it is stopped afterwards."""
    environment = {key: value for key, value in watched.stack.environment.items() if key != "CHRISTMAS_SCHEDULE"}
    # A stack of the tests is no business of the machine's start.
    own = dataclasses.replace(watched.stack, environment={**environment, "CHRISTMAS_START_AT_BOOT": "off"})
    yield Watched(own, watched.receiver)
    own.invoke("schedule.stop", "--now")


def test_a_schedule_that_was_never_started_and_one_that_died(kept: Watched) -> None:
    since = datetime.fromisoformat(kept.stack.container(MONITORING.name).attrs["State"]["StartedAt"].partition(".")[0] + "+00:00")
    began = time.monotonic() - (datetime.now(UTC) - since).total_seconds()
    assert fires(kept, "ScheduleSilent", began)["severity"] == "critical"
    assert carry_out(kept, "ScheduleSilent", "Mend") == [0]
    is_over(kept, "ScheduleSilent")
    # One that is killed says nothing any more, and its last figures get old.
    folder = signs.folder_of(kept.stack.name)
    keeping = lock.process_of(folder / "keeper")
    assert keeping
    os.kill(keeping, signal.SIGKILL)
    wait_for(lambda: not signs.runs(folder), "the schedule ends with its keeper")
    began = time.monotonic()
    told = figures.gather([], (), folders.folder_of(kept.stack.name), folder)
    exposition.publish(kept.platform, dataclasses.replace(told, at=datetime.now(UTC) - timedelta(minutes=41)))
    assert fires(kept, "ScheduleSilent", began)["severity"] == "critical"
    assert carry_out(kept, "ScheduleSilent", "Confirm")[0] == 2, "it is dead"
    assert carry_out(kept, "ScheduleSilent", "Mend") == [0]
    is_over(kept, "ScheduleSilent")


def test_connections_of_postgresql_that_run_out(watched: Watched) -> None:
    is_counted(watched, "pg_stat_database_numbackends")
    wanted = int(POSTGRES_ALARMS.connections_critical * POSTGRES_MAX_CONNECTIONS) + 2
    login = watched.platform.postgres_login("api")  # its twin, where a test before rotated it
    limit = superuser(watched, f"select rolconnlimit from pg_roles where rolname = '{login}'")
    opened: list[psycopg.Connection] = []
    began = time.monotonic()
    # Every account has a limit of its own so that this does not happen; whoever lifts one can make it.
    superuser(watched, f"alter role {login} connection limit -1")
    try:
        while int(superuser(watched, "select sum(numbackends) from pg_stat_database")) < wanted:
            opened += [psycopg.connect(watched.platform.postgres_url("api")) for _ in range(10 if len(opened) < wanted - 30 else 1)]
        assert fires(watched, "PostgresConnectionsRunOut", began)["severity"] == "critical"
        assert carry_out(watched, "PostgresConnectionsRunOut", "Confirm") == [2, 0]
        assert carry_out(watched, "PostgresConnectionsRunOut", "Mend") == [0]
        assert superuser(watched, f"select count(*) from pg_stat_activity where usename = '{login}'") == "0", (
            "the page's command ended them"
        )
    finally:
        superuser(watched, f"alter role {login} connection limit {limit}")
        for each in opened:
            each.close()
    is_over(watched, "PostgresConnectionsRunOut")


def test_alerts_that_nobody_takes(watched: Watched) -> None:
    is_counted(watched, "alertmanager_notifications_failed_total")
    stack, good = watched.stack, watched.receiver.configuration("RedisDown")
    trial = watched.receiver.configuration("RedisDown", "Trial")
    stack.pulumi("config", "set", "--secret", "christmas:alertmanager", given=trial.replace(webhook.TOKEN, "a-former-token"))
    stack.invoke("up")
    try:
        send(watched)
        began = time.monotonic()
        labels = fires(watched, "AlertsNotSent", began)
        assert (labels["severity"], labels["integration"]) == ("critical", "webhook")
        assert watched.receiver.strangers > 0
        assert carry_out(watched, "AlertsNotSent", "Confirm") == [0]
        logged = stack.invoke("logs", MONITORING.name, "--since", "30m").stdout
        assert "tests/webhook[0]: notify retry canceled" in logged
        assert "unexpected status code 401" in logged
        stack.pulumi("config", "set", "--secret", "christmas:alertmanager", given=trial)
        assert carry_out(watched, "AlertsNotSent", "Mend") == [0]
        send(watched)
        wait_for(lambda: watched.receiver.told("Trial", "firing"), "what is sent comes", pause=0.5)
        goes(watched, "AlertsNotSent")
    finally:
        stack.pulumi("config", "set", "--secret", "christmas:alertmanager", given=good)
        stack.invoke("up")
        watched.receiver.strangers = 0
        watched.receiver.alerts.clear()


def send(watched: Watched) -> None:
    """An alert that is only a trial, as docs/monitoring.md sends one; for an hour, since Alertmanager ends it after five minutes else."""
    end = (datetime.now(UTC) + timedelta(hours=1)).isoformat(timespec="seconds")
    inside(watched.stack.container(MONITORING.name), "amtool", "alert", "add", "Trial", "severity=critical", f"--end={end}")


def test_a_backup_that_is_late(watched: Watched, tmp_path: Path) -> None:
    folder = folders.folder_of(watched.stack.name)
    watched.stack.invoke("backup")
    # As if they had been made earlier, and nothing since.
    past = BACKUP_ALARMS.newest_warn_after + timedelta(minutes=5)
    made = folders.list_sets(folder=folder)
    assert made
    for manifest in made:
        older = manifest.model_copy(update={"started": manifest.started - past, "finished": manifest.finished - past})
        folders.publish(folder, keys.sign(older, keys.repository_passphrase(watched.platform)))
    began = time.monotonic()
    checked(watched, tmp_path, folder)
    assert fires(watched, "BackupLate", began)["severity"] == "warning"
    assert carry_out(watched, "BackupLate", "Confirm")[0] in {1, 2}, "two where the schedule is dead as well"
    assert carry_out(watched, "BackupLate", "Mend") == [0]
    checked(watched, tmp_path, folder)
    is_over(watched, "BackupLate")


def test_a_drill_that_fails(watched: Watched, tmp_path: Path) -> None:
    folder = folders.folder_of(watched.stack.name)
    watched.stack.invoke("backup", "--full")
    newest = folders.list_sets(folder=folder)[-1]
    damaged = max((folder / newest.id / "redis").rglob("*"), key=lambda path: path.stat().st_size if path.is_file() else 0)
    content = damaged.read_bytes()
    began = time.monotonic()
    damaged.write_bytes(content[: len(content) // 2] + bytes(byte ^ 1 for byte in content[len(content) // 2 :]))
    try:
        assert watched.stack.invoke("backup.drill", check=False).returncode != 0
        checked(watched, tmp_path, folder)
        assert fires(watched, "DrillFailed", began)["severity"] == "critical"
        assert carry_out(watched, "DrillFailed", "Confirm") == [2, 0]
        verified, *rest = carry_out(watched, "DrillFailed", "Mend")
        assert verified != 0, "the damage shows"
        assert rest == [0, 0]
    finally:
        damaged.write_bytes(content)
    checked(watched, tmp_path, folder)
    is_over(watched, "DrillFailed")
    assert watched.stack.invoke("backup.verify", newest.id).returncode == 0


SEGMENT = 8192 * 4 * 32
"""So many transactions have their states in one file of pg_xact: at its beginning the server makes the file by itself."""


@contextlib.contextmanager
def holding_a_table(watched: Watched) -> Iterator[threading.Event]:
    """A statement that hangs with the lock of a table, so that vacuum has to wait for it; yields what is set when it was ended."""
    ended, holds = threading.Event(), threading.Event()

    def hang() -> None:
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(watched.platform.postgres_url("migrator")) as connection:
            connection.execute("lock table users in share update exclusive mode")
            holds.set()
            connection.execute("select pg_sleep(3600)")
        ended.set()

    threading.Thread(target=hang, daemon=True).start()
    assert holds.wait(60)
    yield ended


def test_transaction_numbers_of_postgresql_that_run_out(watched: Watched) -> None:
    server = watched.stack.container("timescaledb")
    began = time.monotonic()
    number = -(-(2**30 + 2**20) // SEGMENT) * SEGMENT
    server.stop()
    try:
        # As after a thousand million transactions without a vacuum.
        printed_alone(
            server.attrs["Image"],
            *("pg_resetwal", "-x", str(number), "-D", PGDATA),
            volumes_from=[server.id],
            user=server.attrs["Config"]["User"],
            network_mode="none",
        )
    finally:
        server.start()
    wait_for(lambda: watched.stack.is_well("timescaledb"), "PostgreSQL answers", pause=0.5)
    with holding_a_table(watched) as ended:
        assert fires(watched, "PostgresTransactionNumbersRunOut", began)["severity"] == "critical"
        assert carry_out(watched, "PostgresTransactionNumbersRunOut", "Confirm")[0] == 2
        old = "select count(*) from pg_stat_activity where usename = 'migrator' and xact_start < now() - interval '5 minutes'"
        wait_for(lambda: superuser(watched, old) == "1", "it is as old as what the page ends", pause=1, seconds=PATIENCE)
        assert set(carry_out(watched, "PostgresTransactionNumbersRunOut", "Mend")) == {0}
        assert ended.wait(60), "the page's command ended what held vacuum up"
    is_over(watched, "PostgresTransactionNumbersRunOut")
    watched.stack.invoke("backup", "--full")
