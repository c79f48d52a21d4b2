"""What one session does again and again is counted in the server, and no event gets lost by it (docs/adr/0027)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import psycopg
import pytest

from security.audit.events import Event
from security.audit.postgresql import event_of
from tests.support.postgres_server import ScratchServer
from tests.support.waiting import wait_for

AGAIN = "update orders set quantity = quantity where false"
READ = "select email from users where false"


@pytest.fixture(scope="module")
def server(migrated_server: ScratchServer) -> ScratchServer:
    return migrated_server


@pytest.fixture
def session(server: ScratchServer) -> Iterator[psycopg.Connection]:
    with psycopg.connect(server.platform.postgres_url("api"), autocommit=True) as connection:
        yield connection


def said(server: ScratchServer, pid: int) -> list[bytes]:
    """The lines of a session in the server's log."""
    text: bytes = server.container.logs(tail=5000)
    return [line for line in text.splitlines() if b"[%d]" % pid in line]


def reported(server: ScratchServer, pid: int) -> list[Event]:
    return [event for line in said(server, pid) if (event := event_of("", line)) is not None]


def counts(server: ScratchServer, pid: int) -> Counter[str]:
    """How often a session did what, by the audit."""
    found: Counter[str] = Counter()
    for event in reported(server, pid):
        found[f"{event.action} of {event.object}"] += event.count
    return found


def audit_lines(server: ScratchServer, pid: int) -> int:
    return sum(b"AUDIT: " in line for line in said(server, pid))


def ended(server: ScratchServer, connection: psycopg.Connection) -> int:
    """End a session, and wait until its last line is there; its number."""
    pid = connection.info.backend_pid
    connection.close()
    wait_for(lambda: any(event.action == "logout" for event in reported(server, pid)), "the session's end is in the log")
    return pid


def test_the_first_is_logged_at_once_and_all_are_counted_when_the_session_ends(server: ScratchServer, session: psycopg.Connection) -> None:
    pid = session.info.backend_pid
    session.execute(AGAIN)
    wait_for(lambda: counts(server, pid)["write: update of table public.orders"] == 1, "the first is there")
    for _ in range(300):
        session.execute(AGAIN)
        session.execute(READ)
    pid = ended(server, session)
    assert counts(server, pid)["write: update of table public.orders"] == 301
    assert counts(server, pid)["read: select of table public.users"] == 300
    assert audit_lines(server, pid) < 60


def test_a_session_that_stays_tells_its_numbers_soon_also_after_an_error(server: ScratchServer, session: psycopg.Connection) -> None:
    pid = session.info.backend_pid
    for _ in range(20):
        session.execute(AGAIN)
    with pytest.raises(psycopg.errors.DivisionByZero):
        session.execute("select 1 / 0")
    wait_for(lambda: counts(server, pid)["write: update of table public.orders"] == 20, "all are there")
    with pytest.raises(psycopg.errors.DivisionByZero):
        session.execute("select 1 / 0")
    for _ in range(20):
        session.execute(AGAIN)
    wait_for(lambda: counts(server, pid)["write: update of table public.orders"] == 40, "all are there again")


def test_a_session_that_is_ended_by_others_loses_none(server: ScratchServer, session: psycopg.Connection) -> None:
    pid = session.info.backend_pid
    for _ in range(50):
        session.execute(AGAIN)
    with server.admin() as admin:
        admin.execute("select pg_terminate_backend(%s)", (pid,))
    wait_for(lambda: counts(server, pid)["write: update of table public.orders"] == 50, "all are there")


def test_more_kinds_than_are_kept_apart_are_counted_as_well(server: ScratchServer) -> None:
    with server.admin() as admin:
        pid = admin.info.backend_pid
        tables = [f"many_{number}" for number in range(150)]
        for table in tables:
            admin.execute(f"create temporary table {table} (n integer)".encode())
        for _ in range(3):
            for table in tables:
                admin.execute(f"insert into {table} values (1); insert into {table} values (2)".encode())
        ended(server, admin)
    found = counts(server, pid)
    assert sum(number for what, number in found.items() if what.startswith("write: insert")) == 6 * len(tables)
    assert {number for what, number in found.items() if what.startswith("write: insert")} == {6}


def test_changes_of_tables_and_roles_are_each_logged_at_once(server: ScratchServer) -> None:
    with server.admin() as admin:
        pid = admin.info.backend_pid
        for _ in range(3):
            admin.execute("comment on table users is null")
            admin.execute("alter role analyst connection limit 10")
        ended(server, admin)
    assert audit_lines(server, pid) == 6
    assert not any(b"REPEATED" in line for line in said(server, pid))
