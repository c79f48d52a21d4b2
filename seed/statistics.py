"""Updates the planner's statistics after a load, as the account `migrator`: only an owner may, and autovacuum takes a minute or more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from christmas.blueprint.relational import SCHEMA
from christmas.blueprint.relational_alarms import RELATIONAL_ALARMS
from seed.statements import load

if TYPE_CHECKING:
    from infra.connections import Platform

ACCOUNT = "migrator"


def renew(platform: Platform, tables: Sequence[str]) -> tuple[str, ...]:
    """Analyze those of `tables` that changed enough for `invoke check` to report; call it after the load's connections are closed.

    Returns the analyzed tables. A server counts a connection's rows at its end at the latest, so all are counted then.
    """
    from psycopg import sql

    from infra.clients import postgres

    with postgres(platform, ACCOUNT, autocommit=True) as connection:
        bounds = {
            "schema": SCHEMA,
            "tables": list(tables),
            "rows": RELATIONAL_ALARMS.rows,
            "share": RELATIONAL_ALARMS.changed_share,
        }
        old = tuple(row[0] for row in connection.execute(load("tables_with_old_statistics"), bounds))
        for table in old:
            connection.execute(sql.SQL("analyze {}").format(sql.Identifier(SCHEMA, table)))
    return old
