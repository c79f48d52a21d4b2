from __future__ import annotations

from typing import Any

import pytest

from christmas.blueprint.accounts import ACCOUNTS
from christmas.blueprint.model import Privilege, TableGrant
from christmas.blueprint.relational import TABLES
from infra.provider.grants import grant_findings, grant_statements

READ = frozenset({Privilege.SELECT})
WRITE = frozenset({Privilege.SELECT, Privilege.INSERT, Privilege.UPDATE})


@pytest.mark.parametrize(
    ("grants", "existing", "statements"),
    [
        ([], [], []),
        ([TableGrant("later", READ)], [], []),
        ([], ["orders"], ['revoke all on table "public"."orders" from "api" cascade']),
        (
            [TableGrant("orders", WRITE)],
            ["orders"],
            [
                'revoke all on table "public"."orders" from "api" cascade',
                'grant select, insert, update on table "public"."orders" to "api"',
            ],
        ),
        (
            [TableGrant("users", WRITE, ("id", "username"))],
            ["users"],
            [
                'revoke all on table "public"."users" from "api" cascade',
                'grant insert, update on table "public"."users" to "api"',
                'grant select ("id", "username") on table "public"."users" to "api"',
            ],
        ),
        (
            [TableGrant("orders", WRITE)],
            {"orders": ["orders_id_seq"]},
            [
                'revoke all on table "public"."orders" from "api" cascade',
                'revoke all on sequence "public"."orders_id_seq" from "api" cascade',
                'grant select, insert, update on table "public"."orders" to "api"',
                'grant usage on sequence "public"."orders_id_seq" to "api"',
            ],
        ),
        (
            [TableGrant("orders", READ)],
            {"orders": ["orders_id_seq"]},
            [
                'revoke all on table "public"."orders" from "api" cascade',
                'revoke all on sequence "public"."orders_id_seq" from "api" cascade',
                'grant select on table "public"."orders" to "api"',
            ],
        ),
    ],
)
def test_statements(grants: list[TableGrant], existing: Any, statements: list[str]) -> None:
    assert grant_statements("api", grants, existing) == statements


def test_names_are_quoted() -> None:
    statements = grant_statements('a"b', [TableGrant('t"; drop table x; --', READ)], ['t"; drop table x; --'])
    assert statements[-1] == 'grant select on table "public"."t""; drop table x; --" to "a""b"'


def row(table: str, *privileges: str, columns: tuple[str, ...] = (), sequences: tuple[tuple[str, list[str]], ...] = ()) -> dict[str, Any]:
    found = [{"sequence": name, "privileges": held} for name, held in sequences]
    return {"table": table, "privileges": list(privileges), "columns": list(columns), "sequences": found}


@pytest.mark.parametrize(
    ("grants", "found", "findings"),
    [
        ([TableGrant("later", READ)], [], []),
        ([TableGrant("t", READ)], [row("t", "select")], []),
        ([TableGrant("t", READ)], [row("t")], ["select on t is missing"]),
        ([], [row("t", "truncate")], ["truncate on t is granted, but not declared"]),
        ([TableGrant("t", READ, ("a",))], [row("t", columns=("select (a)",))], []),
        (
            [TableGrant("t", READ, ("a",))],
            [row("t", "select", columns=("select (secret)",))],
            [
                "select on t is granted, but not declared",
                "select (a) on t is missing",
                "select (secret) on t is granted, but not declared",
            ],
        ),
        ([TableGrant("t", WRITE)], [row("t", *WRITE, sequences=(("s", []),))], ["usage on sequence s is missing"]),
        ([TableGrant("t", READ)], [row("t", *READ, sequences=(("s", ["usage"]),))], ["usage on sequence s is granted, but not declared"]),
    ],
)
def test_findings(grants: list[TableGrant], found: list[dict[str, Any]], findings: list[str]) -> None:
    assert grant_findings(grants, found) == findings


def test_the_blueprints_analyst_is_given_no_secret_column() -> None:
    analyst = next(account.postgres for account in ACCOUNTS if account.name == "analyst")
    assert analyst is not None
    message = "\n".join(grant_statements("analyst", analyst.grants, [table.name for table in TABLES]))
    hidden = [column.name for table in TABLES for column in table.columns if column.name not in table.open_columns()]
    assert "password_hash" in hidden
    assert not [name for name in hidden if f'"{name}"' in message]
