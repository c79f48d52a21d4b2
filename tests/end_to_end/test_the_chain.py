"""From an empty stack to answers: migrated, seeded, searched, backed up, checked, each as its task prints it."""

import json
import subprocess

import pytest

from backup.sets.folders import folder_of
from infra import clients
from migrations.upkeep.run import pending
from monitor.keyspace_audit import Fault
from tests.end_to_end.conftest import BIN
from tests.support.keyspace_faults import plant


@pytest.mark.exhaustive
def test_seeding_again_changes_nothing(stack):
    reports = json.loads(stack.invoke("seed", "--json").stdout)
    assert {report["name"] for report in reports} >= {"market", "demo", "cache", "documents"}
    lasting = [report for report in reports if "cache" not in report["name"]]
    assert {report["changed"] for report in lasting} == {0}, lasting


def test_the_candles_are_the_real_ones(stack):
    with clients.postgres(stack.platform(), "analyst") as connection:
        symbols = connection.execute("select symbol, count(*) from market_data group by symbol order by symbol").fetchall()
    assert [symbol for symbol, _ in symbols] == ["AAPL", "FB", "GOOG", "IBM", "MSFT"]
    assert sum(count for _, count in symbols) == 12_154


def longer_candles(stack, symbol="%"):
    """Daily candles of such symbols, and days that wait for theirs."""
    with clients.postgres(stack.platform(), "migrator") as connection:
        counted = connection.execute("select count(*) from candles_1d where symbol like %s", (symbol,)).fetchall()
        return counted[0][0], pending(connection)


def test_after_seeding_the_longer_candles_are_there_and_none_waits(stack):
    assert longer_candles(stack) == (12_154, 0)


@pytest.mark.exhaustive
def test_after_a_file_of_ones_own_it_is_the_same(stack, tmp_path):
    path = tmp_path / "own.csv"
    path.write_text("date,open,high,low,close,volume\n2024-01-02,1,2,1,2,3\n2024-01-03,1,2,1,2,3\n")
    try:
        stack.invoke("seed.market", str(path), "--symbol", "OWN")
        assert longer_candles(stack, "OWN") == (2, 0)
    finally:
        with clients.postgres(stack.platform(), "migrator") as connection:
            connection.execute("delete from market_data where symbol = 'OWN'")
        stack.invoke("migrate.upkeep")
    assert longer_candles(stack, "OWN") == (0, 0)


def test_the_documents_answer_in_korean(stack):
    hits = json.loads(stack.invoke("seed.search", "자동 매매 시스템 특징", "--json").stdout)
    assert 1 <= len(hits) <= 5
    assert all(hit["certainty"] >= 0.7 for hit in hits)
    assert all(hit["file_path"].startswith("docs/") for hit in hits)
    assert hits == sorted(hits, key=lambda hit: -hit["certainty"])


@pytest.mark.exhaustive
def test_status_and_another_migrate_find_nothing_pending(stack):
    status = json.loads(stack.invoke("migrate.status", "--json").stdout)
    assert status["pending"] == []
    assert "nothing to do" in stack.invoke("migrate").stdout


@pytest.mark.exhaustive
def test_the_schema_goes_down_and_up_again(stack):
    head = json.loads(stack.invoke("migrate.status", "--json").stdout)["head"]
    stack.invoke("migrate.downgrade", "-1")
    pending = stack.invoke("migrate.status", "--json", check=False)
    assert pending.returncode == 1
    assert json.loads(pending.stdout)["pending"] == [head]
    stack.invoke("migrate")


@pytest.mark.exhaustive
def test_a_backup_set_covers_the_three_stores(stack):
    document = json.loads(stack.invoke("backup", "--full", "--json").stdout)
    assert document["stores"] == ["postgres", "redis", "weaviate"]
    listed = json.loads(stack.invoke("backup.list", "--json").stdout)
    assert listed[-1]["id"] == document["id"]


@pytest.mark.exhaustive
def test_the_schedule_makes_nothing_twice_and_says_nothing_then(stack):
    done = stack.invoke("backup.schedule", "--once", "--only", "backup")
    assert done.stdout == ""
    listed = stack.invoke("backup.list").stdout.splitlines()
    assert listed[0].split()[:5] == ["SET", "SIZE", "AGE", "VERIFIED", "DRILLED"]


@pytest.mark.exhaustive
def test_a_scheduled_drill_asks_the_documents_in_words(stack):
    drills = folder_of(stack.name) / "drills"
    for past in drills.glob("*.json"):
        past.unlink()  # of the schedule, where its tests came first: a drill would not be due
    done = stack.invoke("backup.schedule", "--once", "--only", "drill")
    assert "is good" in done.stdout
    assert " passed, RTO " in done.stdout
    (path,) = drills.glob("*-full-*.json")
    past = json.loads(path.read_text())
    assert past["passed"]
    (asked,) = [proof for proof in past["proofs"] if proof["name"] == "weaviate.questions"]
    assert asked["passed"]


def test_the_checks_find_the_platform_well(stack):
    stack.invoke("backup")
    done = stack.check("--json")
    document = json.loads(done.stdout)
    bad = [check for check in document["checks"] if check["status"] in {"critical", "unknown"}]
    assert bad == []
    assert done.returncode == document["exit_code"]


@pytest.mark.exhaustive
def test_a_check_names_every_kind_of_stray_key_and_mends_the_fixable_ones(stack):
    with clients.redis_client(stack.platform(), "admin") as admin:
        planted = plant(admin)
        try:
            found = stack.check("--only", "redis.keyspaces")
            mended = stack.invoke("check", "--only", "redis.keyspaces", "--fix", "--json", check=False)
        finally:
            admin.delete(*planted)
    assert found.returncode == 2
    assert all(fault in found.stdout for fault in Fault)
    assert "next:" in found.stdout
    assert "2 keys were given their keyspace's expiry" in mended.stderr
    (left,) = json.loads(mended.stdout)["checks"]
    assert (mended.returncode, left["value"]) == (1, len(planted) - 2)


def test_what_env_writes_connects_from_the_host(stack):
    path = stack.invoke("env", "--account", "api").stdout.strip()
    client = "import os, psycopg; print(psycopg.connect(os.environ['DATABASE_URL']).execute('select current_user').fetchone()[0])"
    script = f'set -a; . {path}; exec {BIN}/python -W ignore -c "$0"'
    done = subprocess.run(["sh", "-c", script, client], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "api"


def test_outputs_hide_secrets_unless_asked(stack):
    password = stack.platform().secret("api", "postgres")
    assert password not in stack.invoke("outputs", "--json").stdout
    assert password not in stack.pulumi("stack", "output").stdout
    assert password in stack.invoke("outputs", "--json", "--show-secrets").stdout


def test_secrets_are_encrypted_in_the_state(stack):
    password = stack.platform().secret("api", "postgres")
    exported = stack.pulumi("stack", "export").stdout
    assert "ciphertext" in exported
    assert password not in exported
