"""The declared matrix is tried at real servers: all of it holds, what somebody changed by hand is named, and nothing is left behind."""

from __future__ import annotations

import dataclasses
import multiprocessing
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from core.container_commands import running
from core.container_sessions import execute_short
from core.progress import SilentProgress
from infra import clients
from infra.connections import LOCAL, Endpoint, Platform
from infra.provider.weaviate_api import WeaviateApi
from monitor import matrix_report
from monitor.checks import run
from monitor.matrix import Report, prove
from security.matrix import declared
from security.matrix.cell import Answer, Cell, How
from tests.support.cases import in_make_test
from tests.support.scratch_platform import ROOT_KEY, ScratchPlatform
from tests.support.waiting import wait_for


@pytest.fixture(scope="module")
def platform(scratch_platform: ScratchPlatform) -> Iterator[Platform]:
    yield scratch_platform.platform
    (LOCAL / "matrix" / f"{scratch_platform.platform.stack}.json").unlink(missing_ok=True)


def superuser(platform: Platform, *statements: str, database: str = "christmas_db") -> str:
    options = [f"--command={statement}" for statement in statements]
    line = ["psql", "-X", "-Atq", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", database, *options]
    done = execute_short(running(platform.containers["timescaledb"]), line, user="postgres")
    assert done.code == 0, done.stderr
    return done.text()


def of_account(account: str, *stores: str) -> dict[Cell, bool]:
    return {cell: allowed for cell, allowed in declared.matrix().items() if cell.account == account and cell.store in stores}


def state(platform: Platform) -> dict[str, str]:
    """What there is in the stores that a trial could have changed."""
    found = {}
    for name in ("pg_proc", "pg_namespace", "pg_authid", "pg_db_role_setting", "pg_database", "pg_publication"):
        rows = f"select md5(t::text) as row from {name} as t"
        found[name] = superuser(platform, f"select string_agg(row, ' ' order by row) from ({rows}) as every")
    for name in ("pg_class", "pg_trigger", "pg_largeobject_metadata"):
        found[name] = superuser(platform, f"select string_agg(oid::text, ' ' order by oid) from {name}")
    for table in ("users", "orders", "market_data"):
        found[table] = superuser(platform, f"select count(*), max(id) from {table}")
    found["numbers"] = superuser(
        platform, "select string_agg(sequencename || coalesce(last_value, 0), ' ' order by 1) from pg_sequences where schemaname = 'public'"
    )
    with clients.redis_client(platform, "admin") as client:
        found["keys"] = str(sorted(key for key in client.scan_iter() if "proof" in key))
        found["users of redis"] = str(sorted(client.acl_list()))
        found["settings of redis"] = str(sorted(client.config_get("*").items()))
    api = WeaviateApi(platform.weaviate_url(), platform.ca_file.read_text(), ROOT_KEY)
    for path in ("schema", "aliases", "authz/roles", "users/db", "backups/filesystem"):
        answer = api.get(path)
        found[path] = str(sorted(map(str, answer)) if isinstance(answer, list) else answer)
    return found


@pytest.fixture(scope="module")
def before(platform: Platform) -> dict[str, str]:
    return state(platform)


@pytest.fixture(scope="module")
def refused_before(platform: Platform) -> dict[str, float | None]:
    return refused(platform)


@pytest.fixture(scope="module")
def report(platform: Platform, before: dict[str, str], refused_before: dict[str, float | None]) -> Report:
    return prove(platform, declared.matrix(), SilentProgress())


def test_every_cell_is_as_declared_and_every_denial_is_in_the_log(report: Report) -> None:
    lines = list(matrix_report.lines(report))
    assert lines[:-2] == []
    assert report.exit_code == 0
    assert len(report.proven) >= 500
    assert report.looked_up > 200
    tried = [each for each in report.proven if each.learned.how is How.TRIED]
    assert len(tried) > 0.8 * len(report.proven)
    absent = {(each.cell.store, each.cell.action) for each in report.proven if each.learned.answer is Answer.ABSENT}
    assert absent == set(), "the servers of the tests have all that the matrix tries"


def test_nothing_is_left_behind(platform: Platform, before: dict[str, str], report: Report) -> None:
    after = state(platform)
    assert {name for name in before if before[name] != after[name]} == set()


def refused(platform: Platform) -> dict[str, float | None]:
    """How many refusals the checks count."""
    return {each.name: each.value for each in run(platform, ["postgres.refusals", "redis.refusals", "weaviate.refusals"], timeout=120)}


def test_the_checks_do_not_take_the_trial_for_an_attack(
    platform: Platform, refused_before: dict[str, float | None], report: Report
) -> None:
    assert refused(platform) == refused_before


def _redis(platform: Platform, *words: str) -> None:
    with clients.redis_client(platform, "admin") as client:
        client.execute_command(*words)


def _weaviate(platform: Platform, verb: str) -> None:
    api = WeaviateApi(platform.weaviate_url(), platform.ca_file.read_text(), ROOT_KEY)
    api.post(f"authz/roles/rag/{verb}-permissions", {"permissions": [{"action": "create_collections", "collections": {"collection": "*"}}]})


Change = tuple[str, str, Callable[[Platform], object], Callable[[Platform], object], set[str]]
CHANGES: list[Change] = [
    (
        "analyst", "postgres",
        lambda platform: superuser(platform, "grant delete on orders to analyst"),
        lambda platform: superuser(platform, "revoke delete on orders from analyst"),
        {"table orders: delete"},
    ),
    (
        "api", "redis",
        lambda platform: _redis(platform, "ACL", "SETUSER", "api", "+flushall"),
        lambda platform: _redis(platform, "ACL", "SETUSER", "api", "-flushall"),
        {"server: flushall"},
    ),
    (
        "rag", "weaviate",
        lambda platform: _weaviate(platform, "add"),
        lambda platform: _weaviate(platform, "remove"),
        {f"collection {name}: create it" for name in ("the loader's", "of a name alike", "of strangers")},
    ),
    (
        "api", "postgres",
        lambda platform: superuser(platform, "revoke update on orders from api"),
        lambda platform: superuser(platform, "grant update on orders to api"),
        {"table orders: update"},
    ),
    (
        "analyst", "postgres",
        lambda platform: superuser(platform, "grant select (email) on users to analyst"),
        lambda platform: superuser(platform, "revoke select (email) on users from analyst"),
        {"column users.email: select"},
    ),
    (
        "monitor", "postgres",
        lambda platform: superuser(platform, "grant execute on function lo_create(oid) to public"),
        lambda platform: superuser(platform, "revoke execute on function lo_create(oid) from public"),
        {"large objects: make", "functions PostgreSQL's others: run"},
    ),
    (
        "ingest", "postgres",
        lambda platform: superuser(platform, "grant truncate, trigger, references on market_data to ingest"),
        lambda platform: superuser(platform, "revoke truncate, trigger, references on market_data from ingest"),
        {f"table market_data: {action}" for action in ("truncate", "trigger", "references")},
    ),
    (
        "backtest", "postgres",
        lambda platform: superuser(platform, "grant create on schema public to backtest", "grant select on alembic_version to backtest"),
        lambda platform: superuser(
            platform, "revoke create on schema public from backtest", "revoke select on alembic_version from backtest"
        ),
        {"schema public: create", "tables that are declared nowhere: select"},
    ),
    (
        "backup", "postgres",
        lambda platform: superuser(platform, "grant migrator to backup"),
        lambda platform: superuser(platform, "revoke migrator from backup"),
        set(),
    ),
    (
        "monitor", "redis",
        lambda platform: _redis(platform, "ACL", "SETUSER", "monitor", "~*", "+set"),
        lambda platform: _redis(platform, "ACL", "SETUSER", "monitor", "resetkeys", "%R~*", "-set"),
        {f"keyspace {name}: {action}" for name in ("rate_limit", "user_preferences", "(no keyspace)")
         for action in ("write with an expiry", "write without an expiry", "write more than its bound")},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("account", "store", "change", "undo", "named"), in_make_test(CHANGES, 0))
def test_what_somebody_changed_by_hand_is_named(
    platform: Platform,
    account: str,
    store: str,
    change: Callable[[Platform], object],
    undo: Callable[[Platform], object],
    named: set[str],
) -> None:
    change(platform)
    try:
        found = prove(platform, of_account(account, store), SilentProgress())
    finally:
        undo(platform)
    differing = {f"{each.cell.thing}: {each.cell.action}" for each in found.differing}
    assert named <= differing if named else len(differing) > 20
    assert not named or differing == named
    assert found.exit_code == 2
    assert all(account in line for line in matrix_report.lines(found) if line.startswith("differs"))
    assert prove(platform, of_account(account, store), SilentProgress()).exit_code == 0


def test_a_store_that_does_not_answer_is_unknown(platform: Platform) -> None:
    nowhere = {name: Endpoint("127.0.0.1", 9, each.inside_host, each.inside_port) for name, each in platform.endpoints.items()}
    gone = dataclasses.replace(platform, endpoints=nowhere)
    found = prove(gone, {**of_account("app", "postgres", "redis", "weaviate")}, SilentProgress())
    assert found.exit_code == 3
    assert len(found.unknown) == len(found.proven) > 200
    assert matrix_report.next_step(found)


@pytest.mark.exhaustive
@pytest.mark.parametrize("store", ["postgres", "redis", "weaviate"])
def test_killed_in_the_middle_it_leaves_nothing(platform: Platform, store: str) -> None:
    earlier = state(platform)
    at_work: dict[str, Callable[[], object]] = {
        "postgres": lambda: _sessions(platform),
        "redis": lambda: _denied_in_redis(platform),
        "weaviate": lambda: True,
    }
    with clients.redis_client(platform, "admin") as client:
        client.acl_log_reset()
    cells = {cell: allowed for cell, allowed in declared.matrix().items() if cell.store == store}
    process = multiprocessing.get_context("fork").Process(target=prove, args=(platform, cells, SilentProgress()))
    process.start()
    wait_for(at_work[store], "the trial is at work")
    process.kill()
    process.join()
    # What it wrote into Redis goes by itself, within two seconds.
    wait_for(lambda: state(platform) == earlier, "all is as before")


def _sessions(platform: Platform) -> int:
    with clients.postgres(platform, "migrator") as connection:
        (count,) = connection.execute("select count(*) from pg_stat_activity where usename in ('analyst', 'api', 'app')").fetchone() or (0,)
    return int(count)


def _denied_in_redis(platform: Platform) -> int:
    with clients.redis_client(platform, "admin") as client:
        entries: Any = client.acl_log(100)
        return len(entries)


@pytest.mark.exhaustive
def test_a_table_that_others_hold_is_unknown_where_only_a_try_would_tell_and_holds_nobody_up(platform: Platform) -> None:
    cells = {cell: allowed for cell, allowed in of_account("analyst", "postgres").items() if (cell.kind, cell.name) == ("table", "orders")}
    with clients.postgres(platform, "migrator") as held:
        held.execute("lock table orders in access exclusive mode")
        found = prove(platform, cells, SilentProgress())
        held.rollback()
    told = {each.cell.action: each.learned.answer for each in found.proven}
    assert {action for action, answer in told.items() if answer is Answer.UNKNOWN} == {"select", "insert", "update", "delete"}
    assert {told[action] for action in ("truncate", "references", "trigger", "change")} == {Answer.DENIED}
    assert found.exit_code == 3
    assert prove(platform, cells, SilentProgress()).exit_code == 0
