"""What is known to be in profiles, looked for in everything that leaves the database: files, log, WAL, dumps, statistics."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from christmas.blueprint.services import TIMESCALEDB
from core.progress import SilentProgress
from infra.clients import postgres
from infra.components.timescaledb_container import postgresql_conf
from migrations import run
from security.resealing import reseal
from tests.integration.security.people import everybody, profiles, ring_of, seal_people
from tests.support.inside import inside
from tests.support.postgres_server import ScratchServer, run_scratch_server

# Parts of what the twenty people have in their profiles; and something that is stored in the open, to show that it is looked for.
# Numbers are looked for whole: sealed values are printed in hexadecimal digits, where seven decimal ones have come up by chance.
PLAIN = ("Minji", "Kimplain", "plainstreet", "82-2-555", *(f"822555{number:04d}" for number in range(1, 21)), "민지", "세종대로")
OPEN = "u1@example.com"
LOGGING = re.compile(r"^((?:log_|pgaudit\.).*?) = '?(.*?)'?$", re.MULTILINE)


@pytest.fixture(scope="module")
def used() -> Iterator[ScratchServer]:
    """A server on which nothing plain ever was: other tests of this folder write some on purpose."""
    with run_scratch_server(memory_mib=1024) as server:
        use(server)
        yield server


def use(server: ScratchServer) -> None:
    """Write, read, find and seal anew, under the platform's own settings for its log and with every statement in it."""
    platform = server.platform
    settings = dict(LOGGING.findall(postgresql_conf(TIMESCALEDB.limits)))
    assert settings["pgaudit.log_parameter"] == "off"
    settings |= {"log_statement": "all", "log_min_duration_statement": "0", "pgaudit.log": "all"}
    del settings["log_destination"]
    with server.admin() as connection:
        for name, value in settings.items():
            connection.execute(f"alter system set {name} = '{value}'".encode())
        connection.execute("select pg_reload_conf()")
    run.upgrade(platform)
    seal_people(platform, 20)
    ring = ring_of(platform).up_to(2)
    with postgres(platform, "api", autocommit=True) as connection:
        assert len(profiles(ring).find_by_phone(connection, "+82-2-555-0007")) == 1
        reseal(connection, ring, SilentProgress())
    assert len(everybody(platform, ring, 20)) == 20
    with postgres(platform, "api") as connection, pytest.raises(Exception, match="ck_user_profiles"):
        # A mistake that the database refuses ends up in its log as well.
        connection.execute("update user_profiles set first_name = '\\x00'::bytea || first_name where user_id = 1")
    with server.admin() as connection:
        connection.execute("analyze user_profiles")
        connection.execute("checkpoint")


def found_in(text: bytes) -> list[str]:
    return [each for each in PLAIN if each.encode() in text or each.encode().hex().encode() in text]


@pytest.mark.exhaustive
def test_the_servers_log(used: ScratchServer) -> None:
    log = used.container.logs()
    assert b"find_by_phone" in log or b"phone_index = any" in log
    assert found_in(log) == []


@pytest.mark.exhaustive
@pytest.mark.parametrize("folder", ["base", "pg_wal"])
def test_the_servers_files(used: ScratchServer, folder: str) -> None:
    """What a physical backup and the archive consist of."""

    def files_with(*texts: str) -> list[str]:
        searched = " ".join(f"-e '{text}'" for text in texts)
        return inside(used.container, "sh", "-c", f"grep -r -s -l -a -F {searched} $PGDATA/{folder} || true").decode().split()

    assert files_with(OPEN) != []
    assert files_with(*PLAIN) == []


def test_a_logical_backup(used: ScratchServer) -> None:
    dump = inside(used.container, "sh", "-c", "pg_dump -U postgres -d christmas_db --data-only --table=users --table=user_profiles")
    assert OPEN.encode() in dump
    assert dump.count(b"\\\\xc101") >= 20
    assert found_in(dump) == []


def test_statistics_of_statements_and_of_columns(used: ScratchServer) -> None:
    with used.admin() as connection:
        rows = connection.execute(
            "select query from pg_stat_statements union all select concat(most_common_vals, histogram_bounds) from pg_stats"
            " where tablename = 'user_profiles'"
        ).fetchall()
    text = "\n".join(str(row[0]) for row in rows)
    assert "update user_profiles" in text
    assert found_in(text.encode()) == []


@pytest.mark.exhaustive
def test_what_analysts_export(used: ScratchServer) -> None:
    export = "copy (select u.username, p.user_id, p.preferences from users u join user_profiles p on p.user_id = u.id) to stdout"
    with postgres(used.platform, "analyst") as connection, connection.cursor() as cursor, cursor.copy(export) as copy:
        exported = b"".join(map(bytes, copy))
    assert b"u1\t1\t" in exported
    assert found_in(exported) == []
