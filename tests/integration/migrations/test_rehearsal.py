"""A rehearsal tells how long a migration takes, which locks it holds on what, and which rows it writes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import psycopg
import pytest

from core.errors import PlatformError
from infra.connections import Platform
from migrations import run, statements
from migrations.rehearsal import rehearse
from migrations.show import show_rehearsal

STEP = """
alter table users add column nickname text;
select pg_sleep(1);
update users set nickname = username;
insert into market_data (symbol, timestamp, open) values ('IBM', '2013-03-01', 1), ('IBM', '2014-03-01', 1);
"""


@pytest.fixture
def step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The SQL of one more revision, in a copy of the migrations."""
    copied = tmp_path / "migrations"
    shutil.copytree(Path(run.__file__).parent, copied, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(run, "_HERE", copied)
    monkeypatch.setattr(run, "FOLDER", copied / "sql")
    monkeypatch.setattr(statements, "FOLDER", copied / "sql")
    _, up, down = run.new("rehearsed")
    down.write_text("alter table users drop column nickname;\n")
    return up


def fill(platform: Platform) -> None:
    with psycopg.connect(platform.postgres_url("migrator")) as connection:
        connection.execute(
            "insert into users (username, email, password_hash) "
            "select 'u' || n, n || '@example.com', '$argon2id$x' from generate_series(1, 50) as n"
        )


def test_time_locks_and_rows_are_told(migrated_platform: Platform, step: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(migrated_platform)
    step.write_text(STEP)
    before = run.status(migrated_platform).current
    report = rehearse(migrated_platform)
    assert (report.before, report.after) == (before, run.head_revision())
    assert report.revisions == (run.head_revision(),)
    assert report.seconds >= 1
    exclusive = {lock.table: lock for lock in report.locks if lock.mode == "AccessExclusiveLock"}
    # Held from the change to the end of the revision's transaction; on a busy machine some looks at it come late.
    assert 0.5 <= exclusive["users"].longest <= report.seconds
    assert exclusive["users"].blocks == "readers and writers"
    assert {(rows.table, rows.inserted, rows.updated) for rows in report.rows} >= {("users", 0, 50), ("market_data", 2, 0)}
    show_rehearsal(report, as_json=True)
    document = json.loads(capsys.readouterr().out)
    assert set(document) == {"before", "after", "revisions", "seconds", "locks", "rows"}
    assert document["locks"][0]["mode"] == "AccessExclusiveLock"
    show_rehearsal(report)
    assert "50 updated" in capsys.readouterr().out


@pytest.mark.exhaustive
def test_a_step_that_only_reads_holds_nobody_up(migrated_platform: Platform, step: Path) -> None:
    step.write_text("select count(*) from users;\nselect pg_sleep(0.1);\n")
    report = rehearse(migrated_platform)
    assert report.revisions == (run.head_revision(),)
    assert [lock for lock in report.locks if lock.blocks] == []


def test_a_step_that_fails_there_fails_the_rehearsal(migrated_platform: Platform, step: Path) -> None:
    fill(migrated_platform)
    step.write_text("alter table users add constraint ck_users_none check (id < 0);\n")
    with pytest.raises(PlatformError, match="ck_users_none"):
        rehearse(migrated_platform)


def test_nothing_pending_is_nothing_to_rehearse(migrated_platform: Platform) -> None:
    report = rehearse(migrated_platform)
    assert report.revisions == ()
    assert "nothing to rehearse" in str(report)
