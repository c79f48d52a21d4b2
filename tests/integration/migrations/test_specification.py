"""What the specification says of tables and columns, looked up in a live schema: specification/statements has the list."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from specification.statements import Fact, Row, facts, load
from tests.support.postgres_server import ScratchServer

ROWS = list(facts(load()))

COLUMN = """
select format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity::text, pg_get_expr(d.adbin, d.adrelid)
from pg_attribute as a left join pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
where a.attrelid = to_regclass(%s) and a.attname = %s and a.attnum > 0
"""
ORDER = """
select string_agg(attname, ', ' order by attnum) from pg_attribute
where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped
"""
KEYS = """
select c.contype::text, r.relname || '.' || f.attname,
    (select string_agg(a.attname, ', ' order by k.place) from unnest(c.conkey) with ordinality as k (number, place)
     join pg_attribute as a on a.attrelid = c.conrelid and a.attnum = k.number)
from pg_constraint as c left join pg_class as r on r.oid = c.confrelid
left join pg_attribute as f on f.attrelid = c.confrelid and f.attnum = c.confkey[1]
where c.conrelid = to_regclass(%s)
"""
INDEXES = """
select c.relname, string_agg(a.attname, ', ' order by k.place)
from pg_index as i join pg_class as c on c.oid = i.indexrelid
cross join unnest(i.indkey::int2[]) with ordinality as k (number, place)
join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = k.number
where i.indrelid = to_regclass(%s) and i.indpred is null and i.indisvalid
group by c.relname
"""
CUT = "select column_name from timescaledb_information.dimensions where hypertable_schema = 'public' and hypertable_name = %s"


@pytest.fixture(scope="module")
def schema(migrated_server: ScratchServer) -> Iterator[psycopg.Connection]:
    """A connection that reads the live schema."""
    with migrated_server.admin() as connection:
        yield connection


def holds(schema: psycopg.Connection, fact: Fact) -> bool:
    """Whether the live schema has it."""
    table, _, column = fact.subject.partition(".")
    (order,) = schema.execute(ORDER, (table,)).fetchone() or (None,)
    row = schema.execute(COLUMN, (table, column)).fetchone()
    keys = schema.execute(KEYS, (table,)).fetchall()
    indexes = {(name, columns) for name, columns in schema.execute(INDEXES, (table,)).fetchall()}
    cut = schema.execute(CUT, (table,)).fetchall()
    if order is None:
        return False
    if not column:
        return bool({"table": True, "columns": order == fact.value}[fact.kind])
    if row is None:
        return False
    kind, not_null, identity, default = row
    name, _, columns = fact.value.partition(" ")
    answers = {
        "type": kind == fact.value,
        "not null": not_null,
        "nullable": not not_null,
        "default": default == fact.value,
        "identity": identity == "d",
        "serial": (default or "").startswith("nextval("),
        "primary key": ("p", column) in {(each, own) for each, _, own in keys},
        "key": ("p", fact.value) in {(each, own) for each, _, own in keys},
        "unique": ("u", column) in {(each, own) for each, _, own in keys},
        "refers": ("f", fact.value, column) in set(keys),
        "index": (name, columns or column) in indexes,
        "hypertable": cut == [(column,)],
    }
    return bool(answers[fact.kind])


@pytest.mark.parametrize("row", ROWS, ids=[row.fact.name if row.fact else "" for row in ROWS])
def test_the_live_schema_has_it(schema: psycopg.Connection, row: Row) -> None:
    """Where the platform differs, the live schema has what stands in its place, and what was asked for is really not there."""
    assert row.fact is not None
    assert holds(schema, row.fact) == (row.instead is None)
    assert row.instead is None or holds(schema, row.instead)


@pytest.mark.parametrize(
    "fact",
    [
        Fact("nothing", "table"),
        Fact("users", "columns", "id, email"),
        Fact("users.nothing", "type", "integer"),
        Fact("users.email", "type", "text"),
        Fact("user_profiles.preferences", "not null"),
        Fact("users.email", "nullable"),
        Fact("users.email", "default", "''"),
        Fact("users.email", "identity"),
        Fact("users.id", "serial"),
        Fact("users.email", "primary key"),
        Fact("market_data.id", "key", "id"),
        Fact("users.password_hash", "unique"),
        Fact("orders.user_id", "refers", "orders.id"),
        Fact("orders.price", "index", "idx_orders_symbol"),
        Fact("orders.symbol", "index", "idx_orders_symbol symbol, price"),
        Fact("market_data.created_at", "hypertable"),
    ],
    ids=lambda fact: fact.name,
)
def test_what_is_not_so_is_not_found(schema: psycopg.Connection, fact: Fact) -> None:
    assert not holds(schema, fact)
