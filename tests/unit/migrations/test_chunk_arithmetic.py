"""The sum behind the chunk interval (docs/adr/0501), repeated with the blueprint's numbers."""

from __future__ import annotations

from datetime import timedelta

import pytest

from christmas.blueprint.model import Table
from christmas.blueprint.relational import TABLES
from christmas.blueprint.services import TIMESCALEDB

# Bytes of index for a row, measured with every index in place on 1.95 million candles and 350,000 indicator values.
INDEX_BYTES = {"market_data": 98, "technical_indicators": 169}
HYPERTABLES = [table for table in TABLES if table.hypertable]


def index_bytes(table: Table) -> float:
    assert table.hypertable is not None
    return table.hypertable.rows_per_week * (table.hypertable.chunk_interval / timedelta(weeks=1)) * INDEX_BYTES[table.name]


def test_the_indexes_of_the_active_chunks_fit_a_quarter_of_the_memory() -> None:
    assert sum(index_bytes(table) for table in HYPERTABLES) <= TIMESCALEDB.limits.memory_mib * 1024**2 / 4


@pytest.mark.parametrize("table", HYPERTABLES, ids=lambda table: table.name)
def test_a_longer_interval_would_not_fit(table: Table) -> None:
    """Chunks are as long as memory allows: each one more costs planning time. The next longer choice is a quarter of a year."""
    total = sum(index_bytes(hypertable) for hypertable in HYPERTABLES)
    assert total * 91 / 28 > TIMESCALEDB.limits.memory_mib * 1024**2 / 4
    assert table.hypertable is not None
    assert table.hypertable.chunk_interval == timedelta(days=28)
