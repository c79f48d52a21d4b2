"""Functions that everybody may run are listed: the next one that a server or an extension brings is found here, and by `check`."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from christmas.blueprint.postgres_bounds import CLOSED_STABLE_FUNCTIONS
from monitor.rights import judge_rights, rights
from tests.support.postgres_server import ScratchServer

# PostgreSQL 17's, looked through by name: they read, and change nothing. Add a name once you know what it does.
STABLE = Path(__file__).parents[2] / "data" / "postgres_functions" / "stable.txt"


def test_nothing_that_may_change_something_is_open_beyond_the_list(migrated_server: ScratchServer) -> None:
    found = rights(migrated_server.platform)
    assert found.message
    assert "everybody may run" not in found.message


def test_a_function_that_is_opened_or_made_is_found(migrated_server: ScratchServer) -> None:
    with migrated_server.admin() as admin:
        admin.execute("grant execute on function pg_logical_emit_message(boolean, text, text, boolean) to public")
        admin.execute("create function public.just_made() returns int language sql as 'select 1'")
        try:
            found = rights(migrated_server.platform)
        finally:
            admin.execute("revoke execute on function pg_logical_emit_message(boolean, text, text, boolean) from public")
            admin.execute("drop function public.just_made()")
    assert found.status == "critical"
    assert "everybody may run pg_catalog.pg_logical_emit_message" in found.message
    assert "everybody may run public.just_made" in found.message


def test_what_postgresql_calls_stable_is_known_by_name(migrated_server: ScratchServer) -> None:
    known = set(STABLE.read_text(encoding="utf-8").split())
    query = """
        select distinct proname::text from pg_proc
        where pronamespace = 'pg_catalog'::regnamespace and provolatile = 's' and prokind = 'f'
            and has_function_privilege('public', oid, 'execute')
    """
    with psycopg.connect(migrated_server.platform.postgres_url("analyst")) as connection:
        found = {name for (name,) in connection.execute(query).fetchall()}
    assert found - known == set()
    assert known.isdisjoint(CLOSED_STABLE_FUNCTIONS)


@pytest.mark.parametrize(
    ("altered", "back", "status", "told"),
    [
        (
            "grant delete on orders to api",
            "revoke delete on orders from api",
            "critical",
            "api: delete on orders is granted, but not declared",
        ),
        (
            "grant execute on function field_key_usage() to ingest",
            "revoke execute on function field_key_usage() from ingest",
            "critical",
            "ingest: execute on function public.field_key_usage is granted, but not declared",
        ),
        (
            "revoke select on market_data from analyst",
            "grant select on market_data to analyst",
            "warning",
            "analyst: select on market_data is missing",
        ),
    ],
    ids=["table", "function", "missing"],
)
def test_what_one_account_was_granted_by_hand_is_found(
    migrated_server: ScratchServer, altered: str, back: str, status: str, told: str
) -> None:
    with migrated_server.admin() as admin:
        admin.execute(altered.encode())
        try:
            found = rights(migrated_server.platform)
        finally:
            admin.execute(back.encode())
    assert told in found.message
    assert told not in rights(migrated_server.platform).message
    assert judge_rights({}, [], [told], "dev").status == status
