"""Up and down every step, with rows in the tables: pytest-alembic's runner on a real server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
import sqlalchemy
from pytest_alembic.config import Config
from pytest_alembic.runner import MigrationContext
from pytest_alembic.tests import test_single_head_revision, test_up_down_consistency, test_upgrade

from christmas.sealed.ring import new_ring
from infra.connections import Platform
from migrations import run
from migrations.profile_sealing import ATTRIBUTE

__all__ = ["test_single_head_revision", "test_up_down_consistency", "test_upgrade"]

# The steps go down and up over rows here in any case.
pytest.mark.exhaustive(test_up_down_consistency)
pytest.mark.exhaustive(test_upgrade)

PHC = "$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA"
PRICES = {"open": 10, "high": 12, "low": 9, "close": 11, "volume": 100}
# Rows that are there when a step's successor comes, and that a step down has to cope with.
ROWS: dict[str, list[dict[str, Any]]] = {
    "0001": [
        {"__tablename__": "users", "id": 1, "username": "a", "email": "a@example.com", "password_hash": PHC},
        {
            "__tablename__": "user_profiles",
            "user_id": 1,
            "first_name": "민지",
            "phone": "+82-2-555-0101",
            "preferences": {"theme": "dark"},
        },
    ],
    "0002": [
        {"__tablename__": "market_data", "symbol": symbol, "timestamp": f"{year}-03-01T00:00:00Z", **PRICES}
        for symbol in ("IBM", "AAPL")
        for year in (2000, 2012, 2013)
    ],
    "0003": [
        {
            "__tablename__": "technical_indicators",
            "symbol": "IBM",
            "timestamp": f"{year}-03-01T00:00:00Z",
            "indicator_type": "sma",
            "value": 1,
        }
        for year in (2000, 2013)
    ],
    "0004": [
        {
            "__tablename__": "orders",
            "id": 1,
            "user_id": 1,
            "symbol": "IBM",
            "order_type": "market",
            "side": "buy",
            "quantity": 1,
            "status": "filled",
        },
        {
            "__tablename__": "trades",
            "order_id": 1,
            "user_id": 1,
            "symbol": "IBM",
            "side": "buy",
            "quantity": 1,
            "price": 10,
            "timestamp": "2013-03-01T15:00:00Z",
        },
    ],
    "0005": [
        {
            "__tablename__": "backtest_runs",
            "id": 1,
            "user_id": 1,
            "strategy_name": "cross",
            "start_date": "2012-01-01T00:00:00Z",
            "end_date": "2013-01-01T00:00:00Z",
            "symbols": ["IBM"],
            "status": "completed",
        },
        {"__tablename__": "backtest_results", "backtest_id": 1, "total_trades": 1},
    ],
}


@pytest.fixture
def alembic_config() -> Config:
    configuration = run.configuration()
    configuration.attributes[ATTRIBUTE] = new_ring().as_json()
    return Config(alembic_config=configuration, at_revision_data=ROWS)


@pytest.fixture
def alembic_engine(empty_platform: Platform) -> Iterator[sqlalchemy.Engine]:
    url = empty_platform.postgres_url("migrator")
    engine = sqlalchemy.create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(url), poolclass=sqlalchemy.NullPool)
    yield engine
    engine.dispose()


def test_every_step_goes_up_down_and_up_again_over_the_rows_of_those_before(alembic_runner: MigrationContext) -> None:
    revisions = [revision for revision in alembic_runner.history.revisions if revision not in {"base", "heads"}]
    assert list(ROWS) == [revision for revision in revisions if revision in ROWS]
    for number, revision in enumerate(revisions):
        alembic_runner.migrate_up_to(revision)
        alembic_runner.migrate_down_to(revisions[number - 1] if number else "base")
        alembic_runner.migrate_up_to(revision)
    assert alembic_runner.current == revisions[-1]


def test_every_revision_that_makes_a_table_has_rows_here(alembic_runner: MigrationContext) -> None:
    from migrations.statements import FOLDER, load

    named = {path.stem.removesuffix(".up") for path in FOLDER.glob("*.up.sql")}
    making = {name.split("_")[0] for name in named if "create table" in load(f"{name}.up")}
    # The longer candles of 0006 are made from the rows of 0002.
    assert making - {"0006"} == set(ROWS)
