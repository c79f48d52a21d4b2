"""The statements that took most time: told without a value, by each account for itself, with a plan that needs no further right."""

from __future__ import annotations

from dataclasses import replace

import psycopg
import pytest

from infra.connections import Platform
from monitor.slow_statements import Planned, slowest
from tests.support.postgres_server import ScratchServer

MARKER = "marker-5b20e-of-somebody"


@pytest.fixture
def platform(migrated_server: ScratchServer) -> Platform:
    """A server whose statements are counted from now on."""
    with migrated_server.admin() as admin:
        admin.execute("select public.pg_stat_statements_reset()")
    return migrated_server.platform


def run(platform: Platform, account: str, *statements: str) -> None:
    """Run each, whether it succeeds or not."""
    with psycopg.connect(platform.postgres_url(account), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def told(platform: Platform, account: str) -> dict[str, Planned]:
    """What is told of an account, by text."""
    slow = slowest(platform, most=100)
    assert slow.failure == ""
    return {one.statement.text or "": one for one in slow.planned if one.statement.account == account}


def test_each_account_s_statements_have_a_plan_and_no_value(platform: Platform) -> None:
    run(
        platform,
        "api",
        f"select id from users where username = '{MARKER}' and created_at > now() - interval '3 days' order by 1",
        f"select id from users where username = '{MARKER}-2' and created_at > now() - interval '5 days' order by 1",
        f"update users set email = '{MARKER}@example.com' where username = '{MARKER}' and false",
        f"insert into users (username, email, password_hash) select '{MARKER}', '{MARKER}@example.com', 'hash' where false",
    )
    run(
        platform,
        "analyst",
        "select symbol, max(close)::numeric(18,4) from market_data where symbol = 'NONE' group by 1",
        "select extract(epoch from timestamp) * 2.0 / 13 from market_data where volume < 2.0 / 13 and symbol = 'NONE'",
    )
    api, analyst = told(platform, "api"), told(platform, "analyst")
    assert MARKER not in str((api, analyst))
    users = "select id from users where username = $1 and created_at > now() - interval $2 order by 1"
    assert api[users].statement.calls == 2
    assert api[users].statement.milliseconds > 0
    assert 0 < (api[users].statement.share or 0) < 1
    assert "Index" in api[users].plan
    assert "username" in api[users].plan
    assert [(text[:6], one.no_plan) for text, one in api.items() if not one.plan] == []
    assert {"select", "update", "insert"} <= {text[:6] for text in api}
    assert [(text, one.no_plan) for text, one in analyst.items() if "market_data" in text and "cost=" not in one.plan] == []


def test_one_without_a_plan_hides_no_other_and_says_why(platform: Platform) -> None:
    run(
        platform,
        "ingest",
        "create temporary table gone (id int); select count(*) from gone; drop table gone",
        "select count(*) from market_data where symbol = 'NONE'",
        f"/* {MARKER} 7 */ select -- of '{MARKER}', {MARKER} /*\n count(*) as said from market_data -- {MARKER} 1",
        f'select count(symbol) as "-- {MARKER}" from market_data',
    )
    ingest = told(platform, "ingest")
    assert 'relation "gone" does not exist' in ingest["select count(*) from gone"].no_plan
    assert "cost=" in ingest["select count(*) from market_data where symbol = $1"].plan
    assert "cost=" in ingest["select count(*) as said from market_data"].plan
    assert "a value in it" in ingest[""].no_plan
    assert MARKER not in str(ingest)


def test_the_superuser_s_count_without_text(platform: Platform, migrated_server: ScratchServer) -> None:
    with migrated_server.admin() as admin:
        admin.execute(f"select '{MARKER}', pg_sleep(0.05)".encode())
    of_admin = told(platform, "scratch_admin")
    assert of_admin.keys() == {""}
    assert "no account of this stack" in of_admin[""].no_plan


def test_a_locked_table_and_an_account_that_is_kept_out_cost_little_time(platform: Platform, migrated_server: ScratchServer) -> None:
    run(platform, "api", "select count(*) from orders")
    run(platform, "analyst", "select count(*) from market_data where symbol = 'NONE'")
    wrong = replace(platform.accounts["analyst"], postgres="not its password")
    with migrated_server.admin() as admin:
        admin.execute("begin; lock table orders in access exclusive mode")
        slow = slowest(replace(platform, accounts={**platform.accounts, "analyst": wrong}), most=100)
        admin.execute("rollback")
    reasons = {(one.statement.account, one.statement.text): one.no_plan for one in slow.planned}
    assert "lock timeout" in reasons["api", "select count(*) from orders"]
    assert any("password authentication failed" in why for (account, _), why in reasons.items() if account == "analyst")


def test_a_server_that_is_away_is_told(platform: Platform) -> None:
    away = replace(platform, endpoints={**platform.endpoints, "postgres": replace(platform.endpoints["postgres"], port=1)})
    assert "refused" in slowest(away).failure


def test_nothing_of_it_changes_anything(platform: Platform) -> None:
    """A plan of a statement that writes is no write, and a function that the plan would fold runs in a session that can't write."""
    run(platform, "api", f"delete from users where username = '{MARKER}'")
    before = told(platform, "api")
    assert "Delete on users" in before["delete from users where username = $1"].plan
    assert told(platform, "api")["delete from users where username = $1"].statement.calls == 1
