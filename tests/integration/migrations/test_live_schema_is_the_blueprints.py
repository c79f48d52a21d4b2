"""The schema that the migrations make, read back from the server and compared with the blueprint."""

from __future__ import annotations

import re
from typing import Any

import pytest

from christmas.blueprint import relational
from christmas.blueprint.model import Index, Rollup, Table
from christmas.blueprint.relational import ROLLUPS, TABLES
from migrations.edition import INTERNAL_TABLES
from tests.support.postgres_server import ScratchServer

TABLE_NAMES = [table.name for table in TABLES]
ROLLUP_NAMES = [rollup.name for rollup in ROLLUPS]


def ask(server: ScratchServer, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with server.admin() as connection:
        return connection.execute(query.encode(), parameters or None).fetchall()


def test_there_are_exactly_the_declared_tables(migrated_server: ScratchServer) -> None:
    found = ask(migrated_server, "select tablename from pg_tables where schemaname = 'public'")
    assert {name for (name,) in found} == {*TABLE_NAMES, *ROLLUP_NAMES, *INTERNAL_TABLES, "alembic_version"}


@pytest.mark.parametrize("table", TABLES, ids=TABLE_NAMES)
def test_columns_have_the_declared_names_types_and_nullability_in_order(migrated_server: ScratchServer, table: Table) -> None:
    found = ask(
        migrated_server,
        "select attname, format_type(atttypid, atttypmod), not attnotnull from pg_attribute "
        "where attrelid = %s::regclass and attnum > 0 and not attisdropped order by attnum",
        table.name,
    )
    assert found == [(column.name, column.type, column.nullable) for column in table.columns]


@pytest.mark.parametrize("table", TABLES, ids=TABLE_NAMES)
def test_indexes_are_the_declared_ones(migrated_server: ScratchServer, table: Table) -> None:
    found = ask(
        migrated_server,
        """
        select c.relname, i.indisprimary, i.indisunique, pg_get_expr(i.indpred, i.indrelid),
            (select array_agg(a.attname::text order by k.place) from unnest(i.indkey::int2[]) with ordinality as k (number, place)
             join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = k.number),
            (select array_agg((o.bits & 1) = 1 order by o.place) from unnest(i.indoption::int2[]) with ordinality as o (bits, place)),
            i.indisvalid
        from pg_index as i join pg_class as c on c.oid = i.indexrelid where i.indrelid = %s::regclass
        """,
        table.name,
    )
    declared = {Index(f"pk_{table.name}", table.primary_key, unique=True), *table.indexes}
    seen = set()
    for name, _, unique, where, columns, downwards, valid in found:
        assert valid
        descending = frozenset(column for column, down in zip(columns, downwards, strict=True) if down)
        wanted = next((index for index in declared if index.name == name), None)
        assert wanted is not None, f"{name} is not declared"
        assert (where is None) == (wanted.where is None)
        if where is not None and wanted.where is not None:
            assert set(re.findall(r"'(\w+)'", where)) == set(re.findall(r"'(\w+)'", wanted.where))
        seen.add(Index(name, tuple(columns), unique, descending, wanted.where))
    assert seen == declared
    assert [tuple(columns) for _, primary, _, _, columns, _, _ in found if primary] == [table.primary_key]


@pytest.mark.parametrize("table", [table for table in TABLES if table.hypertable], ids=lambda table: table.name)
def test_hypertables_are_cut_as_declared(migrated_server: ScratchServer, table: Table) -> None:
    assert table.hypertable is not None
    found = ask(
        migrated_server,
        "select column_name, time_interval from timescaledb_information.dimensions where hypertable_name = %s",
        table.name,
    )
    assert found == [(table.hypertable.time_column, table.hypertable.chunk_interval)]


def test_nothing_else_is_a_hypertable(migrated_server: ScratchServer) -> None:
    found = ask(migrated_server, "select hypertable_name from timescaledb_information.hypertables where hypertable_schema = 'public'")
    assert {name for (name,) in found} == {*ROLLUP_NAMES, *(table.name for table in TABLES if table.hypertable)}


def test_every_table_column_and_function_has_a_comment(migrated_server: ScratchServer) -> None:
    without = ask(
        migrated_server,
        """
        select c.relname || coalesce('.' || a.attname, '')
        from pg_class as c
        left join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v', 'm') and c.relname <> 'alembic_version'
            and not exists (select from pg_depend as d where d.objid = c.oid and d.deptype = 'e')
            and (col_description(c.oid, a.attnum) is null or obj_description(c.oid) is null)
        union all
        select p.proname from pg_proc as p
        left join pg_depend as d on d.objid = p.oid and d.deptype = 'e'
        where p.pronamespace = 'public'::regnamespace and d.objid is null and obj_description(p.oid) is null
        """,
    )
    assert without == []


@pytest.mark.parametrize("rollup", ROLLUPS, ids=ROLLUP_NAMES)
def test_rollups_are_cut_as_declared_and_tell_what_they_hold(migrated_server: ScratchServer, rollup: Rollup) -> None:
    found = ask(
        migrated_server,
        "select time_interval, obj_description(hypertable_name::regclass) from timescaledb_information.dimensions "
        "where hypertable_name = %s",
        rollup.name,
    )
    assert found == [(rollup.chunk_interval, rollup.comment)]


@pytest.mark.parametrize("table", TABLES, ids=TABLE_NAMES)
def test_tables_tell_what_the_blueprint_says_they_hold(migrated_server: ScratchServer, table: Table) -> None:
    assert ask(migrated_server, "select obj_description(%s::regclass)", table.name) == [(table.comment,)]


@pytest.mark.parametrize(
    ("constraint", "declared"),
    [
        ("ck_orders_side", relational.ORDER_SIDES),
        ("ck_trades_side", relational.ORDER_SIDES),
        ("ck_orders_order_type", relational.ORDER_TYPES),
        ("ck_orders_status", relational.ORDER_STATUSES),
        ("ck_backtest_runs_status", relational.BACKTEST_STATUSES),
    ],
)
def test_sets_of_words_are_the_declared_ones(migrated_server: ScratchServer, constraint: str, declared: tuple[str, ...]) -> None:
    ((definition,),) = ask(migrated_server, "select pg_get_constraintdef(oid) from pg_constraint where conname = %s", constraint)
    assert set(re.findall(r"'([a-z_]+)'", definition)) == set(declared)


def test_every_constraint_was_named_by_hand(migrated_server: ScratchServer) -> None:
    found = ask(
        migrated_server,
        "select conrelid::regclass::text, conname, contype::text from pg_constraint "
        "where connamespace = 'public'::regnamespace and contype in ('c', 'f', 'p', 'u') and conrelid::regclass::text <> 'alembic_version'",
    )
    declared = {index.name for table in TABLES for index in table.indexes}
    start = {"c": "ck_", "f": "fk_", "p": "pk_"}
    odd = [(table, name) for table, name, kind in found if name not in declared and not name.startswith(start.get(kind, "-") + table)]
    assert len(found) > 40
    assert odd == []


def test_every_foreign_key_says_what_a_deletion_does_and_has_an_index(migrated_server: ScratchServer) -> None:
    found = ask(
        migrated_server,
        """
        select f.conname, f.confdeltype::text, exists (
            select from pg_index as i where i.indrelid = f.conrelid and i.indpred is null
                and (i.indkey::int2[])[0:cardinality(f.conkey) - 1] = f.conkey
        )
        from pg_constraint as f where f.contype = 'f' and f.connamespace = 'public'::regnamespace
        """,
    )
    assert {name: rule for name, rule, _ in found} == {
        "fk_user_profiles_user_id": "c",
        "fk_orders_user_id": "r",
        "fk_trades_order_id": "r",
        "fk_trades_user_id": "r",
        "fk_backtest_runs_user_id": "c",
        "fk_backtest_results_backtest_id": "c",
    }
    assert [name for name, _, indexed in found if not indexed] == []


def test_everything_belongs_to_the_migrator(migrated_server: ScratchServer) -> None:
    found = ask(
        migrated_server,
        "select distinct pg_get_userbyid(relowner) from pg_class where relnamespace = 'public'::regnamespace "
        "and relkind in ('r', 'v', 'm', 'S') and not exists (select from pg_depend where objid = pg_class.oid and deptype = 'e')",
    )
    assert found == [("migrator",)]
