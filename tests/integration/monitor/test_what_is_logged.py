"""What the stores log of who did what, and what they don't: the guide says both ("Auditing access")."""

from __future__ import annotations

import docker
import psycopg
import pytest
import redis
import weaviate

from core.container_commands import execute
from infra import clients
from infra.connections import Platform
from tests.support.scratch_platform import DOCUMENTS, ScratchPlatform
from tests.support.waiting import wait_for


@pytest.fixture(scope="module")
def platform(scratch_platform: ScratchPlatform) -> Platform:
    return scratch_platform.platform


def log(platform: Platform, service: str) -> list[str]:
    text: bytes = docker.from_env().containers.get(platform.containers[service]).logs(tail=3000)
    return text.decode(errors="replace").splitlines()


def test_logins_changes_and_reads_of_sensitive_tables_are_logged_and_neither_other_reads_nor_what_ingest_writes(platform: Platform) -> None:
    with psycopg.connect(platform.postgres_url("ingest")) as connection:
        connection.execute("insert into market_data (symbol, timestamp, close) values ('NOTLOGGED', now(), 1)")
        connection.rollback()
    with psycopg.connect(platform.postgres_url("api")) as connection:
        connection.execute("select count(*) as read_probe from orders")
        connection.execute("select email as read_probe from users")
        connection.execute("update users set is_active = is_active where username = 'write_probe'")
        connection.rollback()
        own = connection.info.backend_pid
    wait_for(lambda: any(f"[{own}]" in line and "disconnection" in line for line in log(platform, "timescaledb")), "the session's end")
    lines = log(platform, "timescaledb")
    audited = [line.partition("AUDIT: ")[2] for line in lines if f"[{own}]" in line and "AUDIT: " in line]
    assert audited == [
        "OBJECT,1,1,READ,SELECT,TABLE,public.users,<not logged>,<not logged>",
        # The condition of the change reads.
        "OBJECT,2,1,WRITE,UPDATE,TABLE,public.users,<not logged>,<not logged>",
        "SESSION,2,1,WRITE,UPDATE,TABLE,public.users,<not logged>,<not logged>",
    ]
    assert any("connection authorized" in line and "user=ingest" in line for line in lines)
    assert not any(each in line for line in lines for each in ("read_probe", "write_probe", "NOTLOGGED"))


# What an account can do so that the server has something to say of a value: bound to it, in the statement, or in the row that it finds.
VALUE = "leaked-value-4711"
SAID = {
    "a row that breaks a rule": ("insert into users (username, email, password_hash) values (%(value)s, %(value)s, %(value)s)", True),
    "the same, written out": (f"insert into users (username, email, password_hash) values ('{VALUE}', '{VALUE}', '{VALUE}')", True),
    "a row that is there already": (
        f"insert into users (username, email, password_hash) select username, '{VALUE}@x.org', password_hash from users limit 1",
        True,
    ),
    "a value of another type": (f"select '{VALUE}'::integer", True),
    "a column that isn't there": (f'select "{VALUE}" from users', True),
    "a mistake beside it": (f"select '{VALUE}' from from users", True),
    "an exception of its own": (f"do $$ begin raise exception '{VALUE}'; end $$", True),
    "a warning of its own": (f"do $$ begin raise warning '{VALUE}'; end $$", False),
    "a slow statement": (f"select pg_sleep(2.1), '{VALUE}'", False),
    "a statement without fault": (f"update users set email = '{VALUE}@x.org' where id = -1", False),
}


@pytest.mark.parametrize("deed", SAID)
def test_no_value_is_in_postgresqls_log(platform: Platform, deed: str) -> None:
    statement, fails = SAID[deed]
    with psycopg.connect(platform.postgres_url("api"), autocommit=True) as connection:
        if fails:
            with pytest.raises(psycopg.Error):
                connection.execute(statement.encode(), {"value": VALUE} if "%(value)s" in statement else None)
        else:
            connection.execute(statement.encode())
        own = connection.info.backend_pid
    # The session's end is logged after all that it said.
    wait_for(lambda: any(f"[{own}]" in line and "disconnection" in line for line in log(platform, "timescaledb")), "the session's end")
    assert [line for line in log(platform, "timescaledb") if VALUE in line] == []


def test_statistics_of_statements_hold_no_password(platform: Platform) -> None:
    """As the superuser sees them: to an account, others' statements aren't shown at all."""
    psql = ["psql", "-X", "-A", "-t", "-U", "postgres", "-d", "christmas_db", "-c"]
    container = platform.containers["timescaledb"]
    execute(container, [*psql, f"create role leak login password '{VALUE}'; drop role leak"])
    execute(container, [*psql, f"select '{VALUE}' as seen_of_the_role"])
    seen = execute(container, [*psql, "select query from pg_stat_statements"]).text()
    assert "select $1 as seen_of_the_role" in seen
    assert VALUE not in seen
    assert "create role leak" not in seen
    lines = log(platform, "timescaledb")
    assert lines
    assert [line for line in lines if VALUE in line] == []


def test_redis_keeps_what_it_refused_and_nothing_of_what_it_carried_out(platform: Platform) -> None:
    with clients.redis_client(platform, "api") as client:
        assert client.get("user:424242:preferences") is None
        with pytest.raises(redis.exceptions.NoPermissionError):
            client.get("elsewhere:424242")
    with clients.redis_client(platform, "monitor") as monitor:
        lines = [(str(entry["username"]), str(entry["object"])) for entry in monitor.acl_log()]
    assert ("api", "elsewhere:424242") in lines
    assert not any("user:424242" in thing for _, thing in lines)
    assert not any(":424242" in line for line in log(platform, "redis"))


def test_weaviate_logs_what_it_decides_on_whom(platform: Platform) -> None:
    with clients.weaviate_client(platform, "rag") as store, pytest.raises(weaviate.exceptions.InsufficientPermissionsError):
        store.collections.use(DOCUMENTS).data.insert({"content": "refused"}, vector=[1.0, 0.0, 0.0, 0.0])
    assert wait_for(lambda: [line for line in log(platform, "weaviate") if "rag" in line and "authorize" in line], "the decision is logged")
