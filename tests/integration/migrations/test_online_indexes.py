"""Indexes that are built while others write, on plain tables and on hypertables, and again after an interruption."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from core.errors import PlatformError
from infra.connections import Platform
from migrations import run, statements
from tests.support.postgres_server import ScratchServer
from tests.support.waiting import PATIENCE, wait_for

pytestmark = pytest.mark.exhaustive

REVISION = """
from migrations.online import build_index
from migrations.statements import run

revision = {number!r}
down_revision = {head!r}

def upgrade():
    build_index("{name}.up")

def downgrade():
    run("{name}.down")
"""
ON_TABLE = "-- online: orders has rows\ncreate index concurrently idx_orders_status on orders (status);\n"
ON_HYPERTABLE = (
    "-- online: market_data has rows\n"
    "create index idx_market_data_volume on market_data (volume) with (timescaledb.transaction_per_chunk);\n"
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copied = tmp_path / "migrations"
    shutil.copytree(Path(run.__file__).parent, copied, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(run, "_HERE", copied)
    monkeypatch.setattr(statements, "FOLDER", copied / "sql")
    return copied


def add_index(folder: Path, text: str) -> str:
    head = run.head_revision()
    number = f"{int(head) + 1:04d}"
    (folder / "versions" / f"r{number}_index.py").write_text(REVISION.format(number=number, head=head, name=f"{number}_index"))
    (folder / "sql" / f"{number}_index.up.sql").write_text(text)
    name = text.split(" on ", maxsplit=1)[0].rsplit(maxsplit=1)[-1]
    (folder / "sql" / f"{number}_index.down.sql").write_text(f"drop index if exists {name};\n")
    return number


def fill(platform: Platform) -> None:
    with psycopg.connect(platform.postgres_url("migrator")) as connection:
        connection.execute(
            "insert into market_data (symbol, timestamp, volume) "
            "select 'S' || s, '2012-01-01'::timestamptz + d * interval '1 day', d "
            "from generate_series(1, 20) as s, generate_series(1, 200) as d"
        )
        connection.execute("insert into users (username, email, password_hash) values ('a', 'a@example.com', '$argon2id$x')")
        connection.execute(
            "insert into orders (user_id, symbol, order_type, side, quantity, status) "
            "select u.id, 'IBM', 'market', 'buy', 1, 'open' from users as u, generate_series(1, 2000)"
        )


def validity(platform: Platform, index: str) -> list[bool]:
    """Of the index and of its copies on chunks."""
    with psycopg.connect(platform.postgres_url("migrator")) as connection:
        rows = connection.execute(
            "select i.indisvalid from pg_index as i join pg_class as c on c.oid = i.indexrelid where c.relname like %s", (f"%{index}",)
        ).fetchall()
    return [valid for (valid,) in rows]


@pytest.mark.parametrize(("text", "index"), [(ON_TABLE, "idx_orders_status"), (ON_HYPERTABLE, "idx_market_data_volume")])
def test_an_index_is_built_and_taken_away_again(migrated_platform: Platform, folder: Path, text: str, index: str) -> None:
    fill(migrated_platform)
    number = add_index(folder, text)
    assert run.upgrade(migrated_platform).current == number
    built = validity(migrated_platform, index)
    assert built
    assert all(built)
    assert len(built) > 5 if index == "idx_market_data_volume" else len(built) == 1
    run.downgrade(migrated_platform, "-1")
    assert validity(migrated_platform, index) == []


@pytest.mark.parametrize(("text", "index"), [(ON_TABLE, "idx_orders_status"), (ON_HYPERTABLE, "idx_market_data_volume")])
def test_what_an_interrupted_build_left_is_replaced(
    migrated_platform: Platform, scratch_server: ScratchServer, folder: Path, text: str, index: str
) -> None:
    fill(migrated_platform)
    table = "orders" if index == "idx_orders_status" else "market_data"
    with scratch_server.admin() as connection:
        # What is left of a build that was cut off, without having to hit the server at that very moment.
        connection.execute(f"create index {index} on {table} (created_at)".encode())
        connection.execute("update pg_index set indisvalid = false where indexrelid = %s::regclass", (index,))
    number = add_index(folder, text)
    assert run.upgrade(migrated_platform).current == number
    assert all(validity(migrated_platform, index))
    with scratch_server.admin() as connection:
        assert "created_at" not in str(connection.execute("select pg_get_indexdef(%s::regclass)", (index,)).fetchone())


def test_writers_go_on_while_an_index_is_built(migrated_platform: Platform, folder: Path) -> None:
    """A transaction that wrote and isn't finished makes the build wait; other writers don't."""
    fill(migrated_platform)
    add_index(folder, ON_TABLE)
    insert = (
        "insert into orders (user_id, symbol, order_type, side, quantity, status) select id, 'IBM', 'market', 'buy', 1, 'open' from users"
    )
    url = migrated_platform.postgres_url("api")
    with (
        ThreadPoolExecutor() as pool,
        psycopg.connect(url) as unfinished,
        psycopg.connect(url, options="-c lock_timeout=1s") as writer,
    ):
        unfinished.execute(insert)
        build = pool.submit(run.upgrade, migrated_platform)
        _wait_for_build(migrated_platform)
        assert writer.execute(insert).rowcount == 1
        writer.rollback()
        assert not build.done()
        unfinished.rollback()
        assert build.result(PATIENCE).current
    assert validity(migrated_platform, "idx_orders_status") == [True]


def _wait_for_build(platform: Platform) -> None:
    query = "select 1 from pg_stat_activity where query like '%create index concurrently%' and pid <> pg_backend_pid()"
    with psycopg.connect(platform.postgres_url("migrator"), autocommit=True) as connection:
        wait_for(lambda: connection.execute(query).fetchone(), "the index is being built", pause=0.01)


@pytest.mark.parametrize("text", ["create index idx_orders_status on orders (status);", "select 1;", ON_TABLE + ON_HYPERTABLE])
def test_a_step_that_is_not_one_online_index_is_refused(migrated_platform: Platform, folder: Path, text: str) -> None:
    add_index(folder, text)
    with pytest.raises(PlatformError, match="must be one index"):
        run.upgrade(migrated_platform)
