"""A real flood: the operator gets in, the health check fails and says why, and `check` names the address."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from christmas.blueprint.postgres_bounds import STALLED_LOGINS
from christmas.blueprint.services import POSTGRES_MAX_CONNECTIONS
from core.container_sessions import execute_short
from infra.components.names import CONFIG_DIRECTORY
from infra.connections import Platform
from infra.provider import psql, stalled_logins
from monitor.result import Finding
from monitor.stalled_logins import judge, stalled
from tests.support.flood import flood
from tests.support.postgres_server import ScratchServer
from tests.support.waiting import PATIENCE, wait_for

# There are so many places for sessions, and twice as many and some more for those who have said nothing yet.
FLOODS = {
    "as far as the password": (POSTGRES_MAX_CONNECTIONS + 50, True),
    "without a word": (2 * POSTGRES_MAX_CONNECTIONS + 130, False),
}


@pytest.fixture
def _server_ends_none(scratch_server: ScratchServer) -> Iterator[None]:
    """The server's own bound is far away: who ends strangers is the platform."""
    container = scratch_server.container
    psql.run(container, "alter system set authentication_timeout = '10min'; select pg_reload_conf();")
    yield
    psql.run(container, "alter system reset authentication_timeout; select pg_reload_conf();")


def _admitted(server: ScratchServer) -> bool:
    """Whether the superuser gets in over the socket without help."""
    tried = execute_short(server.container, ["psql", "-X", "-U", "postgres", "-d", "postgres", "-Atc", "select 1"], user="postgres")
    return tried.code == 0


def _critical(platform: Platform) -> Finding | None:
    found = stalled(platform)
    return found if found.status == "critical" else None


def _unhealthy(server: ScratchServer) -> str:
    """What the health check says where it fails."""
    ran = execute_short(server.container, ["sh", "-s", "health"], text=stalled_logins.script(), user="postgres")
    return ran.text() if ran.code != 0 else ""


@pytest.mark.exhaustive
@pytest.mark.usefixtures("_server_ends_none")
@pytest.mark.parametrize("kind", FLOODS)
def test_the_operator_gets_in_and_the_flood_is_named(scratch_server: ScratchServer, kind: str) -> None:
    strangers, greets = FLOODS[kind]
    platform, container = scratch_server.platform, scratch_server.container
    assert stalled(platform).status == "ok"
    host, port = platform.endpoints["postgres"].address()
    since = psql.run(container, "select pg_postmaster_start_time();")
    with flood(host, port, strangers, greets=greets):
        wait_for(lambda: not _admitted(scratch_server), "the flood keeps the superuser out")

        began = time.monotonic()
        assert psql.run(container, "select 1;").strip() == "1"
        took = time.monotonic() - began

        # They come again: ending them once is not the end of it.
        wait_for(lambda: len(stalled_logins.stalled(container)) > 50, "the strangers are back")
        found = wait_for(lambda: _critical(platform), "the check sees them")
        assert found is not None
        assert "this machine, through the published port" in found.message
        assert "connections that have not logged in" in found.message

        told = wait_for(lambda: _unhealthy(scratch_server), "the health check fails and says who")
        assert "connections that have not logged in" in told
    print(f"the superuser was in after {took:.1f} s, {strangers} strangers")
    wait_for(lambda: stalled(platform).status == "ok" and _admitted(scratch_server), "all is as before")
    assert psql.run(container, "select pg_postmaster_start_time();") == since


def _watchers(server: ScratchServer) -> list[str]:
    titles = execute_short(server.container, ["sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' '\\n' | grep -c '^watch$'"], user="postgres")
    return titles.text().split()


@pytest.mark.usefixtures("_server_ends_none")
def test_after_one_health_check_somebody_watches_for_good(scratch_server: ScratchServer) -> None:
    container = scratch_server.container
    for _ in range(3):
        assert execute_short(container, ["sh", f"{CONFIG_DIRECTORY}/{stalled_logins.FILE}", "health"], user="postgres").code == 0
    wait_for(lambda: _watchers(scratch_server) == ["1"], "one watches, however often the check ran")
    host, port = scratch_server.platform.endpoints["postgres"].address()
    strangers = [socket.create_connection((host, port), timeout=PATIENCE) for _ in range(POSTGRES_MAX_CONNECTIONS)]
    try:
        # Each reads the end of its connection; the newest stay where they are no crowd any more.
        half = POSTGRES_MAX_CONNECTIONS // 2
        assert [each.recv(1) for each in strangers[:half]] == [b""] * half
    finally:
        for each in strangers:
            each.close()


@pytest.mark.exhaustive
def test_a_crowd_that_logs_in_is_left_alone(migrated_server: ScratchServer) -> None:
    import psycopg

    urls = [migrated_server.platform.postgres_url(name) for name in ("api", "backtest")]
    sessions = [psycopg.connect(url, autocommit=True) for url in urls for _ in range(15)]
    try:
        stalled_logins.end_stalled(migrated_server.container)
        assert stalled(migrated_server.platform).status == "ok"
        assert [each.execute("select 1").fetchone() for each in sessions] == [(1,)] * len(sessions)
    finally:
        for session in sessions:
            session.close()


def test_whose_an_address_is_is_said() -> None:
    finding = judge({"172.18.0.9": 131, "172.18.0.3": 4}, {"172.18.0.9": "container stranger"}, "christmas-x-timescaledb")
    assert finding.status == "critical"
    assert finding.message == "172.18.0.9 (container stranger) has 131 connections that have not logged in"
    assert finding.next_step is not None
    assert "christmas-x-timescaledb" in finding.next_step
    assert judge({"172.18.0.3": 20}, {}, "x").status == "ok"


@pytest.mark.parametrize(("own", "status"), [(0, "critical"), (4, "critical"), (5, "unknown"), (30, "unknown")])
def test_logins_that_this_process_waits_for_are_no_flood(own: int, status: str) -> None:
    finding = judge({"172.18.0.1": STALLED_LOGINS + 5, "172.18.0.3": 4}, {}, "christmas-x-timescaledb", own)
    assert finding.status == status
    # Whoever comes from another address, or in greater numbers, is none of this process.
    assert judge({"172.18.0.1": 150}, {}, "christmas-x-timescaledb", own).status == "critical"
