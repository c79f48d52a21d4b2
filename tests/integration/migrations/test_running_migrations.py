"""How revisions are run: one runner at a time, retries, failures that leave nothing behind, honest status."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from christmas.blueprint.accounts import ACCOUNTS
from core.errors import PlatformError
from infra.connections import Platform
from migrations import locking, run, statements
from migrations.edition import Edition
from tests.support.waiting import PATIENCE, wait_for


class Heard:
    """A progress that keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def status(self, text: str) -> None:
        self.lines.append(text)

    def count(self, done: float, total: float, unit: str = "") -> None:
        self.lines.append(f"{done}/{total} {unit}")

    def log(self, text: str) -> None:
        self.lines.append(text)


@contextmanager
def session(platform: Platform, account: str = "migrator", *, autocommit: bool = True) -> Iterator[psycopg.Connection]:
    with psycopg.connect(platform.postgres_url(account), autocommit=autocommit) as connection:
        yield connection


def tables(platform: Platform) -> set[str]:
    with session(platform) as connection:
        return {name for (name,) in connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()}


@pytest.fixture
def steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the migrations that a test may add steps to; returns the folder of their SQL."""
    here = Path(run.__file__).parent
    copied = tmp_path / "migrations"
    shutil.copytree(here, copied, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(run, "_HERE", copied)
    monkeypatch.setattr(run, "FOLDER", copied / "sql")
    monkeypatch.setattr(statements, "FOLDER", copied / "sql")
    return copied / "sql"


def add_step(message: str, up: str, down: str) -> str:
    script, up_file, down_file = run.new(message)
    up_file.write_text(up)
    down_file.write_text(down)
    return script.name[1:5]


def test_status_tells_current_head_pending_and_edition(empty_platform: Platform) -> None:
    before = run.status(empty_platform)
    assert before.current is None
    assert before.pending[0] == "0001"
    assert before.pending[-1] == before.head
    assert not before.at_head
    run.upgrade(empty_platform, "0002")
    between = run.status(empty_platform)
    assert between.current == "0002"
    assert between.pending[0] == "0003"
    outcome = run.upgrade(empty_platform)
    assert outcome.revisions == between.pending
    after = run.status(empty_platform)
    assert after.at_head
    assert after.pending == ()
    assert after.edition is Edition.APACHE


@pytest.mark.exhaustive
def test_a_second_upgrade_has_nothing_to_do(migrated_platform: Platform) -> None:
    assert run.upgrade(migrated_platform).revisions == ()


@pytest.mark.exhaustive
def test_down_to_base_leaves_no_table_and_up_again_works(migrated_platform: Platform) -> None:
    undone = run.downgrade(migrated_platform, "base")
    assert undone.revisions[-1] == "0001"
    assert tables(migrated_platform) == {"alembic_version"}
    with session(migrated_platform) as connection:
        assert connection.execute("select count(*) from pg_proc where proowner = 'migrator'::regrole").fetchone() == (0,)
    assert run.upgrade(migrated_platform).revisions == tuple(reversed(undone.revisions))


@pytest.mark.exhaustive
def test_down_one_step_keeps_the_rest(migrated_platform: Platform) -> None:
    head = run.status(migrated_platform).head
    assert run.downgrade(migrated_platform, "-1").revisions == (head,)
    assert "users" in tables(migrated_platform)


def test_an_unknown_revision_is_refused_and_named(migrated_platform: Platform) -> None:
    with pytest.raises(PlatformError, match="9999"):
        run.upgrade(migrated_platform, "9999")


def test_a_database_of_a_newer_checkout_is_told_apart(migrated_platform: Platform) -> None:
    with session(migrated_platform) as connection:
        connection.execute("update alembic_version set version_num = '8888'")
    with pytest.raises(PlatformError, match="8888, which this checkout doesn't know"):
        run.status(migrated_platform)


def test_a_step_that_fails_leaves_schema_and_revision_as_they_were(migrated_platform: Platform, steps: Path) -> None:
    assert steps.is_dir()
    before = run.status(migrated_platform).current
    add_step("good step", "create table good_step (id integer constraint pk_good_step primary key);", "drop table good_step;")
    good = run.status(migrated_platform).head
    add_step("bad step", "create table bad_step (id integer);\nselect 1 / 0;", "drop table bad_step;")
    with pytest.raises(PlatformError, match="division by zero") as caught:
        run.upgrade(migrated_platform)
    assert good in str(caught.value)
    assert run.status(migrated_platform).current == good != before
    assert "good_step" in tables(migrated_platform)
    assert "bad_step" not in tables(migrated_platform)


@pytest.mark.exhaustive
def test_a_step_down_that_fails_leaves_schema_and_revision_as_they_were(migrated_platform: Platform, steps: Path) -> None:
    assert steps.is_dir()
    number = add_step("one way", "create table one_way (id integer);", "drop table one_way;\nselect 1 / 0;")
    run.upgrade(migrated_platform)
    with pytest.raises(PlatformError, match="division by zero"):
        run.downgrade(migrated_platform, "-1")
    assert run.status(migrated_platform).current == number
    assert "one_way" in tables(migrated_platform)


@pytest.mark.exhaustive
def test_a_table_in_use_is_tried_again_until_it_is_free(migrated_platform: Platform, steps: Path) -> None:
    assert steps.is_dir()
    add_step("wider", "-- lock_timeout: 200ms\nalter table users add column nickname text;", "alter table users drop column nickname;")
    heard = Heard()
    with session(migrated_platform, autocommit=False) as reader:
        reader.execute("select count(*) from users")
        timer = threading.Timer(1.0, reader.rollback)
        timer.start()
        run.upgrade(migrated_platform, progress=heard)
        timer.join()
    assert any("attempt 2 of" in line for line in heard.lines)
    assert run.status(migrated_platform).at_head


def test_a_table_never_free_ends_in_a_message_and_nothing_applied(
    migrated_platform: Platform, steps: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert steps.is_dir()
    before = run.status(migrated_platform).current
    add_step("wider", "-- lock_timeout: 50ms\nalter table users add column nickname text;", "alter table users drop column nickname;")
    monkeypatch.setattr(run, "ATTEMPTS", 3)
    monkeypatch.setattr(run, "_FIRST_PAUSE_SECONDS", 0.05)
    with session(migrated_platform, autocommit=False) as reader:
        reader.execute("select count(*) from users")
        with pytest.raises(PlatformError, match="not available in 3 attempts") as caught:
            run.upgrade(migrated_platform)
        assert "pg_stat_activity" in caught.value.next_step
    assert run.status(migrated_platform).current == before


def test_every_step_runs_under_its_timeouts(migrated_platform: Platform, steps: Path) -> None:
    assert steps.is_dir()
    add_step(
        "timeouts",
        "-- statement_timeout: 2min\n"
        "create table seen as select current_setting('lock_timeout') as l, current_setting('statement_timeout') as s;",
        "drop table seen;",
    )
    run.upgrade(migrated_platform)
    with session(migrated_platform) as connection:
        assert connection.execute("select l, s from seen").fetchone() == ("5s", "2min")


def test_a_second_migration_waits_and_says_for_whom(migrated_platform: Platform) -> None:
    heard = Heard()
    with ThreadPoolExecutor() as pool, session(migrated_platform) as holder:
        holder.execute("select set_config('application_name', 'migrate somebody@elsewhere 42', false)")
        with locking.migration_lock(holder, Heard()):
            second = pool.submit(run.upgrade, migrated_platform, progress=heard)
            wait_for(lambda: heard.lines, "the second migration says that it waits")
            assert not second.done()
        assert second.result(PATIENCE).current
    assert "waiting for another migration: migrate somebody@elsewhere 42 (account migrator from" in heard.lines[0]


@pytest.mark.exhaustive
def test_waiting_ends_with_a_message(migrated_platform: Platform) -> None:
    with session(migrated_platform) as holder, session(migrated_platform) as other, locking.migration_lock(holder, Heard()):
        with pytest.raises(PlatformError, match="still running after"), locking.migration_lock(other, Heard(), wait_seconds=0.2):
            raise AssertionError("the lock was given twice")
        assert locking.holder(other) is not None
    with session(migrated_platform) as connection:
        assert locking.holder(connection) is None


def test_a_runner_that_is_killed_leaves_no_lock(migrated_platform: Platform) -> None:
    with session(migrated_platform) as other, session(migrated_platform) as holder, locking.migration_lock(holder, Heard()):
        other.execute("select pg_terminate_backend(%s)", (holder.info.backend_pid,))
        with locking.migration_lock(other, Heard(), wait_seconds=PATIENCE):
            assert locking.holder(other) is not None
        assert locking.holder(other) is None
        holder.close()


def test_upgrades_give_every_account_its_grants_and_no_more(migrated_platform: Platform) -> None:
    with session(migrated_platform) as connection:
        for account in ACCOUNTS:
            if account.postgres is None or account.postgres.owns_schema:
                continue
            declared = {
                (grant.table, privilege.value) for grant in account.postgres.grants if not grant.columns for privilege in grant.privileges
            }
            rows = connection.execute(
                "select table_name, lower(privilege_type) from information_schema.table_privileges "
                "where grantee = %s and table_schema = 'public' and table_name not like 'pg\\_stat%%'",
                (account.name,),
            ).fetchall()
            if account.postgres.reads_every_table:
                tables = connection.execute("select table_name from information_schema.tables where table_schema = 'public'").fetchall()
                declared |= {(name, "select") for (name,) in tables if not name.startswith("pg_stat")}
            assert set(rows) == declared, account.name


def test_a_grant_taken_away_by_hand_is_back_after_migrate(migrated_platform: Platform) -> None:
    with session(migrated_platform) as connection:
        connection.execute("revoke select on users from api")
    run.upgrade(migrated_platform)
    with session(migrated_platform, "api") as connection:
        assert connection.execute("select count(*) from users").fetchone() == (0,)


def test_an_unreachable_server_is_one_clear_message(migrated_platform: Platform, tmp_path: Path) -> None:
    import dataclasses

    nowhere = dataclasses.replace(
        migrated_platform, endpoints={"postgres": dataclasses.replace(migrated_platform.endpoints["postgres"], port=1)}
    )
    with pytest.raises(PlatformError, match="can't be used by account migrator") as caught:
        run.upgrade(nowhere)
    assert migrated_platform.secret("migrator", "postgres") not in str(caught.value)


def test_new_numbers_and_names_the_step_and_refuses_an_empty_message(migrated_platform: Platform, steps: Path) -> None:
    head = run.status(migrated_platform).head
    script, up, down = run.new("Add a nickname, for chats!")
    assert script.name == f"r{int(head) + 1:04d}_add_a_nickname_for_chats.py"
    assert up.name == f"{int(head) + 1:04d}_add_a_nickname_for_chats.up.sql"
    assert down.parent == steps
    assert run.upgrade(migrated_platform).revisions == (f"{int(head) + 1:04d}",)
    with pytest.raises(PlatformError, match="can't become a file name"):
        run.new("…")
