"""Whatever somebody puts into a store: the set is made, the rest is proven, and what can't be is told with its reason."""

import json
import os
from pathlib import Path

import psycopg
import pytest
import redis

from backup.drill import describe, drill
from backup.make import make
from backup.postgres import tables
from backup.postgres.proofs import constraints, structure
from backup.proving import proofs
from backup.proving.proof import Disproved, RestoredPlatform
from backup.restore import remove, restore
from backup.sets.folders import parse, render
from backup.sets.model import Manifest, TableRecord
from backup.show import show_made
from backup.verify import verify
from core.docker_client import docker_client
from infra.clients import postgres
from infra.connections import Platform
from infra.provider import psql
from monitor.backups import judge_unproven
from monitor.keyspaces import expiry
from tests.integration.backup_objects.conftest import ODD_KEY, TENANTS, superuser
from tests.support.scratch_platform import ScratchPlatform

BESIDE = f"tests-objects-{os.getpid()}"
# Everything with rows that a restore brings back, asked as text: another way than the one that is tried.
COMPARED = (
    "odd_types", "webhook_log", "no_columns", '"주문 ""내역"".a"', "parted", "parent", "child", "summary", "half_here",
    "secrets", '"Zweites Schema".ledger', '"Zweites Schema".ticks', "pg_largeobject", "half_checked", "picky", "on_another_disk",
    "market_data", "users",
)  # fmt: skip


@pytest.fixture(scope="module")
def platform(scratch_platform: ScratchPlatform) -> Platform:
    return scratch_platform.platform


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sets")


@pytest.fixture(scope="module")
def full(platform: Platform, folder: Path) -> Manifest:
    manifest = make(platform, kind="full", folder=folder)
    assert manifest
    return manifest


def content(container: str, database: str = "christmas_db") -> dict[str, str]:
    """The rows of every compared table, by a superuser who sees all, as one hash of their texts."""
    asked = [f"select md5(coalesce(string_agg(t::text, '|' order by t::text), '')), count(*) from {name} as t;" for name in COMPARED]
    lines = psql.run(
        docker_client().containers.get(container), "\n".join(["set search_path to public;", *asked]), database=database
    ).splitlines()
    return dict(zip(COMPARED, lines, strict=True))


@pytest.mark.exhaustive
def test_one_of_each_ends_no_set_and_none_is_left_out_in_silence(
    platform: Platform, full: Manifest, capsys: pytest.CaptureFixture[str]
) -> None:
    assert full.postgres
    assert full.redis
    assert full.weaviate
    records = full.postgres.reference_point.tables
    told = {each.what: each for each in full.unproven}
    assert set(told) == {
        "unlogged table cache",
        "foreign table elsewhere",
        "foreign table half_there",
        "table half_elsewhere",
        "materialized view never_filled",
        "large objects",
        "index left_invalid",
        "constraint positive of half_checked",
        "replication slot reader",
        "subscription nothing",
        "1 tables of database postgres",
        "database beside_it",
        f"tenants put-away of {TENANTS}",
    }
    grave = [each.what for each in full.unproven if not each.by_design]
    assert grave == ["unlogged table cache", "index left_invalid", "database beside_it", "1 tables of database postgres"]
    assert "100 rows" in told["unlogged table cache"].why
    # Whatever type a column has, its content is hashed; only those without a hash of their own as text.
    assert all(record.checksum for record in records.values() if record.rows is not None)
    assert records["webhook_log"].as_text == ("payload",)
    assert {"j", "x", "words", "spot", "pairs", "doc", "docs"} <= set(records["odd_types"].as_text)
    assert "real8" not in records["odd_types"].as_text
    assert records["secrets"].rows == 7
    assert records['"Zweites Schema".ledger'].rows == 11
    assert records['public."주문 ""내역"".a"'].rows == 2
    assert records['"Zweites Schema".ticks'] == TableRecord(rows=4, checksum=records['"Zweites Schema".ticks'].checksum, as_text=("note",))
    assert records["no_columns"].rows == 3
    assert records["pg_catalog.pg_largeobject"].checksum
    assert "parted_a" not in records
    assert full.postgres.logical
    assert full.redis.odd == {
        "of no keyspace": 5,
        "session of type string": 1,
        "user_preferences without an expiry": 1,
    }
    assert full.weaviate.tenants == {TENANTS: {"put-away": "INACTIVE"}}
    assert full.weaviate.collections[TENANTS] == (1, 1)
    assert parse(render(full), full.id, "here") == full

    show_made(full, as_json=False)
    assert "not proven: unlogged table cache: unlogged" in capsys.readouterr().out
    found = judge_unproven([full])
    assert found.status == "warning"
    assert "database beside_it" in found.message
    assert "foreign table elsewhere" in found.message
    assert r"'session:\xff\xfe\x01old-php-client' of no keyspace" in expiry(platform).message


@pytest.mark.exhaustive
def test_a_drill_proves_the_rest(platform: Platform, folder: Path, full: Manifest) -> None:
    report = drill(platform, full.id, folder=folder)
    told = describe(report)
    assert report.passed, told
    found = {proof.name: proof.message for proof in report.proofs}
    assert "5 not counted" in found["postgres.rows"]
    assert "index left_invalid" in found["postgres.structure"]
    assert "could not be compared" not in found["postgres.indexes"]
    assert "5 of no keyspace" in found["redis.keyspaces"]
    assert found["weaviate.neighbours"].endswith("collections answer by vector; without an index: WithoutIndex")
    assert found["weaviate.tenants"] == "1 tenants opened, with 1 objects"
    assert found["references"] == "19 users named by keys, all exist; 1 were deleted earlier; 2 sessions name no user"
    assert '"Zweites Schema".ticks: 4 chunks' in found["postgres.chunks"]
    assert "- unlogged table cache: " in told


