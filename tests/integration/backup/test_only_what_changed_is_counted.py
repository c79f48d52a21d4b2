"""Sets on top of one another: what the log doesn't name is taken over, and verify and drill prove the sums like any other count."""

from __future__ import annotations

from pathlib import Path

import pytest

from backup.drill import drill
from backup.make import make
from backup.postgres import evidence
from backup.sets.files import SetFiles
from backup.sets.model import Manifest
from backup.storage.sources import files_of, source_of
from backup.verify import verify
from infra.clients import postgres
from infra.connections import Platform
from tests.support.scratch_platform import ScratchPlatform


def made(platform: Platform, folder: Path, kind: str, *, recount: bool = False) -> Manifest:
    manifest = make(platform, kind="full" if kind == "full" else "incremental", stores=["postgres"], folder=folder, recount=recount)
    assert manifest
    return manifest


def read(platform: Platform, folder: Path, manifest: Manifest) -> tuple[SetFiles, evidence.Evidence]:
    files = files_of(platform, source_of(platform, folder), manifest)
    return files, evidence.read(files, manifest)


def checksums(manifest: Manifest) -> dict[str, str | None]:
    assert manifest.postgres
    return {name: record.checksum for name, record in manifest.postgres.reference_point.tables.items()}


@pytest.mark.exhaustive
def test_sets_count_what_changed_and_a_drill_agrees(scratch_platform: ScratchPlatform, tmp_path: Path) -> None:
    platform = scratch_platform.platform
    first = made(platform, tmp_path, "full")
    assert first.postgres
    assert not first.postgres.taken_over
    assert first.postgres.counted
    made(platform, tmp_path, "incremental")
    with postgres(platform, "ingest") as connection:
        connection.execute(
            "insert into market_data (symbol, timestamp, open, high, low, close, volume)"
            " values ('LATE', now() + interval '1 hour', 1, 2, 1, 1, 5)"
        )
    hourly = made(platform, tmp_path, "incremental")
    assert hourly.postgres
    assert hourly.postgres.taken_over > hourly.postgres.counted
    assert checksums(hourly)["market_data"] not in (None, checksums(first)["market_data"])
    assert checksums(hourly)["users"] == checksums(first)["users"]
    files, told = read(platform, tmp_path, hourly)
    assert any(part.set_id == first.id or part.set_id < hourly.id for part in told.parts)
    assert evidence.faults(files, hourly) == []
    daily = made(platform, tmp_path, "full")
    assert daily.postgres
    assert daily.postgres.taken_over > 0
    assert checksums(daily) == checksums(hourly)
    everything = made(platform, tmp_path, "incremental", recount=True)
    assert everything.postgres
    assert (everything.postgres.taken_over, everything.postgres.unlogged_changes) == (0, ())
    assert checksums(everything) == checksums(hourly)
    assert [verdict.faults for verdict in verify(platform, every=True, folder=tmp_path)] == [()] * 5
    report = drill(platform, daily.id, folder=tmp_path)
    assert report.passed, report


@pytest.mark.exhaustive
def test_evidence_that_was_changed_is_named_and_not_used(scratch_platform: ScratchPlatform, tmp_path: Path) -> None:
    platform = scratch_platform.platform
    made(platform, tmp_path, "full")
    path = tmp_path / made(platform, tmp_path, "incremental").id / "postgres/evidence.json.age"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    path.write_bytes(content)
    (verdict,) = [each for each in verify(platform, every=True, folder=tmp_path) if not each.good]
    assert verdict.faults == ("postgres/evidence.json has changed: its SHA-256 differs",)
    after = made(platform, tmp_path, "incremental")
    assert after.postgres
    assert after.postgres.unlogged_changes == ()
    assert None not in checksums(after).values()
