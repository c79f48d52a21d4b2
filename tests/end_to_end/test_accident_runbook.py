"""The runbook of docs/backup.md, its lines run as they stand there: a dropped table, a flushed Redis, a deleted collection."""

import json
import os
import re
import signal
import subprocess
import time
from datetime import UTC, datetime

import pytest

from infra import clients
from infra.components.names import redis_cli
from tests.end_to_end.conftest import BIN, ROOT
from tests.support.inside import inside
from tests.support.keyspace_faults import SESSION
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.exhaustive

MOMENT = "2026-11-23T12:00:00+09:00"


def lines_between(first, last):
    """The commands of the runbook from one bold word to another, as a reader would copy them."""
    page = (ROOT / "docs" / "backup.md").read_text(encoding="utf-8")
    section = page[page.index(f"**{first}**") : page.index(f"**{last}**" if last else "Then see that all is well")]
    return re.findall(r"^    (.+)$", section, flags=re.MULTILINE)


def follow(stack, lines, moment, folder):
    """Run the lines one after another in a shell, with the moment and the stack put in their place."""
    environment = stack.environment | {"PATH": f"{BIN}:{os.environ['PATH']}", "INVOKE_TASKS_SEARCH_ROOT": str(ROOT)}
    assert lines, "the runbook has no lines there"
    for line in lines:
        own = line.replace(MOMENT, moment).replace("christmas-dev-", f"christmas-{stack.name}-").replace("look", f"look-{os.getpid()}")
        own = re.sub(r"^invoke ", f"invoke --search-root {ROOT} ", own)
        done = subprocess.run(
            ["sh", "-c", own], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=2 * PATIENCE
        )
        assert done.returncode == 0, f"{own}\n{done.stdout}{done.stderr}"


def psql(stack, statement):
    command = ("psql", "-X", "-Atq", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", "christmas_db", "-c", statement)
    return inside(stack.container("timescaledb"), *command).decode().strip()


def lasting_keys(stack):
    """Keys that don't expire while a test runs."""
    with clients.redis_client(stack.platform(), "admin") as client:
        return {key for key in client.scan_iter(count=1000) if client.ttl(key) > 600}


def objects(stack):
    from backup.weaviate.counts import count

    with clients.weaviate_client(stack.platform(), "backup") as store:
        return count(store).objects


RIGHTS = "select string_agg(entry::text, ',' order by entry::text) from pg_class, unnest(relacl) as entry where oid = 'users'::regclass"


@pytest.fixture(scope="module")
def a_set(stack):
    """A set from before the accidents. The task that makes it is killed once; the same command then makes it all the same."""
    before = len(json.loads(stack.invoke("backup.list", "--json").stdout))
    victim = subprocess.Popen(
        [str(BIN / "invoke"), "backup", "--full"],
        cwd=ROOT,
        env=stack.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert victim.stdout
    for line in victim.stdout:
        if "copying it out" in line:
            break
    victim.send_signal(signal.SIGKILL)
    victim.communicate()
    assert victim.returncode == -signal.SIGKILL
    assert len(json.loads(stack.invoke("backup.list", "--json").stdout)) == before
    return json.loads(stack.invoke("backup", "--full", "--json").stdout)["id"]


def the_last_good_second():
    """Let a whole second pass, and name the moment at its end."""
    time.sleep(1.1)
    moment = datetime.now(UTC).replace(microsecond=0)
    time.sleep(0.2)
    return moment.isoformat()


def test_a_dropped_table_comes_back_and_what_others_wrote_since_stays(stack, a_set, tmp_path):
    psql(stack, "insert into users (username, email, password_hash) select 'newest', 'n@example.org', password_hash from users limit 1")
    users = psql(stack, "select string_agg(t::text, ';' order by id) from users as t")
    keys = psql(stack, "select string_agg(conname, ',' order by conname) from pg_constraint where confrelid = 'users'::regclass")
    rights = psql(stack, RIGHTS)
    moment = the_last_good_second()
    psql(stack, "drop table users cascade")
    psql(stack, "insert into market_data (symbol, timestamp, open) values ('LATER', now(), 1)")

    lines = lines_between("A dropped table", "A flushed Redis")
    follow(stack, [line for line in lines if "--live" not in line], moment, tmp_path)

    assert psql(stack, "select string_agg(t::text, ';' order by id) from users as t") == users
    assert psql(stack, "select string_agg(conname, ',' order by conname) from pg_constraint where confrelid = 'users'::regclass") == keys
    assert psql(stack, RIGHTS) == rights
    assert psql(stack, "select count(*) from market_data where symbol = 'LATER'") == "1"
    assert list(tmp_path.iterdir()) == []
    psql(stack, "insert into users (username, email, password_hash) select 'next', 'x@example.org', password_hash from users limit 1")
    psql(stack, "delete from users where username in ('newest', 'next')")
    psql(stack, "delete from market_data where symbol = 'LATER'")


def test_a_flushed_redis_comes_back(stack, a_set, tmp_path):
    with clients.redis_client(stack.platform(), "api") as client:
        client.hset("session:newest", mapping=SESSION)
        client.expire("session:newest", 3600)
    before = lasting_keys(stack)
    moment = the_last_good_second()
    assert inside(stack.container("redis"), "sh", "-c", f"{redis_cli('admin')} flushall").strip() == b"OK"
    assert lasting_keys(stack) == set()
    follow(stack, lines_between("A flushed Redis", "A deleted collection"), moment, tmp_path)
    assert "session:newest" in before
    assert before - lasting_keys(stack) == set()
    with clients.redis_client(stack.platform(), "api") as client:
        client.delete("session:newest")


def test_a_deleted_collection_comes_back(stack, a_set, tmp_path):
    before = objects(stack)
    assert before
    stack.invoke("backup", "--incremental")
    moment = the_last_good_second()
    with clients.weaviate_client(stack.platform(), "indexer") as store:
        for name in before:
            store.collections.delete(name)
    assert objects(stack) == {}
    follow(stack, lines_between("A deleted collection", ""), moment, tmp_path)
    assert objects(stack) == before
    assert json.loads(stack.invoke("seed.search", "자동 매매 시스템 특징", "--json").stdout)
