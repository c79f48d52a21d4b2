"""Candles in thousands of chunks: loaded at once, computed on, counted as backups do, checked, kept up and dropped; and bounded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from backup.drill import describe, drill
from backup.make import make
from backup.sets.model import SetKind
from backup.verify import verify
from christmas.blueprint.relational import CHUNK_INTERVAL
from christmas.blueprint.services import MOST_CHUNKS
from core.errors import PlatformError
from infra.connections import Platform
from migrations.upkeep.run import drop_old, maintain
from monitor import checks
from seed import indicators
from seed.candle_files import writing
from seed.candle_files.load import load_files
from seed.candle_files.options import LoadOptions
from tests.support.postgres_server import ScratchServer
from tests.support.scratch_platform import run_scratch_platform

pytestmark = pytest.mark.exhaustive

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CENTURIES = 3_926  # chunks of a public report: 301 years
DECADES = 500  # so many in each of two hypertables, a hundred of them older than what is kept


def write(path: Path, chunks: int) -> Path:
    """A candle in each of so many chunks, the last of them this year's."""
    days = (NOW - CHUNK_INTERVAL * number for number in range(chunks))
    rows = "\n".join(f"LONG,{day:%Y-%m-%d},10,12,9,11,5" for day in days)
    path.write_text(f"symbol,timestamp,open,high,low,close,volume\n{rows}\n")
    return path


@pytest.fixture
def platform(migrated_platform: Platform) -> Platform:
    return migrated_platform


def chunks(platform: Platform) -> int:
    with psycopg.connect(platform.postgres_url("monitor")) as connection:
        row = connection.execute("select count(*) from timescaledb_information.chunks where hypertable_name = 'market_data'").fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("strict", [True, False])
def test_what_would_take_too_many_chunks_is_refused_with_its_lines(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, strict: bool
) -> None:
    monkeypatch.setattr(writing, "MOST_CHUNKS", 30)
    load_files(platform, [write(tmp_path / "some.csv", 20)], LoadOptions(strict=strict))
    with pytest.raises(PlatformError, match="at most 30 are allowed, and there would be 45") as refused:
        load_files(platform, [write(tmp_path / "more.csv", 45)], LoadOptions(strict=strict))
    assert "more.csv, lines 2 to 46" in refused.value.where
    assert chunks(platform) == 20


def test_old_chunks_are_dropped_a_few_at_a_time(platform: Platform, scratch_server: ScratchServer, tmp_path: Path) -> None:
    load_files(platform, [write(tmp_path / "some.csv", 20)])
    with scratch_server.admin() as connection:
        # Thirty years are kept: seen from then, all but the newest few have gone by.
        dropped = drop_old(connection, NOW + timedelta(days=30 * 365 - 100), chunks=3)
    assert dropped["market_data"] >= 14
    assert chunks(platform) == 20 - dropped["market_data"]


def test_candles_over_centuries_can_be_loaded_counted_kept_up_and_dropped(
    platform: Platform, scratch_server: ScratchServer, tmp_path: Path
) -> None:
    assert CENTURIES < MOST_CHUNKS
    report = load_files(platform, [write(tmp_path / "centuries.csv", CENTURIES)], LoadOptions(strict=True))
    assert report.loaded == CENTURIES == chunks(platform)
    indicators.load(platform)
    # As a backup counts: in one transaction, so that the locks add up.
    with psycopg.connect(platform.postgres_url("backup")) as connection, connection.transaction():
        for table, rows in (("market_data", CENTURIES), ("technical_indicators", 1)):
            row = connection.execute(f"select count(*), sum(hash_record_extended(t, 0)) from {table} as t".encode()).fetchone()
            assert row is not None
            assert row[0] >= rows
    found = {each.name: each for each in checks.run(platform, ["postgres.chunks", "postgres.tables", "postgres.indexes"], timeout=120)}
    assert {each.status for each in found.values()} <= {"ok", "warning"}, found
    assert "chunks" in found["postgres.chunks"].message
    kept = maintain(platform)
    assert kept.dropped["market_data"] > 3_000
    assert maintain(platform).dropped["market_data"] == 0
    with scratch_server.admin() as connection:
        connection.execute("truncate market_data, technical_indicators")
    assert chunks(platform) == 0


@pytest.mark.timeout(3 * 3600)
def test_hundreds_of_chunks_can_be_backed_up_drilled_and_backed_up_again_after_upkeep(tmp_path: Path) -> None:
    """With the platform's own settings, through the tasks' own code: sets of both kinds, a portable dump in the full one, and drills."""
    with run_scratch_platform() as running:
        platform, sets = running.platform, tmp_path / "sets"
        assert load_files(platform, [write(tmp_path / "decades.csv", DECADES)], LoadOptions(strict=True)).loaded == DECADES
        indicators.load(platform)
        kinds: tuple[SetKind, ...] = ("full", "incremental")
        for kind in kinds:
            manifest = make(platform, kind=kind, stores=["postgres"], folder=sets)
            assert manifest
            assert manifest.postgres
            assert manifest.unproven == ()
            assert manifest.postgres.reference_point.tables["market_data"].rows == DECADES
            assert bool(manifest.postgres.logical) == (kind == "full")
        (verdict, *_) = verify(platform, folder=sets)
        assert verdict.good, verdict.faults
        report = drill(platform, folder=sets)
        assert report.passed, describe(report)
        assert maintain(platform).dropped["market_data"] > DECADES - 400
        manifest = make(platform, kind="incremental", stores=["postgres"], folder=sets)
        assert manifest
        report = drill(platform, manifest.id, folder=sets)
        assert report.passed, describe(report)