@pytest.mark.exhaustive
def test_a_restore_beside_brings_every_row_and_key_back(platform: Platform, folder: Path, full: Manifest) -> None:
    (verdict,) = verify(platform, full.id, folder=folder)
    assert verdict.good, verdict.faults
    assert any(each.startswith("unlogged table cache") for each in verdict.unproven)
    live = content(platform.containers["timescaledb"])
    beside = restore(platform, full.id, into=BESIDE, folder=folder)
    try:
        assert content(f"christmas-{BESIDE}-timescaledb") == live
        running = docker_client().containers.get(f"christmas-{BESIDE}-timescaledb")
        assert psql.run(running, "select count(*) from public.cache", database="christmas_db").strip() == "0"
        url = json.loads(Path(beside.connections).read_text())["accounts"]["backup"]["REDIS_URL"]
        with redis.Redis.from_url(url) as there, redis.Redis.from_url(platform.redis_url("backup")) as here:
            keys = set(here.scan_iter(count=1000))
            assert ODD_KEY in keys
            assert keys == set(there.scan_iter(count=1000))
            assert {key: there.dump(key) for key in keys} == {key: here.dump(key) for key in keys}
    finally:
        remove(BESIDE)


@pytest.mark.exhaustive
def test_what_became_worse_is_still_found(platform: Platform, full: Manifest) -> None:
    """Led about the live stores, which are as the set says, with one thing made worse at a time."""
    told = RestoredPlatform(platform, full)
    assert "violated by no row" in constraints(told)
    assert "as on the live server" in structure(told)
    worse = (
        ("update pg_index set indisvalid = {} where indexrelid = 'picky_pkey'::regclass", "false", "true", structure, "index picky_pkey"),
        ("select setval('counter', {})", "5", "100", structure, "counter is at 5, but had given out 100"),
        ("""update webhook_log set payload = '{}' where id = 2""", "[1]", "[]", proofs.rows, "webhook_log has 2 rows with other content"),
        ("alter table {}", '"Zweites Schema".ledger rename to a', '"Zweites Schema".a rename to ledger', proofs.rows, "ledger is missing"),
    )
    for statement, broken, mended, proof, said in worse:
        superuser(platform, "set event_triggers = off;" + statement.format(broken))
        try:
            with pytest.raises(Disproved, match=said):
                proof(told)
        finally:
            superuser(platform, "set event_triggers = off;" + statement.format(mended))
    with redis.Redis.from_url(platform.redis_url("admin")) as client:
        client.rpush("another", "x")
        try:
            with pytest.raises(Disproved, match="there were 5 of no keyspace, now 6"):
                proofs.keyspaces(told)
        finally:
            client.delete("another")


@pytest.mark.exhaustive
def test_an_application_s_function_that_fails_ends_no_proof(platform: Platform, full: Manifest) -> None:
    superuser(platform, "alter role backup set a.b = 'on'")
    try:
        assert "could not be asked: picks of picky (RaiseException (SQLSTATE P0001))" in constraints(RestoredPlatform(platform, full))
    finally:
        superuser(platform, "alter role backup reset a.b")


@pytest.mark.exhaustive
def test_tables_that_go_while_they_are_counted(platform: Platform) -> None:
    quiet = "set event_triggers = off;"
    names = ("going_a", "going_b", "going_c", "held")
    text = "".join(f"create table {name} as select 1 as n;" for name in names)
    superuser(platform, quiet + text + "alter table held owner to migrator;")
    try:
        with (
            postgres(platform, "backup") as holder,
            postgres(platform, "backup", autocommit=True) as fresh,
            psycopg.connect(platform.postgres_url("migrator")) as other,
        ):
            # The snapshot is as old as the first statement.
            holder.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            tables.prepare(holder)
            holder.execute("set lock_timeout = '200ms'")
            every = [table for table in tables.list_tables(holder) if table.name in (*names, "webhook_log")]
            superuser(platform, quiet + "drop table going_a; truncate going_b; alter table going_c alter n type bigint;")
            other.execute("lock table held in access exclusive mode")
            counts = tables.count_all(holder, fresh, every, hash_hypertables=True)
            other.rollback()
    finally:
        superuser(platform, quiet + "drop table if exists " + ", ".join(names))
    told = {each.what: each.why for each in counts.unproven}
    assert set(told) == {f"table {name}" for name in names}
    assert "while it was counted" in told["table going_b"]
    assert "held it locked" in told["table held"]
    assert {name: each.rows for name, each in counts.tables.items()} == {**dict.fromkeys(names), "webhook_log": 2}


@pytest.mark.exhaustive
def test_rows_that_the_account_may_not_see_are_never_counted_as_none(platform: Platform, tmp_path: Path) -> None:
    """A stack from before account backup could see past row-level security, until `invoke up` comes."""
    superuser(platform, "alter role backup nobypassrls")
    try:
        manifest = make(platform, kind="full", stores=["postgres"], folder=tmp_path)
    finally:
        superuser(platform, "alter role backup bypassrls")
    assert manifest
    assert manifest.postgres
    assert manifest.postgres.reference_point.tables["secrets"].rows is None
    assert manifest.postgres.logical
    whys = [each.why for each in manifest.unproven if each.what == "table secrets"]
    assert len(whys) == 2
    assert "row-level security" in whys[0]
    assert "invoke up" in whys[1]
