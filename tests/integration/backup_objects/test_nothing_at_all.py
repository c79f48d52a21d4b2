"""A platform with nothing in it: no table, no key, no collection. It is backed up, verified and drilled like any other."""

from pathlib import Path

import pytest

from backup.drill import describe, drill
from backup.make import make
from backup.verify import verify
from tests.support.scratch_platform import run_scratch_platform


@pytest.mark.exhaustive
def test_an_empty_platform_is_backed_up_and_drilled(tmp_path: Path) -> None:
    with run_scratch_platform(migrated=False) as running:
        manifest = make(running.platform, kind="full", folder=tmp_path)
        assert manifest
        assert manifest.postgres
        assert manifest.postgres.reference_point.tables == {}
        assert manifest.postgres.schema_revision is None
        assert manifest.unproven == ()
        (verdict,) = verify(running.platform, folder=tmp_path)
        assert verdict.good, verdict.faults
        report = drill(running.platform, folder=tmp_path)
        assert report.passed, describe(report)
