"""The reviewed snapshot is what the migrations make, and every kind of change by hand is found and named."""

from __future__ import annotations

import pytest

from core.errors import PlatformError
from infra.connections import Platform
from migrations import run
from migrations.edition import Edition
from migrations.schema import snapshot
from migrations.schema.drift import Change, drift
from tests.support.cases import in_make_test
from tests.support.postgres_server import ScratchServer


def test_the_reviewed_snapshot_is_what_the_migrations_make(migrated_server: ScratchServer) -> None:
    with migrated_server.admin() as connection:
        live = snapshot.read_live(connection)
        text = snapshot.render(live, run.head_revision(), Edition.APACHE)
    assert snapshot.file_of(Edition.APACHE).read_text("utf-8") == text, "look over the change, then `invoke migrate.snapshot`"


def test_a_snapshot_reads_back_as_it_was_written(migrated_server: ScratchServer) -> None:
    with migrated_server.admin() as connection:
        live = snapshot.read_live(connection)
    assert snapshot.parse(snapshot.render(live, "1", Edition.APACHE)) == live


def test_a_fresh_schema_has_no_drift(migrated_server: ScratchServer) -> None:
    assert drift(migrated_server.platform) == []


@pytest.mark.parametrize(
    ("change", "kind", "name", "by_hand"),
    in_make_test(
        [
            (Change.ADDED, "table", "extra", "create table extra (id integer)"),
            (Change.ADDED, "view", "peek", "create view peek as select id from users"),
            (Change.CHANGED, "table", "users", "alter table users add column nickname text"),
            (Change.CHANGED, "table", "users", "alter table users alter column is_active drop default"),
            (Change.CHANGED, "table", "orders", "alter table orders alter column symbol type varchar(30)"),
            (Change.CHANGED, "table", "orders", "alter table orders alter column status drop not null"),
            (Change.MISSING, "constraint", "trades.ck_trades_price", "alter table trades drop constraint ck_trades_price"),
            (Change.ADDED, "constraint", "users.ck_users_x", "alter table users add constraint ck_users_x check (id > 0)"),
            (Change.MISSING, "index", "orders.idx_orders_symbol", "drop index idx_orders_symbol"),
            (
                Change.CHANGED,
                "index",
                "orders.idx_orders_symbol",
                "drop index idx_orders_symbol; create index idx_orders_symbol on orders (symbol desc)",
            ),
            (Change.MISSING, "trigger", "users.users_updated_at", "drop trigger users_updated_at on users"),
            (Change.CHANGED, "trigger", "users.users_updated_at", "alter table users disable trigger users_updated_at"),
            (
                Change.CHANGED,
                "function",
                "set_updated_at()",
                "create or replace function set_updated_at() returns trigger language plpgsql as 'begin return new; end'",
            ),
            (Change.CHANGED, "hypertable", "market_data", "select set_chunk_time_interval('market_data', interval '1 day')"),
            (Change.MISSING, "comment", "users.email", "comment on column users.email is null"),
            (Change.CHANGED, "owner", "users", "alter table users owner to scratch_admin"),
        ],
        0,
        3,
        6,
        8,
        10,
        13,
    ),
)
def test_a_change_by_hand_is_found_and_named(
    migrated_platform: Platform, scratch_server: ScratchServer, change: Change, kind: str, name: str, by_hand: str
) -> None:
    with scratch_server.admin() as connection:
        connection.execute(by_hand.encode())
    found = drift(migrated_platform)
    assert (change, kind, name) in {(each.change, each.kind, each.name) for each in found}
    assert name in "\n".join(map(str, found))


def test_a_schema_that_is_behind_is_told_to_migrate(empty_platform: Platform) -> None:
    run.upgrade(empty_platform, "0003")
    with pytest.raises(PlatformError, match="the schema is at 0003, head is"):
        drift(empty_platform)
